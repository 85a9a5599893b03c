"""The ledger of a run: one row of packed numbers per test, made into values when somebody asks.

A row is the reading before a test and the one after it as they came from the probes, 128 bytes, and a reference to
the node id. Rows lie in parts of a thousand, so that nothing is ever copied to grow.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import Any, Final, NamedTuple

from pytest_memguard.model import Checkpoint, MemoryRecord, Verdict
from pytest_memguard.probes import MISSING, Raw, Sample

RowValue = int | float | str | None

# Both readings, duration, and the numbers of worker and outcome in one: 16 words, so that a column is a slice.
_ROW: Final = Struct("=14qdq")
_WORDS: Final = 16
_READING: Final = len(Sample._fields)
_WORKER_SHIFT: Final = 16
_OUTCOME_MASK: Final = (1 << _WORKER_SHIFT) - 1
ROWS_PER_PART: Final = 1024
_NOT_PASSED: Final = "only tests that pass are checked"


class Row(NamedTuple):
    """One test. Bytes, counts and seconds; ``None`` is what could not be read.

    ``before`` is the reading at its start (its ``peak`` is that of what came before), ``after`` the one at its end.
    """

    before: Sample
    after: Sample
    duration_s: float
    worker: str
    outcome: str

    def gained(self, metric: str) -> int | None:
        """How much of a metric the test left behind."""
        before, after = getattr(self.before, metric), getattr(self.after, metric)
        return None if before is None or after is None else after - before

    @property
    def peak_growth(self) -> int | None:
        """Bytes by which the peak exceeded what was resident when the test began."""
        peak, start = self.after.peak, self.before.rss
        return None if peak is None or start is None else peak - start


class Totals(NamedTuple):
    """The session as pass 1 saw it: the highest peak of a test, and the ends of the process in which it was."""

    peak_rss: int | None = None
    peak_nodeid: str | None = None
    rss_start: int | None = None
    rss_end: int | None = None


class Ledger:
    """The tests of a run in the order in which they ended."""

    def __init__(self) -> None:
        self._parts: list[tuple[array[int], list[str]]] = []
        self._workers: dict[str, int] = {}
        self._outcomes: dict[str, int] = {}
        self._count = 0
        self.checkpoints: dict[int, tuple[Checkpoint, ...]] = {}  #: by the index of a test; few have any
        self.grow()

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether the next row needs new room."""
        return self._count == len(self._parts) * ROWS_PER_PART

    def grow(self) -> None:
        """Make room for the next thousand rows."""
        self._parts.append((array("q", bytes(_ROW.size * ROWS_PER_PART)), [""] * ROWS_PER_PART))

    def worker(self, name: str) -> int:
        """The number of a worker."""
        return self._workers.setdefault(name, len(self._workers))

    def add(self, nodeid: str, before: Raw, after: Raw, duration_s: float, worker: int, outcome: str) -> int:  # noqa: PLR0917 - keywords cost a microsecond here
        """Keep one test between its two readings; gives its index."""
        index = self._count
        place = index % ROWS_PER_PART
        if not place and self.full:
            self.grow()
        rows, nodeids = self._parts[-1]
        code = self._outcomes.get(outcome)
        if code is None:
            code = self._outcomes[outcome] = len(self._outcomes)
        _ROW.pack_into(rows, place * _ROW.size, *before, *after, duration_s, worker << _WORKER_SHIFT | code)
        nodeids[place] = nodeid
        self._count = index + 1
        return index

    def row(self, index: int) -> list[RowValue]:
        """One test as exact builtins that travel to another process, where ``absorb`` takes them."""
        row = self.read(index)
        return [self.nodeid(index), row.worker, row.outcome, row.duration_s, *row.before, *row.after]

    def absorb(self, row: Sequence[Any], nodeid: str | None = None) -> int:
        """Take a row of another process; gives its index here.

        *nodeid* is an equal string that is kept instead of the one in the row, where the caller has one anyway.
        Raises ``ValueError`` or ``struct.error`` on a row of another shape.
        """
        own_nodeid, worker, outcome, duration_s, *values = row
        if len(values) != 2 * _READING:
            raise ValueError(f"a row has {2 * _READING + 4} values, not {len(row)}")
        before, after = _raw(values[:_READING]), _raw(values[_READING:])
        return self.add(nodeid or own_nodeid, before, after, duration_s, self.worker(worker), outcome)

    def nodeid(self, index: int) -> str:
        """The node id of one test; raises ``IndexError``."""
        self._check(index)
        return self._parts[index // ROWS_PER_PART][1][index % ROWS_PER_PART]

    def read(self, index: int) -> Row:
        """One test; raises ``IndexError``."""
        self._check(index)
        rows = self._parts[index // ROWS_PER_PART][0]
        *values, duration_s, code = _ROW.unpack_from(rows, index % ROWS_PER_PART * _ROW.size)
        return Row(
            before=Sample.of(_raw(values[:_READING])),
            after=Sample.of(_raw(values[_READING:])),
            duration_s=duration_s,
            worker=_name(self._workers, code >> _WORKER_SHIFT),
            outcome=_name(self._outcomes, code & _OUTCOME_MASK),
        )

    def before(self, metric: str) -> array[int]:
        """One metric before each test, ``MISSING`` where it could not be read."""
        return self._column(Sample._fields.index(metric))

    def after(self, metric: str) -> array[int]:
        """One metric after each test, ``MISSING`` where it could not be read."""
        return self._column(_READING + Sample._fields.index(metric))

    def record(self, index: int, verdict: Verdict) -> MemoryRecord:
        """One test as a value."""
        row = self.read(index)
        not_passed = verdict.name == "unchecked" and row.outcome != "passed"
        return MemoryRecord(
            nodeid=self.nodeid(index),
            worker=row.worker,
            outcome=row.outcome,
            duration_s=row.duration_s,
            rss_before_bytes=row.before.rss,
            rss_after_bytes=row.after.rss,
            peak_rss_bytes=row.after.peak,
            retained_bytes=row.gained("heap"),
            retained_blocks=row.gained("blocks"),
            verdict=verdict.name,
            reason=_NOT_PASSED if not_passed and verdict.reason is None else verdict.reason,
            checkpoints=self.checkpoints.get(index, ()),
        )

    def records(self, verdict: Callable[[int], Verdict]) -> LazyRecords:
        """All tests, each made when it is asked for; *verdict* gets the index of a test."""
        return LazyRecords(self, verdict)

    def totals(self) -> Totals:
        """The session's figures; where no peak could be read, the ends are those of the first worker."""
        if not self._count:
            return Totals()
        peaks = self.after("peak")
        highest = max(peaks)
        index = peaks.index(highest)
        codes = self._column(_WORDS - 1)
        own = [place for place, code in enumerate(codes) if code >> _WORKER_SHIFT == codes[index] >> _WORKER_SHIFT]
        start, end = self.read(own[0]).before.rss, self.read(own[-1]).after.rss
        if highest == MISSING:
            return Totals(rss_start=start, rss_end=end)
        return Totals(highest, self.nodeid(index), start, end)

    def _column(self, place: int) -> array[int]:
        column = array("q")
        for rows, _ in self._parts:
            column.extend(rows[place::_WORDS])
        del column[self._count :]
        return column

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


def _name(names: dict[str, int], code: int) -> str:
    return next(name for name, known in names.items() if known == code)


def _raw(values: Sequence[int | None]) -> Raw:
    rss, vms, heap, blocks, fds, threads, peak = [MISSING if value is None else value for value in values]
    return rss, vms, heap, blocks, fds, threads, peak
