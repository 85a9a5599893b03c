"""Pass 1: one reading at each boundary between two tests, one row in the ledger per test.

The reading after a test is the one before the next, so a test costs a single one. What runs between two tests and
belongs to none of them is kept apart by ``gap``.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_memguard.growth import GrowthSettings, GrowthTracker, judge
from pytest_memguard.model import SessionGrowth
from pytest_memguard.probes import MISSING, Probes, Raw, Sample
from pytest_memguard.watch.culprit import culprit
from pytest_memguard.watch.efficiency import efficiency
from pytest_memguard.watch.ledger import ROWS_PER_PART, LazyRecords, Ledger, Row, RowValue, Totals
from pytest_memguard.watch.points import Level, Points
from pytest_memguard.watch.suspects import suspects

__all__ = ["LazyRecords", "Ledger", "Level", "Points", "Row", "RowValue", "Totals", "Watcher", "culprit", "suspects"]

_NOTHING: Raw = (MISSING, MISSING, MISSING, MISSING, MISSING, MISSING, MISSING)


class Watcher:
    """Watches the tests of one process. ``last``: the latest reading between two tests."""

    __slots__ = (
        "_collected",
        "_collections",
        "_peak",
        "_probes",
        "_worker",
        "last",
        "ledger",
        "stretch",
    )

    def __init__(self, probes: Probes, *, worker: str = "main") -> None:
        self.ledger = Ledger()
        self.stretch = range(0)  # the tests in which the session grew, after session_growth
        self._probes = probes
        self._worker = self.ledger.worker(worker)
        self._collections = probes.reader("collections") or _unknown
        self._collected: int | None = None  # full collections before the first test
        self.last = _NOTHING
        self._peak = MISSING  # of the present test, as far as a lap has already read it

    def start(self) -> None:
        """Take the baseline, just before the first test."""
        self._rebase()
        self._collected = self._collections()

    def boundary(self, nodeid: str, outcome: str, duration_s: float) -> int:
        """A test has ended, teardown included, and the next one begins here; gives the test's index."""
        after = self._probes.read()
        if self._peak != MISSING:
            after = self._with_laps(after)
        index = self.ledger.add(nodeid, self.last, after, duration_s, self._worker, outcome)
        self.last = after
        if not (index + 1) % ROWS_PER_PART:
            self.ledger.grow()
            self._rebase()  # our own memory is no test's growth
        return index

    def gap(self) -> None:
        """Something else ran since the last boundary: the next test begins here."""
        self._rebase()

    def lap(self) -> Sample:
        """A reading inside a test; its peak is the highest since the lap or boundary before. The test's own stays."""
        raw = self._probes.read()
        self._peak = max(self._peak, raw[-1])
        return Sample.of(raw)

    def suspects(self) -> list[int]:
        """Indices of the tests that repetition should look at first, the most suspicious first."""
        return suspects(self.ledger, self.stretch)

    def session_growth(self, settings: GrowthSettings, *, collect: Callable[[], object]) -> SessionGrowth:
        """The session heuristics, to be called once, after the last test.

        *collect* runs one full collection; it is called only if the session grew.
        """
        tracker = GrowthTracker(settings)
        for rss in self.ledger.after("rss"):
            tracker.add(None if rss == MISSING else rss)
        growth = tracker.candidate()
        if growth is None:
            return SessionGrowth()
        collected = self._collections()
        before = self._probes.sample()
        collect()
        share = efficiency(self.ledger, growth.first, before, self._probes.sample())
        judged = judge(
            growth,
            share,
            settings,
            collections=None if collected is None or self._collected is None else collected - self._collected,
            nodeid=self.ledger.nodeid,
        )
        if judged.suspected:
            self.stretch = range(growth.first, growth.last + 1)
        return judged

    def _rebase(self) -> None:
        self.last = self._probes.read()
        self._peak = MISSING

    def _with_laps(self, after: Raw) -> Raw:
        *others, peak = after
        rss, vms, heap, blocks, fds, threads = others
        peak, self._peak = max(peak, self._peak), MISSING
        return rss, vms, heap, blocks, fds, threads, peak


def _unknown() -> None:
    return None
