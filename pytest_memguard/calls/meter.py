"""Readings with the calls that were made between them, all of one check in a row: the evidence."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from itertools import pairwise

from pytest_memguard.judge import Metric
from pytest_memguard.meter import Meter
from pytest_memguard.values import dataclass

_CAPACITY = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRound:
    """One batch: the calls in it, and by how much each metric and count was higher after it than before."""

    calls: int
    growth: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Something that is counted besides memory. ``share``: the growth per call from which a batch has grown."""

    name: str
    read: Callable[[], int | None]
    share: float = 0.0


class CallMeter(Meter):
    """A meter that remembers every reading of a check. ``total``: the calls made so far."""

    def __init__(
        self,
        readers: Mapping[Metric, Callable[[], int | None]],
        counts: list[Count],
        *,
        total: Callable[[], int],
        resident: Callable[[], int | None] | None,
    ) -> None:
        super().__init__(readers, capacity=_CAPACITY, resident=resident)
        self.rows = 0
        self.counts = tuple(counts)
        self._total = total
        names = [*readers, *(count.name for count in counts)]
        self._columns = {name: array("q", bytes(8 * _CAPACITY)) for name in names}
        self._calls = array("q", bytes(8 * _CAPACITY))
        self._of_memory = tuple(self._columns[metric] for metric in readers)
        self._of_counts = tuple((count.read, self._columns[count.name]) for count in counts)

    def read(self) -> None:
        """Take one reading of everything, and keep it."""
        super().read()
        row, last = self.rows, self.used - 1
        for (_, _, readings), column in zip(self._readers, self._of_memory, strict=True):
            column[row] = readings[last]
        for read, column in self._of_counts:
            column[row] = read() or 0
        self._calls[row] = self._total()
        self.rows = min(row + 1, _CAPACITY - 1)

    def rounds(self, first: int = 0) -> list[CallRound]:
        """The batches from that row on; readings without a call between them are no round."""
        return [
            CallRound(
                calls=self._calls[after] - self._calls[before],
                growth={name: column[after] - column[before] for name, column in self._columns.items()},
            )
            for before, after in pairwise(range(first, self.rows))
            if self._calls[after] > self._calls[before]
        ]

    def per_call(self, name: str, first: int) -> float:
        """The growth of one metric or count for each call since that row."""
        rounds = self.rounds(first)
        calls = sum(each.calls for each in rounds)
        return sum(each.growth[name] for each in rounds) / calls if calls else 0.0

    def counting(self, first: int) -> list[Count]:
        """The counts that have grown in every round since that row, of which there is at least one."""
        rounds = self.rounds(first)
        return [
            count
            for count in self.counts
            if rounds and all(each.growth[count.name] >= max(1, each.calls * count.share) for each in rounds)
        ]
