"""The tests of several shards as those of one run: each once, a test that ran in two of them with its worse verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from pytest_memguard.merging.shards import Shard
from pytest_memguard.model import MemoryRecord, VerdictName

__all__ = ["UnitedTests", "unite"]

# What somebody has to look at comes before what is well, and what is known before what is not.
_WORST_FIRST: tuple[VerdictName, ...] = (
    "leak",
    "suspect",
    "suppressed",
    "inconclusive",
    "saturating",
    "deferred",
    "one-off",
    "clean",
    "unchecked",
)
_OUTCOMES = ("failed", "error", "xpassed", "passed", "xfailed", "skipped")
_CLEAN = ("clean", "one-off")


@dataclass(slots=True)
class UnitedTests:
    """All tests, made one at a time, and how many of them each count of a session has twice.

    ``repeated``: those in more than one shard, in order. ``checked_twice``, ``clean_twice``: how often such a test is
    counted once too much.
    """

    shards: Sequence[Shard]
    repeated: dict[str, MemoryRecord] = field(default_factory=dict)
    checked_twice: int = 0
    clean_twice: int = 0
    _count: int = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[MemoryRecord]:
        told: set[str] = set()
        for shard in self.shards:
            for record in shard.run.tests:
                if record.nodeid not in self.repeated:
                    yield replace(record, worker=shard.worker(record.worker))
                elif record.nodeid not in told:
                    told.add(record.nodeid)
                    yield self.repeated[record.nodeid]


def unite(shards: Sequence[Shard]) -> UnitedTests:
    """The tests of *shards*: in their order, a test that two of them have where the first has it."""
    first: dict[str, int] = {}
    several: set[str] = set()
    for number, shard in enumerate(shards):
        for record in shard.run.tests:
            # A test may well be twice in one run; then it is so in the merged one.
            if first.setdefault(record.nodeid, number) != number:
                several.add(record.nodeid)
    united = UnitedTests(shards)
    for shard in shards:
        for record in shard.run.tests:
            if record.nodeid in several:
                _add(united, replace(record, worker=shard.worker(record.worker)))
            else:
                united._count += 1  # noqa: SLF001 - its own maker
    united._count += len(united.repeated)  # noqa: SLF001
    return united


def _add(united: UnitedTests, record: MemoryRecord) -> None:
    known = united.repeated.get(record.nodeid)
    if known is None:
        united.repeated[record.nodeid] = record
        return
    both = (known, record)
    worse = min(both, key=lambda one: (_WORST_FIRST.index(one.verdict), _rank(one.outcome)))
    better = known if worse is record else record
    united.checked_twice += all(one.verdict != "unchecked" for one in both)
    united.clean_twice += better.verdict in _CLEAN
    reason = worse.reason
    if better.verdict != worse.verdict:
        also = f"{better.verdict} in {better.worker}"
        reason = f"{reason}; {also}" if reason else also
    outcome = min(both, key=lambda one: _rank(one.outcome)).outcome
    united.repeated[record.nodeid] = replace(worse, outcome=outcome, reason=reason)


def _rank(outcome: str) -> int:
    return _OUTCOMES.index(outcome) if outcome in _OUTCOMES else 0
