"""Sizes, durations, percentages: what is read, what is refused, what people see."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_memguard.units import (
    MAX_BYTES,
    MAX_SECONDS,
    Budget,
    UnitError,
    format_bytes,
    format_duration,
    format_percent,
    parse_budget,
    parse_duration,
    parse_fraction,
    parse_size,
)

NOT_A_NUMBER = [
    "",
    "  ",
    "nan",
    "inf",
    "-1",
    "-5 MB",
    "1e6",
    "1_000",
    "0x10",
    "lots",
    "MB",
    "1,5 MB",
    "1 2",
    "٣ MB",
    "1" * 31,
]
NOT_EVEN_TEXT = [None, True, False, math.nan, math.inf, -math.inf, -1, -0.5, [], {}, b"1", 1j, object]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("50 MB", 50_000_000),
        ("50MB", 50_000_000),
        ("50 mb", 50_000_000),
        ("1 MiB", 1_048_576),
        ("1.5GB", 1_500_000_000),
        ("1.5 GiB", 1_610_612_736),
        (".5 KiB", 512),
        ("0", 0),
        ("4096", 4096),
        (" 4096 B ", 4096),
        (4096, 4096),
        (4096.0, 4096),
        (0, 0),
        ("1 KB", 1000),
        ("2 TB", 2 * 10**12),
        ("1 PiB", 2**50),
        ("1.0001 KB", 1000),
        (MAX_BYTES, MAX_BYTES),
    ],
)
def test_sizes_that_are_read(written, expected):
    assert parse_size(written) == expected


@pytest.mark.parametrize(("written", "expected"), [("1 MB", 2**20), ("1 MiB", 2**20), ("24 KB", 24 * 1024), (7, 7)])
def test_sizes_in_powers_of_1024(written, expected):
    assert parse_size(written, binary=True) == expected


@pytest.mark.parametrize(
    "written", [*NOT_A_NUMBER, *NOT_EVEN_TEXT, "5 MX", "5 %", "5 s", 1.5, "0.1 B", "8192 PiB", 2**63, 1e300], ids=repr
)
def test_sizes_that_are_refused(written):
    with pytest.raises(UnitError, match='a size such as "50 MB"'):
        parse_size(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("30s", 30.0), ("250ms", 0.25), ("2m", 120.0), ("2 min", 120.0), ("1h", 3600.0), ("0s", 0.0), ("1.5 H", 5400.0),
     ("15us", 15e-6), ("1d", 86400.0)],
)  # fmt: skip
def test_durations_that_are_read(written, expected):
    assert parse_duration(written) == expected


@pytest.mark.parametrize(
    "written", [*NOT_A_NUMBER, *NOT_EVEN_TEXT, "5 MB", "5 weeks", "5%", "30", 30, "367d"], ids=repr
)
def test_durations_that_are_refused(written):
    with pytest.raises(UnitError, match='a duration such as "30s"'):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "expected"), [(30000, 30.0), ("30000", 30.0), ("30s", 30.0), (0, 0.0), (0.5, 0.0005)]
)
def test_durations_whose_bare_numbers_count_milliseconds(written, expected):
    assert parse_duration(written, bare_unit="ms") == expected


def test_a_bare_duration_is_told_how_to_be_written():
    with pytest.raises(UnitError) as caught:
        parse_duration("60")

    assert caught.value.remedy == 'for seconds write "60s"'


@pytest.mark.parametrize(
    ("written", "expected"),
    [(0.8, 0.8), ("0.8", 0.8), ("80%", 0.8), ("80 %", 0.8), (1, 1.0), (0, 0.0), ("0.5%", 0.005)],
)
def test_fractions_that_are_read(written, expected):
    assert parse_fraction(written) == expected


@pytest.mark.parametrize("written", [*NOT_A_NUMBER, *NOT_EVEN_TEXT, 1.01, 800, "101%", "0.5 MB"], ids=repr)
def test_fractions_that_are_refused(written):
    with pytest.raises(UnitError, match="a fraction from 0 to 1"):
        parse_fraction(written)


def test_a_percentage_without_its_sign_is_told_how_to_be_written():
    with pytest.raises(UnitError) as caught:
        parse_fraction(80)

    assert caught.value.remedy == 'for 80 percent write "80%"'


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("30s", Budget(seconds=30.0)),
        ("2m", Budget(seconds=120.0)),
        ("100%", Budget(share=1.0)),
        ("12.5 %", Budget(share=0.125)),
        ("0%", Budget(share=0.0)),
        ("unlimited", Budget()),
        (" Unlimited ", Budget()),
    ],
)
def test_budgets_that_are_read(written, expected):
    assert parse_budget(written) == expected


@pytest.mark.parametrize("written", [*NOT_A_NUMBER, *NOT_EVEN_TEXT, "60", 60, "2000000%", "5 MB", "1 year"], ids=repr)
def test_budgets_that_are_refused(written):
    with pytest.raises(UnitError, match="a percentage of the suite's own run"):
        parse_budget(written)


def test_a_bare_budget_is_told_both_ways_to_be_written():
    with pytest.raises(UnitError) as caught:
        parse_budget(60)

    assert caught.value.remedy == 'write "60s" or "60%"'


@pytest.mark.parametrize(
    ("budget", "suite_s", "expected"),
    [
        (Budget(share=1.0), 400.0, 400.0),
        (Budget(share=1.0), 2.0, 30.0),
        (Budget(share=0.1), 400.0, 40.0),
        (Budget(share=0.0), 400.0, 0.0),
        (Budget(seconds=5.0), 400.0, 5.0),
        (Budget(), 400.0, math.inf),
    ],
)
def test_what_a_budget_comes_to(budget, suite_s, expected):
    assert budget.seconds_for(suite_s) == expected


@pytest.mark.parametrize(
    ("budget", "expected"), [(Budget(share=1.0), "100%"), (Budget(seconds=90.0), "1 min 30 s"), (Budget(), "unlimited")]
)
def test_how_a_budget_is_shown(budget, expected):
    assert str(budget) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 B"),
        (96, "96 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1048576, "1.0 MiB"),
        (1048575, "1.0 MiB"),
        (312 * 2**20, "312 MiB"),
        (99.96 * 2**20, "100 MiB"),
        (2**30, "1.0 GiB"),
        (5 * 2**50, "5.0 PiB"),
        (-1536, "-1.5 KiB"),
    ],
)
def test_sizes_for_people(size, expected):
    assert format_bytes(size) == expected


@pytest.mark.parametrize(("size", "expected"), [(1048576, "+1.0 MiB"), (-2048, "-2.0 KiB"), (0, "+0 B")])
def test_signed_sizes_for_people(size, expected):
    assert format_bytes(size, signed=True) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (15e-6, "15 us"),
        (0.00099999, "1 ms"),
        (0.05, "50 ms"),
        (0.25, "0.2 s"),
        (0.31, "0.3 s"),
        (1.0, "1 s"),
        (9.96, "10 s"),
        (38, "38 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (5400, "1 h 30 min"),
        (90000, "1 d 1 h"),
        (-2, "-2 s"),
        (math.inf, "unlimited"),
    ],
)
def test_durations_for_people(seconds, expected):
    assert format_duration(seconds) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.8, "80%"), (0.003, "0.3%"), (1, "100%"), (0.07, "7%")])
def test_shares_for_people(share, expected):
    assert format_percent(share) == expected


# The machine may be busy: how long an example takes says nothing here.
UNTIMED = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
ANYTHING = st.one_of(
    st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.binary(), st.lists(st.integers(), max_size=2)
)
NEARLY = st.from_regex(r"\A[-+]?[0-9]{0,40}[.,]?[0-9]{0,40} ?([kKmMgG][iI]?[bB]|%|s|ms|h)?\Z")


@UNTIMED
@given(st.one_of(ANYTHING, NEARLY))
def test_whatever_is_written_is_read_within_bounds_or_refused(value):
    for parse, most in ((parse_size, MAX_BYTES), (parse_duration, MAX_SECONDS), (parse_fraction, 1)):
        try:
            found = parse(value)
        except UnitError:
            continue
        assert 0 <= found <= most
    with contextlib.suppress(UnitError):
        assert parse_budget(value).seconds_for(10.0) >= 0


@UNTIMED
@given(st.integers(min_value=0, max_value=MAX_BYTES))
def test_whole_bytes_survive_as_number_and_as_text(size):
    assert parse_size(size) == parse_size(f"{size} B") == size
