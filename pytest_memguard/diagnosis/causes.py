"""Recognise a cause that was diagnosed once in the next test that shows it, after a round or two, for microseconds.

In doubt the answer is no: a test that is not recognised is proved like the first one.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import field

from pytest_memguard.diagnosis.evidence import Evidence
from pytest_memguard.diagnosis.owners import is_machinery_name
from pytest_memguard.diagnosis.survivors import is_helper
from pytest_memguard.diagnosis.whereabouts import Whereabouts, locate
from pytest_memguard.model import Diagnosis
from pytest_memguard.values import dataclass

#: So many objects of helper types (lists, tuples, functions, ..) more than the cause explains may be new: each
#: repetition replaces some, and the allocated blocks, which must agree exactly, say that none of them adds up.
SLACK = 16
_MOST_AT_ONCE = 2
#: A holder that was proved with so many different amounts is known: what else it takes is not proved again.
_FAMILIAR = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cause:
    """One diagnosed cause and what it adds each time, once or several times a repetition: objects, blocks, entries.

    ``types_replaced``: new objects that were seen with it and do not add up, such as the streams that pytest gives its
    log handlers in each phase of a test.
    """

    signature: str
    diagnosis: Diagnosis
    types_per_run: Mapping[str, int]
    types_replaced: Mapping[str, int]
    blocks_per_run: int
    holder_per_run: int
    whereabouts: Whereabouts = field(repr=False)


class KnownCauses:
    """The causes of this process. Keeps nothing alive but their descriptions."""

    __slots__ = ("_causes", "_marks")

    def __init__(self) -> None:
        self._causes: list[Cause] = []
        self._marks = array("q")

    def __len__(self) -> int:
        return len(self._causes)

    def remember(self, evidence: Evidence, *, blocks_per_run: int) -> Cause | None:
        """Learn a cause; None where it could not be told again: no holder, or one that cannot be found again."""
        if evidence.holder is None or evidence.holder_per_run < 1 or blocks_per_run < 1:
            return None
        whereabouts = locate(evidence.chain, evidence.holder)
        if whereabouts is None:
            return None
        # The test that was proved may add several at once where others add one.
        at_once = math.gcd(evidence.holder_per_run, blocks_per_run, *evidence.types_per_run.values())
        cause = Cause(
            signature=evidence.diagnosis.signature,
            diagnosis=evidence.diagnosis,
            types_per_run={name: count // at_once for name, count in evidence.types_per_run.items()},
            types_replaced=dict(evidence.types_replaced),
            blocks_per_run=blocks_per_run // at_once,
            holder_per_run=evidence.holder_per_run // at_once,
            whereabouts=whereabouts,
        )
        self._causes.append(cause)
        self._marks.append(-1)
        return cause

    def mark(self) -> None:
        """Note how long each holder is now. Leaves no new object behind."""
        marks = self._marks
        for index, cause in enumerate(self._causes):
            marks[index] = cause.whereabouts.length()

    def recognise(self, types_seen: Mapping[str, int], blocks_delta: int) -> Cause | None:
        """The cause of what was seen since :meth:`mark`; of two that together explain it, the one of more blocks.

        ``types_seen``: new objects by type name (:func:`~pytest_memguard.diagnosis.survivors.new_types`).
        """
        found = self.recognise_all(types_seen, blocks_delta)
        return found[0] if found else None

    def recognise_all(self, types_seen: Mapping[str, int], blocks_delta: int) -> tuple[Cause, ...]:
        """All causes (at most two) that together explain exactly what was seen; the one of more blocks first.

        Each holder must have grown by a multiple of what a repetition adds to it, and with these multiples the blocks
        must agree to the block and the objects to the object, what is replaced and :data:`SLACK` aside.
        """
        grown = [(cause, times) for index, cause in enumerate(self._causes) if (times := self._times(index, cause))]
        for number in range(1, _MOST_AT_ONCE + 1):
            for group in itertools.combinations(grown, number):
                if _distinct(group) and _explains(group, types_seen, blocks_delta):
                    return tuple(cause for cause, _ in sorted(group, key=_blocks, reverse=True))
        return ()

    def familiar(self, rounds: int) -> Cause | None:
        """A cause whose holder was proved with several amounts already, and grew in each of ``rounds`` rounds.

        The streams that a thousand tests leave in one cache differ from test to test; the test leaks all the same.
        Another leak of its own will show when this one is mended.
        """
        for index, cause in enumerate(self._causes):
            if self._times(index, cause) >= rounds and self._proofs_with(cause) >= _FAMILIAR:
                return cause
        return None

    def _proofs_with(self, cause: Cause) -> int:
        identity = cause.whereabouts.identity
        return sum(other.whereabouts.identity == identity for other in self._causes)

    def _times(self, index: int, cause: Cause) -> int:
        """How many repetitions the growth of the holder stands for; 0 if it stands for none."""
        before, now = self._marks[index], cause.whereabouts.length()
        if before < 0 or now <= before:
            return 0
        times, rest = divmod(now - before, cause.holder_per_run)
        return 0 if rest else times


_Group = Sequence[tuple[Cause, int]]


def _blocks(entry: tuple[Cause, int]) -> int:
    return entry[0].blocks_per_run * entry[1]


def _distinct(group: _Group) -> bool:
    """Two causes with one holder would both claim the whole of its growth."""
    return len({cause.whereabouts.identity for cause, _ in group}) == len(group)


def _explains(group: _Group, types_seen: Mapping[str, int], blocks_delta: int) -> bool:
    if sum(map(_blocks, group)) != blocks_delta:
        return False
    expected: dict[str, int] = {}
    tolerated: dict[str, int] = {}
    for cause, times in group:
        for name, count in cause.types_per_run.items():
            expected[name] = expected.get(name, 0) + times * count
        for name, count in cause.types_replaced.items():
            tolerated[name] = max(count, tolerated.get(name, 0))
    slack = SLACK
    for name in {*expected, *types_seen}:
        more = types_seen.get(name, 0) - expected.get(name, 0)
        if more < 0:
            return False
        if more > tolerated.get(name, 0) and not is_machinery_name(name):
            if not is_helper(name) or more > slack:
                return False
            slack -= more
    return True
