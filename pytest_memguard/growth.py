"""Whether a session as a whole grows: the two heuristics over a window of tests, and slow growth over all of them.

Pure statistics over numbers that somebody else has read. A hint, never a verdict about a test: what one run of a
test retains does not tell leaks from first use (imports, caches), so the confidence stays modest on purpose.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Literal

from pytest_memguard.model import SessionGrowth
from pytest_memguard.units import format_bytes

# What pytest itself keeps of each test for ever (reports, node state), measured on 5,000 trivial tests with pytest
# 8.4 and 9.2: 29-32 blocks, 358-390 B of malloc heap, 2.7-3.0 KB of resident memory.
OWN_BLOCKS = 32
OWN_HEAP_BYTES = 390
OWN_RSS_BYTES = 3072

# The mean size of a block of Python's own allocator in heaps of 0.1 to 12 million blocks.
BYTES_PER_BLOCK = 50

_CONSISTENT = 0.8
_DOUBT = 0.5
_NOT_COLLECTED = 0.5

_TREND_WINDOWS = 4
_TREND_POINTS = 32
_TREND_LEAST = 6
_TREND_SLOPE = 8 << 10
_TREND_GAIN = 4 << 20
_TREND_SHARE = 0.05
_TREND_TAIL = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthSettings:
    """``window`` in tests, ``threshold`` and ``gc_efficiency`` as shares, ``own_bytes`` what pytest keeps per test."""

    window: int = 15
    threshold: float = 0.03
    gc_efficiency: float = 0.10
    own_bytes: int = OWN_RSS_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Growth that was found and not given back. ``first`` and ``last`` are positions in the series, both included.

    ``slope`` is in bytes per test and ``gained`` in bytes, without what pytest keeps; ``rate`` is the slope as a
    share of the level that it started from; ``up`` of ``steps`` steps grew. ``short``: the session ended before it
    could be told from imports at its beginning.
    """

    kind: Literal["window", "session"]
    first: int
    last: int
    level: float
    slope: float
    gained: float
    up: int
    steps: int
    short: bool = False

    @property
    def rate(self) -> float:
        """Growth per test as a share of the level at the start."""
        return self.slope / self.level if self.level > 0 else 0.0


def assess(samples: Sequence[int | None], settings: GrowthSettings, *, level: float | None = None) -> Growth | None:
    """The first heuristic on one window: growth that is consistent and at or above the threshold, or ``None``.

    The slope is that of Theil and Sen (the median of the slopes of all pairs of points), which no single step moves.
    The threshold is a share of *level*, which is that of the line at the first sample if not given. Consistent: four
    of five steps go up, and the median step is at least half as large as the threshold, so that a few large steps
    make no trend. With less than four fifths of a window of readable samples there is no judgement.
    """
    own = settings.own_bytes
    points = [(place, value - own * place) for place, value in enumerate(samples) if value is not None]
    if len(points) < max(3, _CONSISTENT * settings.window):
        return None
    slope = _slope(points)
    if level is None:
        level = median(value - slope * place for place, value in points)
    steps = [later[1] - earlier[1] for earlier, later in pairwise(points)]
    up = sum(step > 0 for step in steps)
    least = settings.threshold * level
    if slope < least or slope <= 0 or up < _CONSISTENT * len(steps) or median(steps) < least / 2:
        return None
    (first, start), (last, end) = points[0], points[-1]
    return Growth(
        kind="window", first=first, last=last, level=level, slope=slope, gained=end - start, up=up, steps=len(steps)
    )


def _slope(points: Sequence[tuple[float, float]]) -> float:
    return median(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for number, earlier in enumerate(points)
        for later in points[number + 1 :]
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
        self._trend = _Trend()

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


class _Trend:
    """Slow growth over the whole session, from the lowest level of each of at most 64 equal parts of it.

    The lowest level is what a saw-tooth comes back to. The first quarter is left out: that is where imports and first
    use are. What remains must grow in four of five parts, by 8 KiB a test or more and by 4 MiB and 5 % in all, no
    part may account for a third of it, and it must not have slowed down in the end as caches do that fill.
    """

    _PARTS = 64

    def __init__(self) -> None:
        self._lows = array("q")
        self._places = array("q")
        self._size = 1
        self._filled = 0

    def add(self, value: int, place: int) -> None:
        if self._filled == 0:
            if len(self._lows) == self._PARTS:
                self._lows, self._places = _halved(self._lows), self._places[::2]
                self._size *= 2
            self._lows.append(value)
            self._places.append(place)
        elif value < self._lows[-1]:
            self._lows[-1] = value
        self._filled = (self._filled + 1) % self._size

    def assess(self, count: int, settings: GrowthSettings) -> Growth | None:
        if count < _TREND_WINDOWS * settings.window:
            return None
        lows, places = self._lows[:], self._places[:]
        if self._filled and self._filled < self._size // 2:
            lows.pop()
        while len(lows) > _TREND_POINTS:
            lows, places = _halved(lows), places[::2]
        points = list(zip(places, lows, strict=False))[len(lows) // 4 :]
        return _steady(points, count - 1, settings.own_bytes) if len(points) >= _TREND_LEAST else None


def _steady(points: Sequence[tuple[int, int]], last: int, own_bytes: int) -> Growth | None:
    net = [(place, low - own_bytes * (place - points[0][0])) for place, low in points]
    steps = [later[1] - earlier[1] for earlier, later in pairwise(net)]
    up, slope, gained, level = sum(step > 0 for step in steps), _slope(net), net[-1][1] - net[0][1], net[0][1]
    if slope < _TREND_SLOPE or gained < max(_TREND_GAIN, _TREND_SHARE * level):
        return None
    if up < _CONSISTENT * len(steps) or max(steps) > gained / 3:
        return None
    if _slope(net[-max(3, len(net) // 3) :]) < _TREND_TAIL * slope:
        return None
    return Growth(
        kind="session", first=points[0][0], last=last, level=level, slope=slope, gained=gained, up=up, steps=len(steps)
    )


def _halved(lows: array[int]) -> array[int]:
    return array("q", [min(lows[number : number + 2]) for number in range(0, len(lows), 2)])


def collection_yield(grown: float | None, given_back: float | None) -> float | None:
    """GC efficiency: the share, 0 to 1, of what had grown that a full collection gave back; ``None`` if unknown."""
    if grown is None or given_back is None or grown <= 0:
        return None
    return min(1.0, max(0.0, given_back / grown))


def judge(
    growth: Growth | None,
    efficiency: float | None,
    settings: GrowthSettings,
    *,
    nodeid: Callable[[int], str | None] = lambda _place: None,
) -> SessionGrowth:
    """Both heuristics together. ``efficiency`` is what :func:`collection_yield` gave, ``None`` if nothing collected.

    The confidence is Laplace's rule of succession, ``(up + 1) / (steps + 2)``: the probability that the next step
    goes up too, if nothing was known before (Laplace 1774; Scalene rates leaks with it). It is multiplied by the
    share of the growth that a full collection leaves, ``1 - efficiency`` (one half if there was no collection), and
    by one half each where a cause other than a leak is likely as well: slow growth over the session (a cache that
    still fills) and a session too short to tell growth from imports. Below the efficiency threshold the growth is
    retained and suspected; from there on it is cyclic garbage for which the collector was late.
    """
    if growth is None:
        return SessionGrowth(gc_efficiency=efficiency)
    retained = _NOT_COLLECTED if efficiency is None else 1 - efficiency
    doubt = (_DOUBT if growth.kind == "session" else 1.0) * (_DOUBT if growth.short else 1.0)
    return SessionGrowth(
        suspected=efficiency is None or efficiency < settings.gc_efficiency,
        confidence=round((growth.up + 1) / (growth.steps + 2) * retained * doubt, 3),
        slope_per_test=growth.slope,
        gc_efficiency=efficiency,
        reason=_reason(growth, efficiency, settings),
        first_nodeid=nodeid(growth.first),
        last_nodeid=nodeid(growth.last),
    )


def _reason(growth: Growth, efficiency: float | None, settings: GrowthSettings) -> str:
    tests = growth.last - growth.first + 1
    words = [f"{format_bytes(growth.slope, signed=True)} ({growth.rate:.1%}) a test over {tests} tests"]
    if growth.kind == "session":
        words.append("slow but steady to the end")
    else:
        words.append(f"{growth.up} of {growth.steps} steps up")
    if growth.short:
        words.append("the session is too short to tell it from imports")
    if efficiency is not None:
        words.append(f"a full collection gave back {efficiency:.0%}")
        if efficiency >= settings.gc_efficiency:
            words.append("so it is cyclic garbage that the collector had not reached")
    return ", ".join(words)
