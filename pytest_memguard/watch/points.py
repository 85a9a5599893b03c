"""Named readings inside tests: those of the present test, and which test had which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pytest_memguard.model import Checkpoint
from pytest_memguard.probes import Sample
from pytest_memguard.watch.ledger import Ledger

_MOST = 100


class Level(NamedTuple):
    """Resident bytes now, and the highest since the reading before; ``None`` where they cannot be read."""

    rss: int | None
    peak: int | None


class Points:
    """Checkpoints on their way into the ledger, the first hundred of a test; ``present``: those of the present test.

    ``lap`` takes a reading, where there is one.
    """

    def __init__(self, ledger: Ledger, lap: Callable[[], Sample] | None) -> None:
        self._ledger = ledger
        self._lap = lap
        self.present: list[Checkpoint] = []

    def take(self, name: str, *, keep: bool) -> Checkpoint:
        """A reading under a name; ``keep``: it goes into the record of the present test."""
        if self._lap is None:
            return Checkpoint(name=name)
        sample = self._lap()
        point = Checkpoint(name=name, rss_bytes=sample.rss, peak_rss_bytes=sample.peak, heap_bytes=sample.heap)
        if keep and len(self.present) < _MOST:
            self.present.append(point)
        return point

    def end(self, index: int) -> None:
        """The present test is the one with that index, and is over."""
        self._ledger.checkpoints[index] = tuple(self.present)
        self.present.clear()

    def to_wire(self) -> list[Any]:
        """Exact builtins for another process."""
        return [[there, [point.to_json() for point in points]] for there, points in self._ledger.checkpoints.items()]

    def absorb(self, wire: Sequence[Any], indices: Sequence[int]) -> None:
        """Take those of another process, whose nth test has the nth of ``indices`` here."""
        for there, points in wire:
            if there < len(indices):
                self._ledger.checkpoints[indices[there]] = tuple(Checkpoint(**point) for point in points)
