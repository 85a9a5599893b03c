"""Numbers in the files of the kernel, where a regular expression would take longer to compile than to be of use."""

from __future__ import annotations

__all__ = ["number"]

_LONGEST = 32


def number(text: bytes, name: bytes) -> int | None:
    """The whole number behind *name*, which begins a line and ends where blanks or the number begin."""
    at = 0 if text.startswith(name) else text.find(b"\n" + name) + 1
    if not at and not text.startswith(name):
        return None
    start = at + len(name)
    words = text[start : start + _LONGEST].split(None, 1)
    return int(words[0]) if words and words[0].isdigit() else None
