"""How lines are laid out: labelled fields that wrap, heads that break in two, lists that say what they leave out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pytest_memguard.report.describe import repeat_command
from pytest_memguard.report.text import Line, cells, harmless, line, shortened, wrapped

__all__ = ["INDENT", "LISTED", "bounded", "field", "fields", "head", "lines", "more", "repeat", "sentences"]

INDENT = "  "
LABEL = 11
LISTED = 10
_MOST_LINES = 5

_T = TypeVar("_T")


def lines(text: str, width: int, *markup: str, first: str = "", rest: str = "") -> Iterator[Line]:
    """*text*, wrapped, with *first* and *rest* before its lines."""
    return (line(entry, *markup) for entry in wrapped(text, width, first=first, rest=rest))


def head(label: str, nodeid: str, facts: str, width: int) -> Iterator[Line]:
    """``LEAK python  test id  facts`` in one line where it fits, else the id alone and the facts below it."""
    whole = f"{label}  {harmless(nodeid)}  {facts}"
    if cells(whole) <= width:
        yield line(whole, "red", "bold")
        return
    yield line(f"{label}  {shortened(nodeid, width - len(label) - 2)}", "red", "bold")
    yield from lines(facts.strip(), width, "red", first=INDENT, rest=INDENT)


def field(label: str, text: str, width: int) -> Iterator[Line]:
    """One labelled field, wrapped below its own beginning; nothing at all for an empty *text*."""
    if text:
        yield from lines(text, width, first=INDENT + label.ljust(LABEL), rest=INDENT + " " * LABEL)


def fields(label: str, values: Sequence[_T], form: Callable[[_T], str], width: int, *, most: int) -> Iterator[Line]:
    """The first *most* values, one a field; the last one says how many more there are."""
    for index, value in enumerate(values[:most]):
        left = len(values) - most if index == most - 1 else 0
        yield from field(label if index == 0 else "", form(value) + (f" (and {left} more)" if left > 0 else ""), width)


def repeat(nodeid: str) -> Line:
    """The command that repeats a finding; never wrapped or shortened, since it is there to be copied."""
    return line(INDENT + "repeat".ljust(LABEL) + repeat_command(nodeid))


def bounded(texts: Iterable[str], total: int, width: int, *, before: str) -> Iterator[Line]:
    """The first of *total* texts, a line each, and how many more there are."""
    for text, _ in zip(texts, range(LISTED), strict=False):
        yield line(shortened(before + text, width))
    yield from more(total - LISTED)


def sentences(texts: Sequence[str], width: int, *, before: str) -> Iterator[Line]:
    """The first of what somebody is to act on, each whole unless it takes more than some five lines; how many more."""
    for text in texts[:LISTED]:
        yield from lines(shortened(before + text, _MOST_LINES * (width - len(INDENT))), width, rest=INDENT)
    yield from more(len(texts) - LISTED)


def more(left: int) -> Iterator[Line]:
    """Where the rest of a list is to be found, if there is a rest."""
    if left > 0:
        yield line(f"{INDENT}and {left} more; all in the JSON report")
