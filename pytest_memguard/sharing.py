"""One finding for each of several fixtures above function scope that leak in the same repetitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pytest_memguard.bounds import bound_on_path
from pytest_memguard.diagnosis import Share
from pytest_memguard.model import Finding, RoundSeries
from pytest_memguard.subjects import Cycle, FixtureUse

__all__ = ["by_fixture"]

_LEAST_ENTRY_BYTES = 16


def by_fixture(first: Finding, cycle: Cycle, ask: Callable[[Mapping[str, str]], Sequence[Share]]) -> list[Finding]:
    """*first*, which was proved for the fixtures of a cycle together, and what else they retain.

    *ask* says what each of some fixtures (with their functions) retains.
    """
    if len(cycle.fixtures) == 1:
        return [first]
    found = {
        use.name: _finding(first, share, use)
        for share in ask({use.name: use.function for use in cycle.fixtures})
        if (use := cycle.named(share.origin.fixture)) is not None and bound_on_path(share.chain, share.holder) is None
    }
    own = found.pop(first.fixture or "", None)
    others = list(found.values())
    if not others:
        return [first]
    if own is not None:  # what was found for all of them together may be of any
        return [own, *others]
    left = first.bytes_per_run - sum(other.bytes_per_run for other in others)
    return [replace(first, bytes_per_run=max(left, 1)), *others]


def _finding(first: Finding, share: Share, use: FixtureUse) -> Finding:
    types, entries = share.diagnosis.types, min(share.deltas)
    return replace(
        first,
        witnesses=(f"fixture:{use.name}", *(subject.nodeid for subject in use.users)),
        kind="python",
        severity="high",
        phase=share.origin.phase,
        fixture=use.name,
        bytes_per_run=max(sum(growth.bytes for growth in types), _LEAST_ENTRY_BYTES * entries),
        blocks_per_run=entries,
        count_per_run=sum(growth.count for growth in types),
        rounds=(RoundSeries(metric="entries", deltas=share.deltas),),
        diagnosis=share.diagnosis,
    )
