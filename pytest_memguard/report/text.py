"""Text that a terminal shows as it was meant: harmless, of known width, and safe to paste into a shell."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable, Iterator

from pytest_memguard.units import percent
from pytest_memguard.values import dataclass

__all__ = [
    "Line",
    "cells",
    "counted",
    "harmless",
    "line",
    "listed",
    "percent",
    "quoted_path",
    "shell_quoted",
    "shortened",
    "wrapped",
]

# Joiners decide how Persian words and family emoji look; they cannot reorder or hide anything.
_KEPT = frozenset("\u00a0\u200c\u200d")
_ELLIPSIS = "..."
_LONGEST_PATH = 300
# Double quotes keep their meaning in every shell, cmd.exe and PowerShell included, unless one of these is inside.
_NOT_IN_DOUBLE_QUOTES = r"[\"\\$`!%]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line for the terminal: its text, without a newline, and the names of its markup (``red``, ``bold``, ..)."""

    text: str
    markup: tuple[str, ...] = ()


def line(text: str, *markup: str) -> Line:
    """A :class:`Line` of *text*, whatever that text holds."""
    return Line(text=harmless(text), markup=markup)


def harmless(text: str) -> str:
    r"""*text* with everything that a terminal obeys or hides (``\x1b``, ``\n``, direction marks, ..) spelt out."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _KEPT else _spelt_out(char) for char in text)


def cells(text: str) -> int:
    """How many columns *text* takes: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_char_cells, text))


def shortened(text: str, width: int) -> str:
    """*text* in at most *width* columns: what does not fit is left out of its middle, and ``...`` says so."""
    text = harmless(text)
    if cells(text) <= width:
        return text
    room = max(width - len(_ELLIPSIS), 2)
    # The end of a path or id tells more than its beginning.
    head = _taken(text, room * 2 // 5)
    tail = _taken(text[::-1], room - cells(head))[::-1]
    return f"{head}{_ELLIPSIS}{tail}"


def quoted_path(path: str) -> str:
    """*path* in quotes, harmless, and whole unless it is longer than any screen has room for."""
    return f"'{shortened(path, _LONGEST_PATH)}'"


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """*text* in lines of at most *width* columns, nothing left out; *first* and *rest* go before the lines.

    Lines break at spaces, within longer words after ``/ : . , [ _``, and elsewhere only where there is none of these.
    """
    lines: list[str] = []
    prefix, current = first, ""
    for piece in _pieces(harmless(text), max(width - max(cells(first), cells(rest)), 10)):
        if current and cells(prefix + current + piece.rstrip(" ")) > width:
            lines.append((prefix + current).rstrip(" "))
            prefix, current = rest, ""
        current += piece
    lines.append((prefix + current).rstrip(" "))
    return lines


def shell_quoted(text: str) -> str:
    """*text* as one word of a command line that can be copied from the terminal and pasted into a shell.

    In double quotes where every shell agrees on them, else in POSIX quotes; what cannot be printed is written as
    ``$'..'``, which bash, zsh, ksh and POSIX.1-2024 read.
    """
    if harmless(text) != text:
        escaped = "".join(map(_ansi_c, text))
        return f"$'{escaped}'"
    if re.search(_NOT_IN_DOUBLE_QUOTES, text):
        return shlex.quote(text)
    return f'"{text}"'


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """``1 test``, ``2 tests``, ``0 processes``."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def listed(values: Iterable[str], total: int, *, limit: int, noun: str = "") -> str:
    """The first *limit* of *total* values with commas, and how many more there are."""
    shown = [value for value, _ in zip(values, range(limit), strict=False)]
    more = total - len(shown)
    if more > 0:
        shown.append(f"and {more} more{' ' + noun if noun else ''}")
    return ", ".join(shown)


def _spelt_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _ansi_c(char: str) -> str:
    if char in "'\\":
        return f"\\{char}"
    if char.isprintable() or char in _KEPT:
        return char
    # An undecodable byte of a file name is that byte again; three octal digits cannot run into what follows.
    if "\udc80" <= char <= "\udcff" or char < "\x80":
        return f"\\{ord(char) & 0xFF:03o}"
    return f"\\U{ord(char):08x}"


def _char_cells(char: str) -> int:
    if unicodedata.combining(char) or char in "\u200c\u200d":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _taken(text: str, room: int) -> str:
    """The longest beginning of *text* that takes at most *room* columns."""
    used = 0
    for index, char in enumerate(text):
        used += _char_cells(char)
        if used > room:
            return text[:index]
    return text


def _pieces(text: str, room: int) -> Iterator[str]:
    """*text* cut where a line may end; no piece is wider than *room* columns."""
    for word in re.findall(r"[^ ]+ *| +", text):
        if cells(word.rstrip(" ")) <= room:
            yield word
            continue
        for part in re.findall(r".*?[/:.,\[_]+|.+$", word):
            rest = part
            while cells(rest.rstrip(" ")) > room:
                piece = _taken(rest, room)
                yield piece
                rest = rest[len(piece) :]
            yield rest
