"""How a command prints: to standard output, as wide as the terminal, in colours where it is one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable

from pytest_memguard.report.text import Line

__all__ = ["is_plain", "print_lines", "print_text", "terminal_width"]

_NARROWEST = 40
_WIDEST = 120
_CODES = {"bold": 1, "red": 31, "green": 32, "yellow": 33}


def print_text(text: str) -> None:
    """One piece of output, with its end of line."""
    sys.stdout.write(text + "\n")


def is_plain() -> bool:
    """Whether standard output has no more than ASCII."""
    try:
        "\u2581\u2588".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def print_lines(lines: Iterable[Line]) -> None:
    """Lines with their markup, which is shown on a terminal alone; ``NO_COLOR`` is heeded."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    for line in lines:
        codes = ";".join(str(_CODES[name]) for name in line.markup if name in _CODES) if coloured else ""
        print_text(f"\x1b[{codes}m{line.text}\x1b[0m" if codes else line.text)


def terminal_width() -> int:
    """Columns to write: those of the terminal, within reason."""
    return min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)
