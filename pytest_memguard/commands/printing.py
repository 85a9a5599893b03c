"""How a command prints: to standard output, as wide as the terminal."""

from __future__ import annotations

import shutil
import sys

__all__ = ["is_plain", "print_text", "terminal_width"]

_NARROWEST = 40
_WIDEST = 120


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


def terminal_width() -> int:
    """Columns to write: those of the terminal, within reason."""
    return min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)
