"""Small pictures as geometry: bars for the rounds of a leak, and a course over the tests. Numbers in, coordinates out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_memguard.units import format_bytes

__all__ = ["Bar", "Bars", "Course", "Span", "bars", "course"]

_BAR_HEIGHT = 48.0
_STEP = 10.0
_MOST_BARS = 64
_LEAST_SEEN = 1.5  # so that a round that grew a little is not taken for one that did not
_WIDTH, _HEIGHT = 1000.0, 300.0
_POINTS = 500
_TICKS = 5


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
class Course:
    """A line over the tests, for a box of 1000 times 300: ``line`` and ``area`` as SVG has paths.

    ``ticks``: the values at evenly spaced heights, the topmost first.
    """

    line: str
    area: str
    ticks: tuple[str, ...]
    highest: float
    total: int

    def x(self, index: int) -> float:
        """Where the test with that index is."""
        return _x(index, self.total)

    def y(self, value: float) -> float:
        """Where that value is."""
        return _y(value, self.highest)


def course(values: Sequence[int | None], *, also: int = 0) -> Course | None:
    """The course of *values*, one a test, room left for a value of *also*; None where nothing is known.

    Of many values the lowest and the highest of each stretch are drawn: no peak is lost.
    """
    known = [(index, value) for index, value in enumerate(values) if value is not None]
    if not known:
        return None
    highest = _ceiling(max(also, max(value for _, value in known)))
    total = len(values)
    points = [f"{_x(index, total):g},{_y(value, highest):g}" for index, value in _thinned(known)]
    first, last = points[0].partition(",")[0], points[-1].partition(",")[0]
    line = "M" + "L".join(points)
    return Course(
        line=line,
        area=f"{line}L{last},{_HEIGHT:g}L{first},{_HEIGHT:g}Z",
        ticks=tuple(format_bytes(highest * step / (_TICKS - 1)) for step in reversed(range(_TICKS))),
        highest=highest,
        total=total,
    )


def _thinned(known: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    stride = -(-len(known) * 2 // _POINTS)
    if stride <= 2:  # noqa: PLR2004 - two of two are all of them
        yield from known
        return
    for start in range(0, len(known), stride):
        stretch = known[start : start + stride]
        ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        yield from sorted(ends)


def _ceiling(value: int) -> float:
    """The next value that gives even ticks."""
    if value <= 0:
        return float(_TICKS - 1)
    unit = 1024.0 ** int(math.log(value, 1024))
    rough = value / unit / (_TICKS - 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return step * unit * (_TICKS - 1)


def _x(index: int, total: int) -> float:
    return round((index + 0.5) / max(total, 1) * _WIDTH, 2)


def _y(value: float, highest: float) -> float:
    return round(_HEIGHT * (1 - value / highest), 2)
