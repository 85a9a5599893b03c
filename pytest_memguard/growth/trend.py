"""Slow growth: too little in any window to be noticed, and yet without end."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import pairwise

from pytest_memguard.growth.values import CONSISTENT, Growth, GrowthSettings, slope_of

_WINDOWS = 4
_MOST_PARTS = 64
_MOST_POINTS = 32
_FEWEST_POINTS = 6
_LEAST_SLOPE = 8 << 10
_LEAST_GAIN = 4 << 20
_LEAST_SHARE = 0.05
_LEAST_TAIL = 0.7


class Trend:
    """Slow growth over the whole session, from the lowest level of each of at most 64 equal parts of it.

    The lowest level is what a saw-tooth comes back to. The first quarter is left out: that is where imports and first
    use are. What remains must grow in four of five parts, by 8 KiB a test or more and by 4 MiB and 5 % in all, no
    part may account for a third of it, and it must not have slowed down in the end as caches do that fill.
    """

    def __init__(self) -> None:
        self._lows = array("q")
        self._places = array("q")
        self._size = 1
        self._filled = 0

    def add(self, value: int, place: int) -> None:
        """The level after the test at *place*."""
        if self._filled == 0:
            if len(self._lows) == _MOST_PARTS:
                self._lows, self._places = _halved(self._lows), self._places[::2]
                self._size *= 2
            self._lows.append(value)
            self._places.append(place)
        elif value < self._lows[-1]:
            self._lows[-1] = value
        self._filled = (self._filled + 1) % self._size

    def assess(self, count: int, settings: GrowthSettings) -> Growth | None:
        """The growth of a session of *count* tests."""
        if count < _WINDOWS * settings.window:
            return None
        lows, places = self._lows[:], self._places[:]
        if self._filled and self._filled < self._size // 2:
            lows.pop()
        while len(lows) > _MOST_POINTS:
            lows, places = _halved(lows), places[::2]
        points = list(zip(places, lows, strict=False))[len(lows) // 4 :]
        return _steady(points, count - 1, settings.own_bytes) if len(points) >= _FEWEST_POINTS else None


def _steady(points: Sequence[tuple[int, int]], last: int, own_bytes: int) -> Growth | None:
    net = [(place, low - own_bytes * (place - points[0][0])) for place, low in points]
    steps = [later[1] - earlier[1] for earlier, later in pairwise(net)]
    up, slope, gained, level = sum(step > 0 for step in steps), slope_of(net), net[-1][1] - net[0][1], net[0][1]
    if slope < _LEAST_SLOPE or gained < max(_LEAST_GAIN, _LEAST_SHARE * level):
        return None
    if up < CONSISTENT * len(steps) or max(steps) > gained / 3:
        return None
    if slope_of(net[-max(3, len(net) // 3) :]) < _LEAST_TAIL * slope:
        return None
    return Growth(
        kind="session", first=points[0][0], last=last, level=level, slope=slope, gained=gained, up=up, steps=len(steps)
    )


def _halved(lows: array[int]) -> array[int]:
    return array("q", [min(lows[number : number + 2]) for number in range(0, len(lows), 2)])
