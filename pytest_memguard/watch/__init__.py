"""Pass 1: one sample at each boundary between two tests, one row in the ledger per test.

The sample after a test is the one before the next, so a test costs a single reading. What runs between two tests and
belongs to none of them is kept apart by ``gap``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pytest_memguard.growth import GrowthSettings, GrowthTracker, judge
from pytest_memguard.model import SessionGrowth
from pytest_memguard.probes import Probes, Sample
from pytest_memguard.watch.efficiency import efficiency
from pytest_memguard.watch.ledger import LazyRecords, Ledger, RowValue
from pytest_memguard.watch.suspects import suspects

__all__ = ["LazyRecords", "Ledger", "RowValue", "Watcher", "suspects"]

_TIME_EVERY = 16
_FIRST_TIMED = 7


class Watcher:
    """Watches the tests of one process. ``clock`` gives nanoseconds of CPU time, for what watching itself costs."""

    __slots__ = (
        "_clock",
        "_countdown",
        "_last",
        "_peak",
        "_probes",
        "_samples",
        "_timed",
        "_timed_ns",
        "_worker",
        "ledger",
        "stretch",
    )

    def __init__(self, probes: Probes, *, worker: str = "main", clock: Callable[[], int] = time.thread_time_ns) -> None:
        self.ledger = Ledger()
        self.stretch = range(0)  # the tests in which the session grew, after session_growth
        self._probes = probes
        self._worker = worker
        self._clock = clock
        self._last = Sample()
        self._peak: int | None = None  # of the present test, as far as a lap has already read it
        self._countdown = _FIRST_TIMED
        self._samples = self._timed = self._timed_ns = 0

    def start(self) -> None:
        """Take the baseline, just before the first test."""
        start = self._clock()
        self._rebase()
        self._timed_ns += self._clock() - start
        self._timed += 1

    def boundary(self, nodeid: str, outcome: str, duration_s: float) -> int:
        """A test has ended, teardown included, and the next one begins here; gives the test's index."""
        if self._countdown:
            self._countdown -= 1
            return self._take(nodeid, outcome, duration_s)
        self._countdown = _TIME_EVERY - 1
        start = self._clock()
        index = self._take(nodeid, outcome, duration_s)
        self._timed_ns += self._clock() - start
        self._timed += 1
        return index

    def gap(self) -> None:
        """Something else ran since the last boundary: the next test begins here."""
        self._rebase()

    def lap(self) -> Sample:
        """A reading inside a test; its peak is the highest since the lap or boundary before. The test's own stays."""
        sample = self._probes.sample()
        self._samples += 1
        self._peak = _higher(self._peak, sample.peak)
        return sample

    def suspects(self) -> list[int]:
        """Indices of the tests that repetition should look at first, the most suspicious first."""
        return suspects(self.ledger, self.stretch)

    @property
    def own_cost_s(self) -> float:
        """CPU seconds that sampling and keeping took: every 16th boundary is timed and stands for the others."""
        return self._timed_ns / self._timed * self._samples / 1e9 if self._timed else 0.0

    def session_growth(self, settings: GrowthSettings, *, collect: Callable[[], object]) -> SessionGrowth:
        """The two session heuristics, to be called once, after the last test.

        *collect* runs one full collection; it is called only if the session grew.
        """
        tracker = GrowthTracker(settings)
        for index in range(len(self.ledger)):
            tracker.add(self.ledger.read(index).rss_after)
        growth = tracker.candidate()
        if growth is None:
            return SessionGrowth()
        before = self._probes.sample()
        collect()
        share = efficiency(self.ledger, growth.first, before, self._probes.sample())
        judged = judge(growth, share, settings, nodeid=self.ledger.nodeid)
        if judged.suspected:
            self.stretch = range(growth.first, growth.last + 1)
        return judged

    def _take(self, nodeid: str, outcome: str, duration_s: float) -> int:
        after = self._probes.sample()
        peak = after.peak
        if self._peak is not None:
            peak = _higher(self._peak, peak)
            self._peak = None
        ledger = self.ledger
        index = ledger.add(
            nodeid,
            worker=self._worker,
            outcome=outcome,
            duration_s=duration_s,
            before=self._last,
            after=after,
            peak=peak,
        )
        self._last = after
        self._samples += 1
        if ledger.full:
            ledger.grow()
            self._rebase()  # our own memory is no test's growth
        return index

    def _rebase(self) -> None:
        self._last = self._probes.sample()
        self._peak = None
        self._samples += 1


def _higher(one: int | None, other: int | None) -> int | None:
    return other if one is None or (other is not None and other > one) else one
