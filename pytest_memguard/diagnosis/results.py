"""What the phases of a diagnosis find, and what is to be said about it in words."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_memguard.diagnosis.origins import Gauge
from pytest_memguard.diagnosis.retainers import Found
from pytest_memguard.diagnosis.sites import Traced
from pytest_memguard.diagnosis.survivors import Survivors
from pytest_memguard.model import AllocationSite, TypeGrowth

_IN_C = "no Python allocation explains the growth, so C code allocates it"
_HOW = f"{_IN_C}: `memray run --native -m pytest TEST` and `memray flamegraph --leaks` show where"
_CALLED = "C code allocates it, called from the line shown"
_NOWHERE = (
    "held outside Python: no container that Python can see gets longer, so C code keeps what the line shown allocates, "
    "has never given a reference back, or takes memory of Python's allocator for itself"
)
_NOTHING = "no object that stays was seen: what grew before did not grow in the repetitions of the diagnosis"


@dataclass(slots=True, kw_only=True, eq=False)
class Results:
    """What the phases found so far."""

    seen: Survivors = field(default_factory=Survivors)
    found: Found = field(default_factory=Found)
    traced: Traced = field(default_factory=Traced)
    types: tuple[TypeGrowth, ...] = ()
    holder_per_run: int = 0
    gauge: Gauge | None = None
    exits_per_run: int = 0
    extensions: tuple[str, ...] = ()
    stack: str | None = None
    retained_at: tuple[AllocationSite, ...] = ()


def notes_of(results: Results, *, heap: Gauge | None, native: bool, slowest_s: float) -> tuple[str, ...]:
    """What is to be said beside the evidence, and why there is none. ``heap``: what was read of memory of C code."""
    notes = list(results.found.notes)
    nothing = results.found.path is None and not results.traced.sites and not results.types
    if nothing:
        notes.append(_NOTHING if not native else _HOW if results.stack is None else _IN_C)
    elif results.found.path is None and not notes:
        notes.append(_CALLED if native else _NOWHERE)
    if heap is not None and heap.meaning:
        notes.append(heap.meaning)
    if results.stack is not None:
        notes.append(f"native stack, by memray: {results.stack}")
    if results.extensions:
        notes.append(f"compiled modules that it runs through: {', '.join(results.extensions)}")
    if results.types and results.seen.types and not results.seen.steady:
        notes.append("the number of objects differs from run to run; the least is shown")
    # What comes from a free list is no new block either, but an object nevertheless.
    if results.traced.in_place and not any(growth.count for growth in results.types):
        notes.append("nothing new is allocated: what is there already gets larger at the line shown")
    if results.traced.busy and not results.traced.sites:
        notes.append("no allocation sites: tracemalloc is tracing too much already to compare what it has")
    if not results.traced.repetitions:
        notes.append(f"no allocation sites: one repetition takes {slowest_s:.1f} s")
    return tuple(notes)
