"""Which cleanups are remembered: the last ones; those by schedule, after every test, take what room is left."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import merge
from operator import attrgetter

from pytest_memguard.events import CleanupResult

__all__ = ["RecentCleanups"]


class RecentCleanups:
    """At most *size* of them, oldest first; of equal refusals in a row only the first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._scheduled: deque[CleanupResult] = deque(maxlen=size)
        self._others: deque[CleanupResult] = deque(maxlen=size)

    def append(self, result: CleanupResult) -> None:
        """Remember *result*."""
        kept = self._scheduled if result.trigger == "schedule" else self._others
        if not (kept and _repeats(result, kept[-1])):
            kept.append(result)

    def __iter__(self) -> Iterator[CleanupResult]:
        room = self._size - len(self._others)
        scheduled = list(self._scheduled)[-room:] if room > 0 else []
        return merge(scheduled, list(self._others), key=attrgetter("at_s"))

    def __len__(self) -> int:
        return min(self._size, len(self._scheduled) + len(self._others))


def _repeats(result: CleanupResult, last: CleanupResult) -> bool:
    if result.refused is None or last.refused is None:
        return False
    return (result.level, result.trigger, result.worker) == (last.level, last.trigger, last.worker)
