"""Lists and dicts trimmed by hand."""

from __future__ import annotations

import bisect
import heapq
from collections import OrderedDict, deque
from typing import Any

_LAST_TEN: list[str] = []
_LAST_FIFTY: list[dict[str, str]] = []
_LAST_HUNDRED: list[str] = []
_LAST_FIVE_HUNDRED: OrderedDict[str, dict[str, str]] = OrderedDict()
_PAGES: dict[str, str] = {}
_TOP: list[tuple[float, str]] = []
_SORTED: list[float] = []
_RECENT: deque[str] = deque(maxlen=20)
_LINES: deque[str] = deque(maxlen=256)
_FRAMES: deque[bytes] = deque(maxlen=1_000)
_BATCH: list[dict[str, str]] = []
_FLUSHED = 0


def ten(value: str) -> int:
    _LAST_TEN.append(value)
    if len(_LAST_TEN) > 10:
        _LAST_TEN.pop(0)
    return len(_LAST_TEN)


def fifty(value: str) -> int:
    _LAST_FIFTY.append({"value": value})
    del _LAST_FIFTY[:-50]
    return len(_LAST_FIFTY)


def hundred(value: str) -> int:
    global _LAST_HUNDRED
    _LAST_HUNDRED = [*_LAST_HUNDRED, value][-100:]
    return len(_LAST_HUNDRED)


def five_hundred(value: str) -> int:
    _LAST_FIVE_HUNDRED[value] = {"value": value}
    while len(_LAST_FIVE_HUNDRED) > 500:
        _LAST_FIVE_HUNDRED.popitem(last=False)
    return len(_LAST_FIVE_HUNDRED)


def page(key: str) -> int:
    """Drops half of the pages when there are too many."""
    _PAGES[key] = key * 2
    if len(_PAGES) > 60:
        for old in list(_PAGES)[:30]:
            del _PAGES[old]
    return len(_PAGES)


def top(score: float, name: str) -> int:
    heapq.heappush(_TOP, (score, name))
    if len(_TOP) > 25:
        heapq.heappop(_TOP)
    return len(_TOP)


def ranked(score: float) -> int:
    bisect.insort(_SORTED, score)
    if len(_SORTED) > 40:
        _SORTED.pop()
    return len(_SORTED)


def recent(value: str) -> int:
    _RECENT.append(value)
    return len(_RECENT)


def line(value: str) -> int:
    _LINES.append(value)
    return len(_LINES)


def frame(data: bytes) -> int:
    _FRAMES.append(data)
    return len(_FRAMES)


def batch(row: dict[str, str], size: int) -> int:
    """Collects rows and flushes them in one go."""
    global _FLUSHED
    _BATCH.append(row)
    if len(_BATCH) >= size:
        _FLUSHED += len(_BATCH)
        _BATCH.clear()
    return len(_BATCH)


class Sawtooth:
    """Grows for some calls, then starts again."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.teeth: list[Any] = []

    def bite(self, value: Any) -> int:
        self.teeth.append(value)
        if len(self.teeth) >= self.period:
            self.teeth.clear()
        return len(self.teeth)


every_fourth = Sawtooth(4)
every_ninth = Sawtooth(9)
every_fortieth = Sawtooth(40)
