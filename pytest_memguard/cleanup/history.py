"""The last cleanups: bounded, and those by schedule, one after every test, do not push out the others."""

from __future__ import annotations

from collections import deque
from heapq import merge
from operator import attrgetter

from pytest_memguard.events import CleanupResult

__all__ = ["History"]


class History:
    """At most *size* results; of equal refusals in a row only the first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._scheduled: deque[CleanupResult] = deque(maxlen=size)
        self._others: deque[CleanupResult] = deque(maxlen=size)

    def add(self, result: CleanupResult) -> None:
        """Remember *result*."""
        kept = self._scheduled if result.trigger == "schedule" else self._others
        if result.refused is not None and kept:
            last = kept[-1]
            if last.refused is not None and (last.level, last.trigger) == (result.level, result.trigger):
                return
        kept.append(result)

    def results(self) -> tuple[CleanupResult, ...]:
        """What is remembered, oldest first: all the others, and as many by schedule as there is room for."""
        room = self._size - len(self._others)
        scheduled = list(self._scheduled)[-room:] if room > 0 else []
        return tuple(merge(scheduled, list(self._others), key=attrgetter("at_s")))
