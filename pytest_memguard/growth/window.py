"""The first heuristic: growth over a window of tests that is consistent and steep."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pytest_memguard.growth.trend import Trend
from pytest_memguard.growth.values import CONSISTENT, Growth, GrowthSettings, median, slope_of


def assess(samples: Sequence[int | None], settings: GrowthSettings, *, level: float | None = None) -> Growth | None:
    """The first heuristic on one window: growth that is consistent and at or above the threshold, or ``None``.

    The threshold is a share of *level*, which is that of the line at the first sample if not given. Consistent: four
    of five steps go up, and the median step is at least half as large as the threshold, so that a few large steps
    make no trend. With less than four fifths of a window of readable samples there is no judgement.
    """
    own = settings.own_bytes
    points = [(place, value - own * place) for place, value in enumerate(samples) if value is not None]
    if len(points) < max(3, CONSISTENT * settings.window):
        return None
    slope = slope_of(points)
    if level is None:
        level = median([value - slope * place for place, value in points])
    steps = [later[1] - earlier[1] for earlier, later in pairwise(points)]
    up = sum(step > 0 for step in steps)
    least = settings.threshold * level
    if slope < least or slope <= 0 or up < CONSISTENT * len(steps) or median(steps) < least / 2:
        return None
    (first, start), (last, end) = points[0], points[-1]
    return Growth(
        kind="window", first=first, last=last, level=level, slope=slope, gained=end - start, up=up, steps=len(steps)
    )


class GrowthTracker:
    """Takes one sample per test, in order, in bounded time and memory, and remembers the most suspicious stretch.

    Windows that overlap and grow are one stretch, measured against the level at which it began. A stretch is
    forgotten when half of what it gained was given back. One that began within the first window of the session and
    ended within the second looks like imports and is no candidate, unless the session is that short.
    """

    def __init__(self, settings: GrowthSettings) -> None:
        self._settings = settings
        self._window: deque[int | None] = deque(maxlen=settings.window)
        self._count = 0
        self._previous: int | None = None
        self._up = 0
        self._steps = 0
        self._open: Growth | None = None
        self._best: Growth | None = None
        self._trend = Trend()

    def add(self, value: int | None) -> None:
        """The level after the next test in bytes, ``None`` where it could not be read."""
        place = self._count
        self._count = place + 1
        window = self._window
        window.append(value)
        if value is None:
            return
        self._trend.add(value, place)
        if self._previous is not None:
            self._steps += 1
            self._up += value - self._previous > self._settings.own_bytes
        self._previous = value
        if self._open is not None or self._best is not None:
            self._forget_what_was_given_back(value, place)
        oldest = window[0]
        if len(window) == window.maxlen and (oldest is None or self._could_grow(value - oldest, oldest)):
            self._look(value, place)

    def candidate(self) -> Growth | None:
        """The growth so far that deserves a word: the stretch that gained most, else slow growth over the session."""
        stretches = [each for each in map(self._told_from_imports, (self._open, self._best)) if each is not None]
        if stretches:
            return max(stretches, key=lambda stretch: stretch.gained)
        return self._trend.assess(self._count, self._settings)

    def _could_grow(self, gained: int, level: float) -> bool:
        """A necessary condition that costs next to nothing: half the growth that the threshold asks for."""
        if self._open is not None:
            level = min(level, self._open.level)
        return gained > 0 and gained >= self._settings.threshold * (self._settings.window - 1) * level / 2

    def _look(self, value: int, place: int) -> None:
        start = place + 1 - self._settings.window
        stretch = self._open
        if stretch is not None and start <= stretch.last:
            if assess(self._window, self._settings, level=stretch.level) is not None:
                self._open = self._longer(stretch, value, place)
            return
        found = assess(self._window, self._settings)
        if found is None:
            return
        if stretch is not None and (self._best is None or stretch.gained > self._best.gained):
            self._best = stretch
        self._open = replace(found, first=start + found.first, last=place)
        self._up, self._steps = found.up, found.steps  # from here on the counters are those of the stretch

    def _longer(self, stretch: Growth, value: int, place: int) -> Growth:
        gained = self._excess(stretch, value, place)
        slope = gained / (place - stretch.first)
        return replace(stretch, last=place, gained=gained, slope=slope, up=self._up, steps=self._steps)

    def _excess(self, stretch: Growth, value: int, place: int) -> float:
        return value - self._settings.own_bytes * (place - stretch.first) - stretch.level

    def _forget_what_was_given_back(self, value: int, place: int) -> None:
        if self._open is not None and self._excess(self._open, value, place) < self._open.gained / 2:
            self._open = None
        if self._best is not None and self._excess(self._best, value, place) < self._best.gained / 2:
            self._best = None

    def _told_from_imports(self, stretch: Growth | None) -> Growth | None:
        beginning = self._settings.window
        if stretch is None or stretch.first >= beginning or stretch.last >= 2 * beginning:
            return stretch
        return replace(stretch, short=True) if self._count <= 2 * beginning else None
