"""The lines of source around a place, if they are still those that the run has seen."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from pytest_memguard.model import AllocationSite
from pytest_memguard.report import describe
from pytest_memguard.report.text import shortened

__all__ = ["Excerpt", "Reader", "SourceLine", "excerpt", "source_reader"]

_AROUND = 3
_LONGEST = 200
_MOST_BYTES = 4 << 20
_SUFFIXES = (".py", ".pyi", ".pyx", ".pxd")
_TAB = 4

Reader = Callable[[str], "list[str] | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One line; ``is_meant``: the one that the place is about."""

    number: int
    text: str
    is_meant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A place, and the lines there; ``missing`` says why there are no others around it."""

    place: str
    function: str
    lines: tuple[SourceLine, ...]
    missing: str = ""


def source_reader(root: str) -> Reader:
    """Reads files of Python below *root* by the name that a report has for them; others are None.

    A report may come from anybody: no file elsewhere becomes part of a page because a report names it.
    """
    base = os.path.realpath(root)
    known: dict[str, list[str] | None] = {}

    def read(name: str) -> list[str] | None:
        if name not in known:
            known[name] = _lines(os.path.join(base, name), base)
        return known[name]

    return read


def excerpt(site: AllocationSite, read: Reader) -> Excerpt:
    """*site* with the lines around it, where the file can be read and still has that line there."""
    lines = read(site.file)
    source = site.source.strip()
    missing = ""
    if lines is None:
        missing = "the lines around it are not shown: the file is not below the folder of the tests, or cannot be read"
    elif not 0 < site.line <= len(lines) or (source and lines[site.line - 1].strip() != source):
        missing = "the lines around it are not shown: the file has changed since the run"
    if missing or lines is None:
        shown = [SourceLine(number=site.line, text=shortened(source, _LONGEST), is_meant=True)] if source else []
    else:
        first, last = max(site.line - _AROUND, 1), min(site.line + _AROUND, len(lines))
        shown = [_line(number, lines[number - 1], site.line) for number in range(first, last + 1)]
        indent = min((len(line.text) - len(line.text.lstrip()) for line in shown if line.text), default=0)
        shown = [SourceLine(number=line.number, text=line.text[indent:], is_meant=line.is_meant) for line in shown]
    return Excerpt(place=describe.site_place(site), function=site.function, lines=tuple(shown), missing=missing)


def _line(number: int, text: str, meant: int) -> SourceLine:
    return SourceLine(number=number, text=shortened(text.expandtabs(_TAB).rstrip(), _LONGEST), is_meant=number == meant)


def _lines(named: str, base: str) -> list[str] | None:
    try:
        path = os.path.realpath(named)
        if not path.startswith(os.path.join(base, "")) or not path.endswith(_SUFFIXES):
            return None
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with open(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
                return None
            text = stream.read(_MOST_BYTES).decode("utf-8", "replace")
            return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # as Python counts lines
    except (OSError, ValueError):
        return None
