"""Small pictures as geometry: bars for the rounds of a leak, a course over the tests. Numbers in, coordinates out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pytest_memguard.values import dataclass

__all__ = ["Axis", "Bar", "Bars", "Course", "Span", "Spark", "bars", "byte_axis", "course", "spark"]

_BAR_HEIGHT = 48.0
_STEP = 10.0
_MOST_BARS = 64
_LEAST_SEEN = 1.5  # so that a round that grew a little is not taken for one that did not
_WIDTH, _HEIGHT = 1000.0, 300.0
_POINTS = 500
_SPARK_WIDTH, _SPARK_HEIGHT = 120.0, 26.0
_TICKS = 5
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_CLOSE = 0.8
_FINEST = 0.002  # of the whole: a course that is flat looks flat
_HAIR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A round: where its bar is, and whether it grew. ``number`` counts from 1."""

    number: int
    delta: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """The rounds of one metric, in a box of ``width`` times ``height``; ``left_out``: rounds that are not drawn."""

    width: float
    height: float
    zero: float
    bars: tuple[Bar, ...]
    left_out: int


def bars(deltas: Sequence[int]) -> Bars:
    """A bar a round, up from the line of zero or down from it."""
    drawn = deltas[:_MOST_BARS]
    highest, lowest = max((0, *drawn)), min((0, *drawn))
    scale = _BAR_HEIGHT / ((highest - lowest) or 1)
    zero = highest * scale
    found = []
    for index, delta in enumerate(drawn):
        height = max(abs(delta) * scale, _LEAST_SEEN if delta else 0.0)
        top = zero - height if delta > 0 else zero
        found.append(Bar(number=index + 1, delta=delta, x=index * _STEP, y=round(top, 2), height=round(height, 2)))
    return Bars(
        width=max(len(drawn), 1) * _STEP,
        height=_BAR_HEIGHT,
        zero=round(zero, 2),
        bars=tuple(found),
        left_out=len(deltas) - len(drawn),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a course at a level: from ``x``, so ``width`` wide."""

    x: float
    width: float
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """A small step line, for a box of 120 times 28."""

    line: str
    lowest: int
    highest: int


def spark(points: Sequence[tuple[int, int]]) -> Spark | None:
    """Of *points* (where, how much), each of which holds until the next; None without two of them."""
    if len(points) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    lowest, highest = min(value for _, value in points), max(value for _, value in points)
    start, end = points[0][0], points[-1][0]
    across, up = _SPARK_WIDTH / ((end - start) or 1), _SPARK_HEIGHT / ((highest - lowest) or 1)
    parts: list[str] = []
    for place, value in points:
        x, y = (place - start) * across, 1 + _SPARK_HEIGHT - (value - lowest) * up
        parts.append(f"H{x:.1f}V{y:.1f}" if parts else f"M{x:.1f} {y:.1f}")
    return Spark(line="".join(parts), lowest=lowest, highest=highest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """From ``low`` to ``high``; ``ticks``: values and texts at even steps from the one to the other."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A line over the tests, for a box of 1000 times 300: ``line`` and ``area`` as SVG has paths."""

    line: str
    area: str
    axis: Axis
    total: int

    def x(self, index: int) -> float:
        """Where the test with that index is."""
        return _x(index, self.total)

    def line_of(self, values: Sequence[int | None]) -> str:
        """Other values of the same tests as a line; empty where none is known."""
        known = [(index, value) for index, value in enumerate(values) if value is not None]
        return _line(known, self.axis, self.total) if known else ""


def course(values: Sequence[int | None], *, also: Sequence[int] = ()) -> Course | None:
    """The course of *values*, bytes after each test, room left for those of *also*; None where nothing is known.

    Of many values the lowest and the highest of each stretch are drawn: no peak is lost.
    """
    known = [(index, value) for index, value in enumerate(values) if value is not None]
    if not known:
        return None
    every = [value for _, value in known]
    axis = byte_axis(min(every), max(0, *every, *also))
    first, last = _x(known[0][0], len(values)), _x(known[-1][0], len(values))
    line = _line(known, axis, len(values))
    area = f"{line}L{last:g},{_HEIGHT:g}L{first:g},{_HEIGHT:g}Z"
    return Course(line=line, area=area, axis=axis, total=len(values))


def _line(known: Sequence[tuple[int, int]], axis: Axis, total: int) -> str:
    return "M" + "L".join(f"{_x(index, total):g},{_y(value, axis):g}" for index, value in _thinned(known))


def byte_axis(low: int, high: int) -> Axis:
    """From 0, unless everything lies in the upper part of that: then from a little below the lowest."""
    high = max(high, 1)
    power = min(int(math.log(high, 1024)), len(_UNITS) - 1)
    unit = float(1024**power)
    start = 0.0 if low < high * _CLOSE else low / unit
    for step in _steps(max((high / unit - start) / (_TICKS - 1), high / unit * _FINEST)):
        bottom = math.floor(start / step + _HAIR) * step
        if bottom + step * (_TICKS - 1) >= high / unit * (1 - _HAIR):
            break
    digits = max(0, -math.floor(math.log10(step) + _HAIR)) if step % 1 else 0
    digits += step * 10**digits % 1 > _HAIR  # 2.5
    values = [bottom + step * number for number in range(_TICKS)]
    ticks = tuple((value * unit, f"{value:,.{digits if value else 0}f} {_UNITS[power]}") for value in values)
    return Axis(low=ticks[0][0], high=ticks[-1][0], ticks=ticks)


def _steps(least: float) -> Iterator[float]:
    """1, 2, 2.5, 5, 10, .. from *least* on."""
    power = 10.0 ** math.floor(math.log10(max(least, 1e-4)))
    while True:
        yield from (factor * power for factor in (1, 2, 2.5, 5) if factor * power >= least * (1 - _HAIR))
        power *= 10


def _thinned(known: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    stride = -(-len(known) * 2 // _POINTS)
    if stride <= 2:  # noqa: PLR2004 - two of two are all of them
        yield from known
        return
    for start in range(0, len(known), stride):
        stretch = known[start : start + stride]
        ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        yield from sorted(ends)


def _x(index: int, total: int) -> float:
    return round((index + 0.5) / max(total, 1) * _WIDTH, 2)


def _y(value: float, axis: Axis) -> float:
    return round(_HEIGHT * (1 - (value - axis.low) / (axis.high - axis.low)), 2)
