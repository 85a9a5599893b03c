"""The arithmetic of verdicts."""

from __future__ import annotations

import pytest

from pytest_memguard.judge import (
    Floors,
    NoiseMeter,
    confidence,
    growing,
    hidden_bound,
    is_noise,
    pardons,
    settled_after,
)

FLOORS = Floors()


def steps(*deltas: int) -> list[int]:
    readings = [1000]
    for delta in deltas:
        readings.append(readings[-1] + delta)
    return readings


def test_every_step_must_reach_the_floor():
    assert growing({"blocks": steps(1, 1, 1)}, FLOORS) == ["blocks"]
    assert growing({"blocks": steps(1, 0, 1)}, FLOORS) == []
    assert growing({"heap": steps(256, 256)}, FLOORS) == ["heap"]
    assert growing({"heap": steps(256, 255)}, FLOORS) == []
    assert growing({"blocks": [1000]}, FLOORS) == []


def test_one_heap_step_in_six_is_pardoned_if_the_whole_still_grew():
    assert growing({"heap": steps(400, 400, 400, 400, 400, -272)}, FLOORS) == ["heap"]
    assert growing({"heap": steps(400, 400, 400, 400, 400, -1000)}, FLOORS) == []
    assert growing({"heap": steps(400, 0, 400, 400, 400, 0)}, FLOORS) == []
    assert growing({"blocks": steps(4, 4, 4, 4, 4, -1)}, FLOORS) == []


def test_blocks_are_never_pardoned():
    assert [pardons("heap", n) for n in (1, 5, 6, 11, 12)] == [0, 0, 1, 1, 2]
    assert pardons("blocks", 100) == pardons("mapped", 100) == 0


def test_noise_moves_both_ways_and_never_stays():
    assert is_noise([2, -1])
    assert not is_noise([2, -2])
    assert not is_noise([2, 0, -1])
    assert not is_noise([1, 1])
    assert not is_noise([-1])


def test_confidence_grows_with_rounds_and_falls_with_noise():
    calm, noisy = NoiseMeter(), NoiseMeter()
    calm.note("blocks", grew=False, count=98)
    noisy.note("blocks", grew=True, count=98)

    assert calm.rate("blocks") == pytest.approx(0.01)
    assert confidence(["blocks"], 6, calm, explained=True) == 0.98
    assert confidence(["blocks"], 6, noisy, explained=True) < 0.1
    assert confidence(["blocks"], 1, NoiseMeter(), explained=True) < confidence(
        ["blocks"], 6, NoiseMeter(), explained=True
    )


def test_confidence_is_never_certain_and_less_without_an_explanation():
    calm = NoiseMeter()
    calm.note("blocks", grew=False, count=10**9)
    calm.note("mapped", grew=False, count=10**9)

    assert confidence(["blocks"], 32, calm, explained=True) < 1
    assert confidence(["blocks"], 32, calm, explained=False) < confidence(["blocks"], 32, calm, explained=True)
    assert confidence(["mapped"], 32, calm, explained=False) < confidence(["blocks"], 32, calm, explained=False)
    assert confidence([], 32, calm, explained=True) == confidence(["blocks"], 0, calm, explained=True) == 0


def test_a_bound_may_be_hidden_beyond_what_was_followed():
    chances = [hidden_bound(followed) for followed in (0, 6, 40, 650, 9_999)]

    assert chances == sorted(chances, reverse=True)
    assert chances[0] == chances[1] == pytest.approx(0.06)
    assert hidden_bound(650) == pytest.approx(0.022, abs=0.001)
    assert hidden_bound(10_000) == hidden_bound(10**6) == 0


def test_confidence_is_less_where_growth_was_followed_less():
    short, long = (confidence(["blocks"], 32, NoiseMeter(), explained=True, followed=n) for n in (40, 650))

    assert 0.9 < short < long < confidence(["blocks"], 32, NoiseMeter(), explained=True)


def test_what_the_code_says_of_an_end_counts():
    endless, open_, doubtful = (hidden_bound(50, says) for says in ("endless", "open", "doubtful"))

    assert endless < 0.01 < open_ < 0.06 < doubtful
    assert doubtful == pytest.approx(0.417, abs=0.001)  # half of them have a bound, of which 71 % are above 50
    assert confidence(["blocks"], 32, NoiseMeter(), explained=True, followed=50, says="endless") == 0.98
    assert confidence(["blocks"], 32, NoiseMeter(), explained=True, followed=50, says="doubtful") < 0.6


def test_doubt_is_settled_by_repetitions():
    enough = settled_after()

    assert hidden_bound(enough, "doubtful") <= 0.1 < hidden_bound(enough - 1, "doubtful")
    assert settled_after("open") == settled_after("endless") == 6
