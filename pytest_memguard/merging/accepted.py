"""The accepted leaks of several shards as those of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_memguard.acceptance import Acceptance, AcceptanceState
from pytest_memguard.merging.shards import Shard

__all__ = ["accepted_of"]

# A leak that one shard has is there, whatever the others say; that it is gone is known where its tests were checked,
# and that a suppression fits nothing only where every shard says so.
_FIRST: tuple[AcceptanceState, ...] = ("expired", "used", "fixed", "not seen", "unused")


def accepted_of(shards: Sequence[Shard]) -> list[Acceptance]:
    """Each suppression and each entry of the baseline once, in the order of the shards."""
    found: dict[tuple[object, ...], Acceptance] = {}
    for shard in shards:
        for accepted in shard.run.accepted:
            key = (accepted.source, accepted.origin, *sorted(accepted.patterns.items()))
            known = found.get(key)
            found[key] = accepted if known is None else _united(known, accepted)
    return list(found.values())


def _united(one: Acceptance, other: Acceptance) -> Acceptance:
    state = min(one.state, other.state, key=_FIRST.index)
    return replace(one, state=state, leaks=one.leaks + other.leaks)
