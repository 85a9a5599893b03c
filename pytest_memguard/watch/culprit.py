"""Who has taken the memory, as far as the readings at test boundaries tell."""

from __future__ import annotations

from collections import Counter

from pytest_memguard.probes import MISSING
from pytest_memguard.units import format_bytes
from pytest_memguard.watch.ledger import Ledger

__all__ = ["culprit"]

# Where one test has kept this share of everything that was kept, the others need not be told.
_MOST = 0.5


def culprit(ledger: Ledger) -> str | None:
    """The test that kept most resident memory and, unless that is nearly all, the file that did; ``None``: nobody."""
    kept: Counter[int] = Counter()
    for index, (before, after) in enumerate(zip(ledger.before("rss"), ledger.after("rss"), strict=True)):
        if MISSING not in (before, after) and after > before:
            kept[index] = after - before
    if not kept:
        return None
    (first, most), *_ = kept.most_common(1)
    text = f"{ledger.nodeid(first)} kept most: {format_bytes(most, signed=True)}"
    if most >= _MOST * kept.total():
        return text
    files: Counter[str] = Counter()
    for index, size in kept.items():
        files[ledger.nodeid(index).partition("::")[0]] += size
    (file, size), *_ = files.most_common(1)
    tests = sum(ledger.nodeid(index).partition("::")[0] == file for index in kept)
    return f"{text}; the {tests} tests of {file} that grew kept {format_bytes(size, signed=True)}"
