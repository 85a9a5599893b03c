"""The lines of source around a place, if they are still those that the run has seen."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace

from pytest_memguard.model import AllocationSite, Diagnosis
from pytest_memguard.report import describe
from pytest_memguard.report.text import shortened
from pytest_memguard.values import dataclass

__all__ = ["Excerpt", "Reader", "SourceLine", "excerpt", "main_places", "source_reader"]

_AROUND = 3
_TOGETHER = 8  # lines apart that one piece of source shows both
_LONGEST = 200
_LONGEST_NAME = 120
_MOST_BYTES = 4 << 20
_SUFFIXES = (".py", ".pyi", ".pyx", ".pxd")
_TAB = 4
_MADE, _STAYS = "made here", "put to stay here"
_ELSEWHERE = "the lines around it are not shown: the file is not below the folder of the tests, or cannot be read"
_CHANGED = "the lines around it are not shown: the file has changed since the run"

Reader = Callable[[str], "Sequence[str] | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One line; ``mark`` says what happens there, where it is a line that is meant."""

    number: int
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A place, and the lines there; ``missing`` says why there are no others around it."""

    title: str
    place: str
    function: str
    lines: tuple[SourceLine, ...]
    missing: str = ""

    @property
    def source(self) -> str:
        """The line that is meant, or the first of two."""
        return next((line.text.strip() for line in self.lines if line.mark), "")


def source_reader(root: str) -> Reader:
    """Reads files of Python below *root* by the name that a report has for them; others are None.

    A report may come from anybody: no file elsewhere becomes part of a page because a report names it.
    """
    base = os.path.realpath(root)
    known: dict[str, Sequence[str] | None] = {}

    def read(name: str) -> Sequence[str] | None:
        if name not in known:
            known[name] = _lines(os.path.join(base, name), base)
        return known[name]

    return read


def main_places(diagnosis: Diagnosis, read: Reader) -> tuple[Excerpt, ...]:
    """Where it is made and where it is put to stay; one piece of source where both are close to each other."""
    made, stays = diagnosis.sites[:1], describe.retained_elsewhere(diagnosis)[:1]
    found = [excerpt(site, read, title="Where it is made", mark=_MADE) for site in made]
    found += [excerpt(site, read, title="Where it is put to stay", mark=_STAYS) for site in stays]
    if made and stays and made[0].file == stays[0].file and abs(made[0].line - stays[0].line) <= _TOGETHER:
        return _joined(*found)
    return tuple(found)


def excerpt(site: AllocationSite, read: Reader, *, title: str, mark: str = _MADE) -> Excerpt:
    """*site* with the lines around it, where the file can be read and still has that line there."""
    source = site.source.strip()
    lines, missing = read(site.file), ""
    if lines is None:
        missing = _ELSEWHERE
    elif not 0 < site.line <= len(lines) or (source and lines[site.line - 1].strip() != source):
        missing = _CHANGED
    if missing or lines is None:
        shown = [SourceLine(number=site.line, text=shortened(source, _LONGEST), mark=mark)] if source else []
    else:
        first, last = max(site.line - _AROUND, 1), min(site.line + _AROUND, len(lines))
        shown = [
            SourceLine(number=number, text=_shown(lines[number - 1]), mark=mark if number == site.line else "")
            for number in range(first, last + 1)
        ]
    return Excerpt(
        title=title,
        place=describe.site_place(site),
        function=shortened(site.function, _LONGEST_NAME),
        lines=_trimmed(shown),
        missing=missing,
    )


def _joined(one: Excerpt, other: Excerpt) -> tuple[Excerpt, ...]:
    """Both as one, with the lines in between; as they are where one has no lines but its own."""
    if one.missing or other.missing:
        return one, other
    by_number = {line.number: line for line in (*one.lines, *other.lines)}
    by_number.update({line.number: line for line in (*one.lines, *other.lines) if line.mark})
    numbers = sorted(by_number)
    if numbers != list(range(numbers[0], numbers[-1] + 1)):
        return one, other
    lines = tuple(by_number[number] for number in numbers)
    return (replace(one, title="Where it is made, and put to stay", lines=lines),)


def _shown(text: str) -> str:
    return shortened(text.expandtabs(_TAB).rstrip(), _LONGEST)


def _trimmed(lines: list[SourceLine]) -> tuple[SourceLine, ...]:
    """Without empty lines at the ends."""
    while lines and not (lines[0].text or lines[0].mark):
        lines.pop(0)
    while lines and not (lines[-1].text or lines[-1].mark):
        lines.pop()
    return tuple(lines)


def _lines(named: str, base: str) -> Sequence[str] | None:
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
