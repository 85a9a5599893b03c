"""What counts as growth over earlier runs, and what is noise."""

from __future__ import annotations

import pytest

from pytest_memguard.history.comparison import LEAST_RUNS, Tolerance, median, rises, worth_comparing
from tests.unit.history_lab import MIB, figures

TOLERANCE = Tolerance(bytes=4 * MIB, share=0.2)
STEADY = [figures(peak=20 * MIB + noise * 4096) for noise in (0, 3, 1, 9, 2, 0, 5, 1, 4, 2)]


def risen(now, before=STEADY, tolerance=TOLERANCE):
    return [rise.metric for rise in rises(now, before, tolerance)]


def test_a_peak_far_above_the_usual_one():
    (rise,) = rises(figures(peak=60 * MIB), STEADY, TOLERANCE)

    assert (rise.metric, rise.bytes, rise.usual_bytes) == ("peak", 60 * MIB, 20 * MIB + 2 * 4096)
    assert (rise.lowest_bytes, rise.highest_bytes, rise.runs) == (20 * MIB, 20 * MIB + 9 * 4096, 10)
    assert rise.rise_bytes == 40 * MIB - 2 * 4096


@pytest.mark.parametrize(
    ("peak", "usual", "expected"),
    [
        (20 * MIB + 1, 20 * MIB, []),  # one byte more never fails
        (23 * MIB, 10 * MIB, ["peak"]),
        (13 * MIB, 10 * MIB, []),  # 30 %, but 3 MiB
        (104 * MIB, 90 * MIB, []),  # 14 MiB, but 15 %
        (120 * MIB, 90 * MIB, ["peak"]),
        (4 * MIB, 0, []),
        (5 * MIB, 0, ["peak"]),
    ],
)
def test_both_tolerances_must_be_exceeded(peak, usual, expected):
    assert risen(figures(peak=peak), [figures(peak=usual)] * 6) == expected


def test_a_few_runs_tell_nothing():
    assert risen(figures(peak=60 * MIB), STEADY[: LEAST_RUNS - 1]) == []
    assert risen(figures(peak=60 * MIB), STEADY[:LEAST_RUNS]) == ["peak"]


def test_a_test_that_is_noisy_by_itself_may_be():
    noisy = [figures(peak=size * MIB) for size in (20, 45, 31, 24, 52, 28, 38, 22, 41, 35)]

    assert risen(figures(peak=60 * MIB), noisy) == []
    assert risen(figures(peak=160 * MIB), noisy) == ["peak"]


def test_what_stays_is_told_in_three_runs_of_ten_and_usual_then():
    before = list(STEADY)
    told = []
    for _ in range(8):
        told.append(risen(figures(peak=60 * MIB), before[-10:]))
        before.append(figures(peak=60 * MIB))

    assert told == [["peak"]] * 3 + [[]] * 5


def test_what_comes_and_goes_is_no_growth():
    before = [figures(peak=(60 if number % 3 == 0 else 20) * MIB) for number in range(10)]

    assert risen(figures(peak=60 * MIB), before) == []


def test_one_odd_run_hides_nothing():
    before = [*STEADY[:-1], figures(peak=500 * MIB)]

    assert risen(figures(peak=60 * MIB), before) == ["peak"]


def test_a_test_that_now_loads_what_others_loaded_before_it_has_not_grown():
    # The process was 100 MiB at its start, and now it is 40 MiB less: what made it so comes later, or here.
    moved = figures(peak=60 * MIB, kept=40 * MIB, start=60 * MIB)

    assert risen(moved) == []
    assert risen(figures(peak=60 * MIB, kept=40 * MIB)) == ["retained", "peak"]


def test_retained_memory_is_read_off_the_heap_where_it_was_read():
    before = [figures(retained=1 * MIB, kept=30 * MIB)] * 6

    # Pages that stay although the heap is as small as ever.
    assert risen(figures(retained=1 * MIB, kept=60 * MIB), before) == []
    assert risen(figures(retained=40 * MIB, kept=60 * MIB), before) == ["retained"]
    # Not read now: the pages are what can be compared.
    assert risen(figures(retained=None, kept=60 * MIB), before) == ["retained"]


def test_heap_and_pages_are_never_compared_with_each_other():
    pages = [figures(retained=None, kept=0)] * 6

    assert risen(figures(retained=40 * MIB, kept=0), pages) == []


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_only_tests_that_passed_are_compared(outcome):
    assert risen(figures(peak=60 * MIB, outcome=outcome)) == []
    assert not worth_comparing(figures(peak=60 * MIB, outcome=outcome), TOLERANCE)
    # Skipped it took nothing: that is not what is usual.
    assert risen(figures(peak=60 * MIB), [*STEADY[:4], *[figures(peak=0, outcome=outcome)] * 6]) == []


def test_what_is_not_known_is_no_growth():
    unknown = [figures(start=None)] * 10

    assert risen(figures(peak=60 * MIB), unknown) == risen(figures(peak=60 * MIB), []) == []
    assert risen(figures(start=None)) == []
    # Half of the runs could not read it: the others tell.
    assert risen(figures(peak=60 * MIB), [*unknown[:5], *STEADY[:5]]) == ["peak"]


def test_memory_that_was_given_back_is_as_good_as_nothing():
    before = [figures(retained=-50 * MIB, kept=-50 * MIB, peak=0)] * 6

    assert risen(figures(retained=0, kept=0, peak=0), before) == []
    assert risen(figures(retained=5 * MIB, kept=5 * MIB, peak=5 * MIB), before) == ["retained", "peak"]


def test_small_tests_are_not_looked_up():
    assert not worth_comparing(figures(peak=4 * MIB, kept=1 * MIB), TOLERANCE)
    assert worth_comparing(figures(peak=5 * MIB), TOLERANCE)
    assert worth_comparing(figures(peak=0, retained=5 * MIB), TOLERANCE)


@pytest.mark.parametrize(("values", "middle"), [([3], 3), ([5, 1], 3), ([9, 1, 2], 2), ([-4, -2], -3)])
def test_the_median(values, middle):
    assert median(values) == middle
