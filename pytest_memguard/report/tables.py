"""What needs columns: rounds as a table, and a path of references with the guilty one underlined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from pytest_memguard.model import Retainer, RoundSeries
from pytest_memguard.report import describe
from pytest_memguard.report.layout import INDENT, LABEL, lines
from pytest_memguard.report.text import Line, cells, harmless, line

__all__ = ["drawn", "rounds_table", "table"]

_FIRST_ROUNDS = 8


def rounds_table(rounds: Sequence[RoundSeries], *, whole: bool = False) -> Iterator[Line]:
    """One line a round, one column a metric: how much more there was after it than before."""
    columns = [(series.metric, [f"{delta:+d}" for delta in series.deltas]) for series in rounds]
    return table("round", columns, whole=whole)


def table(label: str, columns: Sequence[tuple[str, Sequence[str]]], *, whole: bool = False) -> Iterator[Line]:
    """Numbered rows below the names of columns; of many rows the first ones and the last, or the *whole*."""
    if not columns:
        return
    names = [harmless(name) for name, _ in columns]
    rows = list(zip_longest(*(texts for _, texts in columns), fillvalue=""))
    widths = [max(cells(text) for text in column) + 3 for column in zip(names, *rows, strict=True)]
    yield line(INDENT + label.ljust(LABEL) + _row(names, widths))
    for number, row in enumerate(rows, 1):
        if whole or number <= _FIRST_ROUNDS or number == len(rows):
            yield line(INDENT + str(number).ljust(LABEL) + _row(row, widths))
        elif number == _FIRST_ROUNDS + 1:
            yield line(f"{INDENT}..")


def _row(texts: Sequence[str], widths: Sequence[int]) -> str:
    # The first column starts where all the other fields do.
    first, *others = (text.rjust(width) for text, width in zip(texts, widths, strict=True))
    return "".join((first.removeprefix("   "), *others))


def drawn(label: str, retainer: Retainer, width: int) -> Iterator[Line]:
    """The path from its root, one line a step, the reference to cut underlined."""
    steps = retainer.steps or (describe.kept_by(retainer),)
    before = INDENT + label.ljust(LABEL)
    blank = " " * len(before)
    for index, step in enumerate(steps):
        arrow = "-> " if index else ""
        text = harmless(step.strip())
        yield from lines(text, width, first=before + arrow, rest=blank + " " * len(arrow))
        if index == retainer.suspect and retainer.steps:
            # A root's name may have spaces in it ("cache of shop.f"); later references have none.
            root = harmless(retainer.root)
            reference = root if index == 0 and root and text.startswith(root) else text.partition(" ")[0]
            under = "~" * min(cells(reference), width - len(blank) - len(arrow))
            yield line(blank + " " * len(arrow) + under, "red")
        before = blank
