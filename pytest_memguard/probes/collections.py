"""What the garbage collector does by itself: collections, their time, and the objects that they free, by generation."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

__all__ = ["CollectionWatch", "Collections"]

_GENERATIONS = 3


class Collections(NamedTuple):
    """Runs of one generation: how many, their seconds, the objects that they freed, and those that they could not."""

    runs: int = 0
    seconds: float = 0.0
    freed: int = 0
    uncollectable: int = 0


class CollectionWatch:
    """Listens in ``gc.callbacks`` and changes nothing about the collector. Released by ``close``.

    ``lost``: how often the list was found without its listener, which a test had taken out; collections that ran
    until then were not seen. ``runs``, ``freed`` and ``spent_ns``: collections since the start, the objects
    that they freed, and their nanoseconds.
    """

    __slots__ = ("_callbacks", "_clock", "_generations", "_listener", "_started", "freed", "lost", "runs", "spent_ns")

    def __init__(self, *, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self.lost = 0
        self.runs = self.freed = self.spent_ns = 0
        self._clock = clock
        self._started = -1
        # Count, nanoseconds, freed and uncollectable objects: lists of whole numbers, because this runs in the middle
        # of any allocation.
        self._generations = [[0, 0, 0, 0] for _ in range(_GENERATIONS)]
        self._callbacks = gc.callbacks
        self._listener = self.listen  # one bound method for good: it is found again by identity
        self._callbacks.append(self._listener)

    def totals(self) -> tuple[Collections, ...]:
        """Every generation since the start, the youngest first."""
        return tuple(Collections(runs, ns / 1e9, freed, left) for runs, ns, freed, left in self._generations)

    def check(self) -> None:
        """Listen again where a test has cleared the list, as any test may."""
        listener = self._listener
        for callback in self._callbacks:
            if callback is listener:
                return
        self.lost += 1
        self._started = -1
        self._callbacks.append(listener)

    def close(self) -> None:
        """Stop listening; may be called again."""
        self._callbacks[:] = [callback for callback in self._callbacks if callback is not self._listener]

    def listen(self, phase: str, info: Mapping[str, int]) -> None:
        """What ``gc.callbacks`` calls."""
        if phase == "start":
            self._started = self._clock()
            return
        if self._started < 0:
            return  # it began before anybody listened
        took, self._started = self._clock() - self._started, -1
        entry = self._generations[info["generation"]]
        self.spent_ns += took
        self.runs += 1
        self.freed += info["collected"]
        entry[0] += 1
        entry[1] += took
        entry[2] += info["collected"]
        entry[3] += info["uncollectable"]
