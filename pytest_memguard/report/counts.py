"""The tests of a run counted by verdict, in one pass over records that are never all in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pytest_memguard.model import MemoryRecord
from pytest_memguard.values import dataclass

__all__ = ["Counts", "count_tests"]

_FAILED = ("failed", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many tests have which verdict, and the first ones, as (node id, reason), of those a user may ask about.

    ``undecided`` are the inconclusive ones and the suspects for which the time did not suffice. ``unchecked_passed``
    and ``unchecked_reasons`` leave out what failed or was skipped: nobody expects that to be repeated. ``marked`` are
    the first ones with checkpoints, ``failed`` those that did so by themselves.
    """

    verdicts: Counter[str]
    unchecked: tuple[tuple[str, str | None], ...]
    undecided: tuple[tuple[str, str | None], ...]
    unchecked_passed: int
    unchecked_reasons: Counter[str]
    marked: tuple[MemoryRecord, ...] = ()
    failed: int = 0

    @property
    def undecided_total(self) -> int:
        """All tests that were repeated without a decision."""
        return self.verdicts["inconclusive"] + self.verdicts["suspect"]


def count_tests(records: Iterable[MemoryRecord], *, limit: int) -> Counts:
    """Count *records*; of the lists keep the first *limit* entries."""
    verdicts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    unchecked: list[tuple[str, str | None]] = []
    undecided: list[tuple[str, str | None]] = []
    marked: list[MemoryRecord] = []
    passed = failed = 0
    for record in records:
        if record.checkpoints and len(marked) < limit:
            marked.append(record)
        verdict = record.verdict
        verdicts[verdict] += 1
        failed += record.outcome in _FAILED
        if verdict == "unchecked":
            if len(unchecked) < limit:
                unchecked.append((record.nodeid, record.reason))
            if record.outcome == "passed":
                passed += 1
                if record.reason:
                    reasons[record.reason] += 1
        elif verdict in ("inconclusive", "suspect") and len(undecided) < limit:
            undecided.append((record.nodeid, record.reason))
    return Counts(
        verdicts=verdicts,
        unchecked=tuple(unchecked),
        undecided=tuple(undecided),
        unchecked_passed=passed,
        unchecked_reasons=reasons,
        marked=tuple(marked),
        failed=failed,
    )
