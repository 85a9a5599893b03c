"""Tests over runs as rows for a script: thousands of them with every figure of a hundred runs in a few megabytes.

A series is a text of two characters a run, which stand for 0 to 4094 steps from its lowest size to its highest: no
screen can show more, and the sizes that are read as numbers are there in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pytest_memguard.history.comparison import METRICS
from pytest_memguard.history.trends import change, sizes
from pytest_memguard.history.values import Track
from pytest_memguard.report.text import shortened

__all__ = ["ALPHABET", "PackedRows", "most_changed", "packed_series", "rows_of"]

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_BASE = len(ALPHABET)
_STEPS = _BASE * _BASE - 2
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_UNKNOWN = _PAIRS[-1]
_MOST_TEXT = 5_000_000
_MOST_POINTS = 2_500_000
_LONGEST, _SHORT = 300, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRows:
    """Tests for a script. ``left_out``: how many have no row.

    ``rows``: id, verdict, outcome, place of the last run, then for retained and peak: now, change, lowest, highest,
    series. Verdicts and outcomes are numbers, whose texts are in ``words``.
    """

    rows: list[list[Any]]
    words: list[str]
    left_out: int


def most_changed(tracks: Iterable[Track], newest: int) -> list[Track]:
    """Those of the newest run by how far they are from what they were, up or down; then those that are gone."""
    return sorted(tracks, key=lambda track: _rank(track, newest))


def rows_of(tracks: Sequence[Track], *, runs: int) -> PackedRows:
    """A row each, in this order, as long as there is room."""
    words: dict[str, int] = {}
    rows: list[list[Any]] = []
    room = _MOST_TEXT
    for track in islice(tracks, max(_MOST_POINTS // max(runs, 1), 100)):
        nodeid = shortened(track.nodeid, _LONGEST if room > 0 else _SHORT)
        room -= len(nodeid)
        row: list[Any] = [nodeid]
        row.extend(words.setdefault(word, len(words)) for word in (track.verdict, track.outcome))
        row.append(track.last)
        for metric in METRICS:
            series = sizes(track, metric)
            known = [size for size in series if size is not None]
            lowest, highest = (min(known), max(known)) if known else (None, None)
            row += [series[-1], change(track, metric), lowest, highest, packed_series(series, lowest, highest)]
        rows.append(row)
    return PackedRows(rows=rows, words=list(words), left_out=len(tracks) - len(rows))


def packed_series(series: Sequence[int | None], lowest: int | None, highest: int | None) -> str:
    """*series* as text; empty where nothing is known, or all of it is the same."""
    if lowest is None or highest is None or (lowest == highest and None not in series):
        return ""
    scale = _STEPS / ((highest - lowest) or 1)
    return "".join(_UNKNOWN if size is None else _PAIRS[round((size - lowest) * scale)] for size in series)


def _rank(track: Track, newest: int) -> tuple[bool, int, str]:
    moved = [abs(by) for by in (change(track, metric) for metric in METRICS) if by is not None]
    return track.last != newest, -max(moved, default=0), track.nodeid
