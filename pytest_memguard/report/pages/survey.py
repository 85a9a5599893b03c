"""The tests of a run in one pass: rows for the table and the plots, and how many tests have which verdict."""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pytest_memguard.model import MemoryRecord, Records
from pytest_memguard.report.counts import Counts, count_tests
from pytest_memguard.report.text import shortened
from pytest_memguard.values import dataclass

__all__ = ["Row", "Survey", "surveyed"]

# Together less than 13 MB of data, whatever tests and reasons are: names are whole, then shorter, then left out.
_MOST_ROWS = 40_000
_ROOM = 5_000_000
_LEAST_ROOM = -3_500_000
_LONGEST, _SHORT = 300, 60
_CHEAP = re.compile(r"[ -%'-;=?-~]*")
_READ_FIRST = 200
_LISTED = 50
# What somebody may have to act on comes first.
_ORDER = {
    name: rank
    for rank, name in enumerate(
        ("leak", "suspect", "inconclusive", "suppressed", "saturating", "one-off", "deferred", "unchecked", "clean")
    )
}
_PLAIN = frozenset({"clean", "unchecked"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One test as it is printed for a reader without scripts; sizes in bytes, ``peak_growth`` above its start."""

    nodeid: str
    verdict: str
    outcome: str
    duration_s: float
    peak: int | None
    peak_growth: int | None
    retained: int | None
    blocks: int | None
    reason: str
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one pass over the tests has told.

    ``rows`` are for scripts: file, name, verdict, outcome, worker, milliseconds, bytes resident before, after and at
    the peak, bytes and blocks retained, reason, anchor of its card; words are numbers, whose texts are in ``words``.
    ``positions``: the row of the tests that were asked for, by their whole id. ``first``: the tests to print.
    ``left_out``: tests without a row. ``resident``: bytes after each test that has a row. ``in_blocks``: what is
    retained is known in blocks only.
    """

    rows: list[list[Any]]
    words: Mapping[str, list[str]]
    positions: Mapping[str, int]
    first: list[Row]
    left_out: int
    resident: list[int | None]
    counts: Counts
    total: int
    in_blocks: bool


def surveyed(records: Records, *, anchors: Mapping[str, str], wanted: Collection[str]) -> Survey:
    """Look at every test once. *anchors*: of the cards, by the id of their tests; *wanted*: ids to be found again."""
    table = _Table(anchors, wanted)
    counts = count_tests(table.taking(records), limit=_LISTED)
    return Survey(
        rows=table.rows,
        words={name: list(numbers) for name, numbers in table.words.items()},
        positions=table.positions,
        first=[row for *_, row in sorted(table.first, reverse=True)],
        left_out=table.left_out,
        resident=table.resident,
        counts=counts,
        total=table.total,
        in_blocks=not table.has_bytes and table.has_blocks,
    )


class _Table:
    """Fills up while the tests go by."""

    def __init__(self, anchors: Mapping[str, str], wanted: Collection[str]) -> None:
        self.rows: list[list[Any]] = []
        self.words: dict[str, dict[str, int]] = {
            name: {} for name in ("file", "verdict", "outcome", "worker", "reason")
        }
        self.positions: dict[str, int] = {}
        self.first: list[tuple[int, int, int, Row]] = []  # a heap, the least remarkable on top
        self.left_out = 0
        self.resident: list[int | None] = []
        self.total = 0
        self.has_bytes = self.has_blocks = False
        self._anchors = anchors
        self._wanted = wanted
        self._room = _ROOM

    def taking(self, records: Records) -> Iterator[MemoryRecord]:
        for record in records:
            yield record
            self._remember(record)
            self.total += 1
            self.has_bytes = self.has_bytes or record.retained_bytes is not None
            self.has_blocks = self.has_blocks or record.retained_blocks is not None
            # Whatever else there is: what is more than clean has a row, as long as there is any room.
            most = _MOST_ROWS // 2 if record.verdict in _PLAIN else _MOST_ROWS
            if len(self.rows) < most and self._room > _LEAST_ROOM:
                self._add(record)
            else:
                self.left_out += 1

    def _add(self, record: MemoryRecord) -> None:
        if record.nodeid in self._wanted:
            self.positions.setdefault(record.nodeid, len(self.rows))
        path, separator, name = record.nodeid.partition("::")
        if not separator:
            path, name = "", record.nodeid
        name = self._fitting(name)
        self.resident.append(record.rss_after_bytes)
        self.rows.append(
            [
                self._number("file", path),
                name,
                self._number("verdict", record.verdict),
                self._number("outcome", record.outcome),
                self._number("worker", record.worker),
                round(record.duration_s * 1000, 1),
                record.rss_before_bytes,
                record.rss_after_bytes,
                record.peak_rss_bytes,
                record.retained_bytes,
                record.retained_blocks,
                self._number("reason", record.reason) if record.reason else None,
                self._anchors.get(record.nodeid),
            ]
        )

    def _number(self, word: str, text: str) -> int:
        numbers, told = self.words[word], shortened(text, _LONGEST)
        told = told if told in numbers else self._fitting(told)
        return numbers.setdefault(told, len(numbers))

    def _fitting(self, text: str) -> str:
        fitting = shortened(text, _LONGEST if self._room > 0 else _SHORT)
        self._room -= len(fitting) * (1 if _CHEAP.fullmatch(fitting) else 6)  # data is ASCII, the rest is spelt out
        return fitting

    def _remember(self, record: MemoryRecord) -> None:
        """Keep it for those without scripts, if it is among the most remarkable."""
        peak, before = record.peak_rss_bytes, record.rss_before_bytes
        growth = None if peak is None or before is None else peak - before
        rank = (-_ORDER.get(record.verdict, 0), growth or 0, -self.total)
        if len(self.first) == _READ_FIRST and rank < self.first[0][:3]:
            return
        row = Row(
            nodeid=shortened(record.nodeid, _LONGEST),
            verdict=record.verdict,
            outcome=record.outcome,
            duration_s=record.duration_s,
            peak=peak,
            peak_growth=growth,
            retained=record.retained_bytes,
            blocks=record.retained_blocks,
            reason=shortened(record.reason or "", _LONGEST),
            anchor=self._anchors.get(record.nodeid, ""),
        )
        push = heapq.heappush if len(self.first) < _READ_FIRST else heapq.heappushpop
        push(self.first, (*rank, row))
