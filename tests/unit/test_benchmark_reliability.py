"""What a declared confidence is measured with: intervals, bins, and claims that several runs make of the same thing."""

from __future__ import annotations

import pytest

from benchmarks.reliability import Claim, bins, wilson


def claim(unit: str, declared: float, *, true: bool = True, source: str = "corpus") -> Claim:
    return Claim(source=source, unit=unit, declared=declared, true=true)


@pytest.mark.parametrize(
    ("true", "count", "low", "high"),
    [(5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (95, 100, 0.8882, 0.9785)],
)
def test_wilsons_interval(true, count, low, high):
    assert wilson(true, count) == pytest.approx((low, high), abs=1e-3)


def test_there_is_no_share_of_nothing():
    with pytest.raises(ValueError, match="no observations"):
        wilson(0, 0)


def test_what_several_runs_say_of_the_same_thing_counts_once_and_is_wrong_if_any_is():
    (one,) = bins([claim("a", 0.9), claim("a", 0.9, true=False), claim("b", 0.9)], [0.0])

    assert (one.count, one.true, one.declared) == (2, 1, pytest.approx(0.9))


def test_the_same_test_of_another_source_is_another_claim():
    assert bins([claim("a", 0.9), claim("a", 0.9, source="generated")], [0.0])[0].count == 2


def test_claims_are_in_the_bin_that_begins_at_or_below_them():
    low, high = bins([claim("a", 0.5), claim("b", 0.9), claim("c", 0.95)], [0.0, 0.9])

    assert (low.count, high.count) == (1, 2)


@pytest.mark.parametrize(
    ("declared", "right", "verdict"),
    [(0.98, 50, "too sure"), (0.5, 100, "not sure enough"), (0.98, 97, "as declared")],
)
def test_a_bin_says_how_its_confidence_compares(declared, right, verdict):
    (one,) = bins([claim(str(n), declared, true=n < right) for n in range(100)], [0.0])

    assert one.verdict == verdict
