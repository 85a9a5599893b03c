"""The ledger of a run: one row of packed numbers per test, made into values when somebody asks.

72 bytes and a reference to the node id per test, in parts of a thousand, so that nothing is ever copied to grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import Any, Final, NamedTuple

from pytest_memguard.model import MemoryRecord, Verdict
from pytest_memguard.probes import Sample

RowValue = int | float | str | None

# rss before and after, peak, change of mapped bytes, of heap and of blocks; duration; change of descriptors and of
# threads; full collections, worker, outcome.
_ROW: Final = Struct("<6qdiiHHH")
_ROWS_PER_PART: Final = 1024
_NO_LONG: Final = -(1 << 63)
_NO_INT: Final = -(1 << 31)
_NO_SHORT: Final = (1 << 16) - 1
# What stands for None at each place of a row; where there is always a value, something that no value equals.
_MISSING: Final = (*(_NO_LONG,) * 6, float("nan"), _NO_INT, _NO_INT, _NO_SHORT, -1, -1)


class Row(NamedTuple):
    """One test as it is kept; ``None`` is what could not be read. Bytes, counts, seconds; names by their number."""

    rss_before: int | None
    rss_after: int | None
    peak: int | None
    mapped: int | None
    heap: int | None
    blocks: int | None
    duration_s: float
    fds: int | None
    threads: int | None
    collections: int | None
    worker: int
    outcome: int


class Ledger:
    """The tests of a run in the order in which they ended, and what stands out among them."""

    def __init__(self) -> None:
        self._parts: list[tuple[bytearray, list[str]]] = []
        self._workers: dict[str, int] = {}
        self._outcomes: dict[str, int] = {}
        self._count = 0
        self._peak = -1
        self._peak_index = -1
        self.grow()

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether the next row needs new room."""
        return self._count == len(self._parts) * _ROWS_PER_PART

    def grow(self) -> None:
        """Make room for the next thousand rows."""
        self._parts.append((bytearray(_ROW.size * _ROWS_PER_PART), [""] * _ROWS_PER_PART))

    def add(
        self,
        nodeid: str,
        *,
        worker: str,
        outcome: str,
        duration_s: float,
        before: Sample,
        after: Sample,
        peak: int | None,
    ) -> int:
        """Keep one test between its two samples; gives its index."""
        rss_0, mapped_0, _, heap_0, blocks_0, fds_0, threads_0, collections_0 = before
        rss, mapped, _, heap, blocks, fds, threads, collections = after
        return self._append(
            nodeid,
            (
                rss_0,
                rss,
                peak,
                None if mapped is None or mapped_0 is None else mapped - mapped_0,
                None if heap is None or heap_0 is None else heap - heap_0,
                None if blocks is None or blocks_0 is None else blocks - blocks_0,
                duration_s,
                None if fds is None or fds_0 is None else fds - fds_0,
                None if threads is None or threads_0 is None else threads - threads_0,
                None if collections is None or collections_0 is None else collections - collections_0,
                _code(self._workers, worker),
                _code(self._outcomes, outcome),
            ),
        )

    def row(self, index: int) -> list[RowValue]:
        """One test as exact builtins that travel to another process, where ``absorb`` takes them."""
        row = self.read(index)
        return [self.nodeid(index), _name(self._workers, row.worker), _name(self._outcomes, row.outcome), *row[:-2]]

    def absorb(self, row: Sequence[Any], nodeid: str | None = None) -> int:
        """Take a row of another process; gives its index here.

        *nodeid* is an equal string that is kept instead of the one in the row, where the caller has one anyway.
        Raises ``ValueError`` or ``struct.error`` on a row of another shape.
        """
        own_nodeid, worker, outcome, *values = row
        if len(values) != len(Row._fields) - 2:
            raise ValueError(f"a row has {len(Row._fields) + 1} values, not {len(row)}")
        return self._append(
            nodeid or own_nodeid, (*values, _code(self._workers, worker), _code(self._outcomes, outcome))
        )

    def nodeid(self, index: int) -> str:
        """The node id of one test."""
        self._check(index)
        return self._parts[index // _ROWS_PER_PART][1][index % _ROWS_PER_PART]

    def outcome(self, index: int) -> str:
        """The outcome of one test."""
        return _name(self._outcomes, self.read(index).outcome)

    def record(self, index: int, verdict: Verdict) -> MemoryRecord:
        """One test as a value."""
        row = self.read(index)
        return MemoryRecord(
            nodeid=self.nodeid(index),
            worker=_name(self._workers, row.worker),
            outcome=_name(self._outcomes, row.outcome),
            duration_s=row.duration_s,
            rss_before_bytes=row.rss_before,
            rss_after_bytes=row.rss_after,
            peak_rss_bytes=row.peak,
            retained_bytes=row.heap,
            retained_blocks=row.blocks,
            verdict=verdict.name,
            reason=verdict.reason,
        )

    def records(self, verdict: Callable[[int], Verdict]) -> LazyRecords:
        """All tests, each made when it is asked for; *verdict* gets the index of a test."""
        return LazyRecords(self, verdict)

    def peak_growth(self, index: int) -> int | None:
        """Bytes by which a test's peak exceeded what was resident when it began."""
        row = self.read(index)
        return None if row.peak is None or row.rss_before is None else row.peak - row.rss_before

    @property
    def peak_rss(self) -> int | None:
        """The highest peak of all tests, in bytes."""
        return None if self._peak_index < 0 else self._peak

    @property
    def peak_nodeid(self) -> str | None:
        """The test that reached it."""
        return None if self._peak_index < 0 else self.nodeid(self._peak_index)

    def rss_ends(self) -> tuple[int | None, int | None]:
        """Resident bytes before the first and after the last test, of the process that peaked highest."""
        worker = 0 if self._peak_index < 0 else self.read(self._peak_index).worker
        rows = (row for row in map(self.read, range(self._count)) if row.worker == worker)
        first = last = next(rows, None)
        for row in rows:
            last = row
        return (None, None) if first is None or last is None else (first.rss_before, last.rss_after)

    def _append(self, nodeid: str, row: tuple[Any, ...]) -> int:
        index = self._count
        if self.full:
            self.grow()
        rows, nodeids = self._parts[index // _ROWS_PER_PART]
        place = index % _ROWS_PER_PART
        peak = row[2]
        if None in row:
            # Lists: a tuple made from a generator is resized, and CPython keeps up to 2,000 of that size for later.
            values = [missing if value is None else value for value, missing in zip(row, _MISSING, strict=True)]
            _ROW.pack_into(rows, place * _ROW.size, *values)
        else:
            _ROW.pack_into(rows, place * _ROW.size, *row)
        nodeids[place] = nodeid
        self._count = index + 1
        if peak is not None and peak > self._peak:
            self._peak, self._peak_index = peak, index
        return index

    def read(self, index: int) -> Row:
        """One row; raises ``IndexError``."""
        self._check(index)
        rows = self._parts[index // _ROWS_PER_PART][0]
        row = _ROW.unpack_from(rows, index % _ROWS_PER_PART * _ROW.size)
        return Row._make([None if value == missing else value for value, missing in zip(row, _MISSING, strict=True)])

    def _check(self, index: int) -> None:
        if not 0 <= index < self._count:
            raise IndexError(f"there are {self._count} tests, and no test {index}")


class LazyRecords:
    """The records of a ledger, made one at a time."""

    def __init__(self, ledger: Ledger, verdict: Callable[[int], Verdict]) -> None:
        self._ledger = ledger
        self._verdict = verdict

    def __len__(self) -> int:
        return len(self._ledger)

    def __getitem__(self, index: int) -> MemoryRecord:
        return self._ledger.record(index, self._verdict(index))

    def __iter__(self) -> Iterator[MemoryRecord]:
        return map(self.__getitem__, range(len(self)))


def _code(names: dict[str, int], name: str) -> int:
    """The number of a name, a new one for a new name."""
    code = names.get(name)
    if code is None:
        code = names[name] = len(names)
    return code


def _name(names: dict[str, int], code: int) -> str:
    return next(name for name, known in names.items() if known == code)
