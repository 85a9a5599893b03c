"""Growth that its code may end: how long it is followed, and what is said where that takes too long."""

from __future__ import annotations

import pytest

from pytest_memguard.bounds import Reading
from pytest_memguard.confirm import Confirmation
from pytest_memguard.diagnosis import Evidence
from pytest_memguard.doubts import read_evidence, settle_doubt
from pytest_memguard.judge import Policy, settled_after
from pytest_memguard.model import Diagnosis, Verdict

DOUBTFUL = Reading(says="doubtful", sign="keep (cart.py:12) takes away, too")


class Growth:
    """A confirmer whose growth ends at a bound, in repetitions that take a while each."""

    policy = Policy()

    def __init__(self, *, bound=10**9, each_s=0.0, entry=100, done=50):
        self.bound, self.each_s, self.entry = bound, each_s, entry
        self.done = done
        self.now = 0.0
        self._last = 0

    def burst(self, _repeat, _confirmed, *, seconds, most):
        made = most if not self.each_s else max(1, min(most, int(seconds / self.each_s)))
        made = min(made, max(1, self.policy.most_bytes // self.entry))
        before = min(self.done, self.bound)
        self.done += made
        self.now += made * self.each_s
        self._last = made
        return 2 * (min(self.done, self.bound) - before) >= made, made

    def retained_much(self):
        return self._last * self.entry >= self.policy.most_bytes

    def settled(self, reading=DOUBTFUL, *, runs=1):
        confirmed = Confirmation(state="growing", repetitions=self.done, bytes_per_run=self.entry, metrics=("blocks",))
        return settle_doubt(self, lambda: True, confirmed, reading, runs=runs, clock=lambda: self.now)


@pytest.mark.parametrize("says", ["endless", "open"])
def test_without_a_doubt_nothing_is_repeated(says):
    growth = Growth()

    assert growth.settled(Reading(says=says)).repetitions == growth.done == 50


def test_what_goes_on_for_long_enough_is_a_leak():
    settled = Growth(each_s=0.001).settled()

    assert isinstance(settled, Confirmation)
    assert settled.repetitions == settled_after()


@pytest.mark.parametrize("bound", [51, 60, 300, 2_000, 4_000, 4_385])
def test_a_bound_that_is_reached_meanwhile_is_seen(bound):
    settled = Growth(bound=bound).settled()

    assert isinstance(settled, Verdict)
    assert settled.name == "saturating"


def test_slow_repetitions_leave_it_open_and_the_reason_says_what_to_do():
    growth = Growth(each_s=0.05)
    settled = growth.settled()

    assert isinstance(settled, Verdict)
    assert settled.name == "inconclusive"
    assert "each of 56 repetitions" in settled.reason
    assert DOUBTFUL.sign in settled.reason
    assert "confirm.escalation.time has to be 45s" in settled.reason
    assert growth.now < 1  # what cannot be settled is not begun


def test_several_repetitions_in_a_round_count_as_several():
    assert Growth(each_s=0.05).settled(runs=100).repetitions * 100 >= settled_after()


def test_what_has_retained_much_by_then_is_a_leak():
    settled = Growth(entry=1 << 20).settled()

    assert isinstance(settled, Confirmation)
    assert settled.repetitions < settled_after()


def test_nothing_is_known_of_what_nobody_holds():
    assert read_evidence(Evidence(diagnosis=Diagnosis())).says == "open"
