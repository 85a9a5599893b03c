"""The garbage collections of a session and of its tests, from a listener to a summary."""

from __future__ import annotations

from heapq import heappush, heapreplace

from pytest_memguard.events import CollectedTest, CollectionSummary, GenerationSummary
from pytest_memguard.probes.collections import CollectionWatch

__all__ = ["CollectedTests"]


class CollectedTests:
    """Follows a ``CollectionWatch`` from test to test and keeps the ``most`` tests that it cost most time.

    ``spent_ns``: what all collections had taken when a test ended last.
    """

    def __init__(self, watch: CollectionWatch, *, most: int) -> None:
        self.watch = watch
        self._most = most
        self.spent_ns = watch.spent_ns
        self._runs = watch.runs
        self._freed = watch.freed
        self._costliest: list[tuple[int, int, CollectedTest]] = []  # a heap, the cheapest first
        self._count = 0

    def ended(self, nodeid: str) -> None:
        """A test has ended here, and the next one begins."""
        watch = self.watch
        spent_ns = watch.spent_ns
        took, self.spent_ns = spent_ns - self.spent_ns, spent_ns
        runs, freed = watch.runs, watch.freed
        if len(self._costliest) < self._most or took > self._costliest[0][0]:
            self._keep(nodeid, took, runs - self._runs, freed - self._freed)
        self._runs, self._freed = runs, freed

    def summary(self) -> CollectionSummary:
        """All of it so far."""
        return CollectionSummary(
            generations=tuple(
                GenerationSummary(
                    runs=found.runs,
                    duration_s=round(found.seconds, 6),
                    freed=found.freed,
                    uncollectable=found.uncollectable,
                )
                for found in self.watch.totals()
            ),
            costliest=tuple(test for _, _, test in sorted(self._costliest, key=lambda entry: -entry[0])),
            lost=self.watch.lost,
        )

    def _keep(self, nodeid: str, took_ns: int, runs: int, freed: int) -> None:
        self._count += 1  # nothing but numbers is ever compared
        test = CollectedTest(nodeid=nodeid, runs=runs, duration_s=round(took_ns / 1e9, 6), freed=freed)
        entry = (took_ns, self._count, test)
        if len(self._costliest) < self._most:
            heappush(self._costliest, entry)
        else:
            heapreplace(self._costliest, entry)
