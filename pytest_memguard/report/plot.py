"""A series of sizes as bars in the terminal: a column a run, the size beside it, in blocks or in plain ASCII. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_memguard.report.text import Line, line
from pytest_memguard.units import format_bytes
from pytest_memguard.values import dataclass

__all__ = ["BLOCKS", "PLAIN", "Bar", "Ink", "bars", "room"]

_HEIGHT = 8
_LABEL = 10  # "-1023 KiB "
_INDENT = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """What bars are drawn with: ``parts`` fill a cell step by step; ``gap`` is where no size is known."""

    parts: str
    axis: str
    gap: str


BLOCKS = Ink(parts="\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588", axis="\u2502", gap="\u00b7")
PLAIN = Ink(parts="_#", axis="|", gap=".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One size, None where it is not known; ``marked`` ones stand out in colour."""

    bytes: int | None
    marked: bool = False


def room(width: int) -> int:
    """How many bars fit into *width* columns."""
    return max(width - len(_INDENT) - _LABEL - 2, 1)


def bars(title: str, series: Sequence[Bar], width: int, *, ink: Ink) -> Iterator[Line]:
    """*title* and the last bars that fit, on a scale from 0 to the largest; sizes below 0 are drawn as 0."""
    shown = series[-room(width) :]
    known = [bar.bytes for bar in shown if bar.bytes is not None]
    if not known:
        yield line(f"{_INDENT}{title}: not known")
        return
    lowest, highest = min(known), max(known)
    span = (
        f"always {format_bytes(lowest)}" if lowest == highest else f"{format_bytes(lowest)} to {format_bytes(highest)}"
    )
    yield line(f"{_INDENT}{title}: {span}")
    if highest <= 0:
        return
    step = 2 if len(shown) * 2 <= room(width) else 1
    for level in range(_HEIGHT, 0, -1):
        label = {_HEIGHT: format_bytes(highest), 1: "0 B"}.get(level, "")
        cells = "".join(_cell(bar, level, highest, ink).ljust(step) for bar in shown)
        marked = any(bar.marked and _cell(bar, level, highest, ink) != " " for bar in shown)
        text = f"{_INDENT}{label.rjust(_LABEL)} {ink.axis}{cells.rstrip()}"
        yield line(text, *(("yellow",) if marked else ()))


def _cell(bar: Bar, level: int, highest: int, ink: Ink) -> str:
    """What one bar shows at one height, of which 1 is the lowest; something there, however small the size is."""
    if bar.bytes is None:
        return ink.gap if level == 1 else " "
    steps = len(ink.parts)
    filled = round(max(bar.bytes, 0) / highest * _HEIGHT * steps)
    if level == 1:
        filled = max(filled, 1)
    inside = min(max(filled - (level - 1) * steps, 0), steps)
    return ink.parts[inside - 1] if inside else " "
