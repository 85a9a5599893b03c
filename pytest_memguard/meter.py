"""Readings of memory in rounds, kept without allocating anything between two of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from pytest_memguard.judge import Metric
from pytest_memguard.model import RoundSeries


def _unknown() -> None:
    return None


class Meter:
    """Readings of every metric that can be read here, kept in arrays: index 0 is the baseline.

    ``capacity``: the most readings of one series. ``resident`` reads the bytes of memory that the process has.
    """

    def __init__(
        self,
        readers: Mapping[Metric, Callable[[], int | None]],
        *,
        capacity: int = 256,
        resident: Callable[[], int | None] | None = None,
    ) -> None:
        self._readers = tuple((metric, read, array("q", bytes(8 * capacity))) for metric, read in readers.items())
        self.used = 0
        self._resident = resident or _unknown
        self._resident_before: int | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What is read, in order."""
        return tuple(metric for metric, _, _ in self._readers)

    def now(self, wanted: Metric) -> int:
        """A reading of that metric that is not kept; 0 where it is not read."""
        return sum(read() or 0 for metric, read, _ in self._readers if metric == wanted)

    def restart(self) -> None:
        """Forget all readings; the next one is a baseline."""
        self.used = 0
        self._resident_before = self._resident()

    def read(self) -> None:
        """Take one reading of everything."""
        index = self.used
        for _, read, readings in self._readers:
            readings[index] = read() or 0
        self.used = index + 1

    def grew(self, metric_index: int, floor: int) -> bool:
        """Whether the last step of that metric was at or above its floor."""
        readings = self._readers[metric_index][2]
        return readings[self.used - 1] - readings[self.used - 2] >= floor

    def last_step(self, wanted: Metric) -> int:
        """By how much that metric moved in the last round; 0 where it is not read."""
        last = self.used - 1
        return sum(readings[last] - readings[last - 1] for metric, _, readings in self._readers if metric == wanted)

    def go_on(self) -> None:
        """The last reading becomes the baseline of the next series."""
        for _, _, readings in self._readers:
            readings[0] = readings[self.used - 1]
        self.used = 1

    def samples(self, first: int = 0) -> dict[Metric, Sequence[int]]:
        """All readings from ``first`` on, per metric."""
        return {metric: tuple(readings[first : self.used]) for metric, _, readings in self._readers}

    def retained(self) -> int:
        """Bytes of memory gained since the baseline: resident ones, or as far as any metric in bytes can tell.

        Each new thread reserves 64 MiB of addresses for its heap and uses a few KiB of them, so what is mapped says
        little.
        """
        before, now = self._resident_before, self._resident()
        if before is not None and now is not None:
            return now - before
        last = self.used - 1
        sizes = (readings[last] - readings[0] for metric, _, readings in self._readers if metric != "blocks")
        return max(sizes, default=0)

    def series(self) -> tuple[RoundSeries, ...]:
        """The steps of each metric that moved at all, for the report."""
        found = []
        for metric, readings in self.samples().items():
            deltas = tuple(b - a for a, b in pairwise(readings))
            if any(deltas):
                found.append(RoundSeries(metric=metric, deltas=deltas))
        return tuple(found)
