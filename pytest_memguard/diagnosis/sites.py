"""Which lines allocate what stays: the scenario once more under ``tracemalloc``, which is started for this only."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from _tracemalloc import _get_traces
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pytest_memguard.diagnosis import anatomy, gcstate
from pytest_memguard.diagnosis.owners import is_importer_file, is_machinery_file, is_own_file
from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.diagnosis.scenario import Scenario
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.stacks import Stacks
from pytest_memguard.diagnosis.traces import Stack, stack_of
from pytest_memguard.model import AllocationSite, Origin

FRAMES = 12
MANY_FRAMES = 64
_SHOWN = 10
_LOOKED_AT = 20
_MOST_TRIES = 20
_LEAST_ROUNDS = 2
_MANY_TRACES = 50_000
_MANY_TRACED_BYTES = 32 << 20

#: Frames of an allocation, innermost first, as tracemalloc stores them.
#: Numbers of blocks and bytes.
_Amount = tuple[int, int]
#: Domain, size, stack (and on most versions the depth of the whole stack) of each block.
_Snapshot = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """``sites``: the line that makes the retained object first, then the user's by bytes per run, then others.

    ``in_place``: no new block stays, but one that exists gets larger.
    ``deep``: no line of the user's was found, and calls go deeper than the frames that were traced.
    ``busy``: the user has tracemalloc on, and so much is traced that it cannot be compared.
    ``repetitions``: how many were made in all; 0 means that nothing was traced.
    ``origin``: the phase and the fixture's function from which the first site is reached; None where the frames do
    not tell, which are not all that there are if ``cut``.
    """

    sites: tuple[AllocationSite, ...] = ()
    in_place: bool = False
    deep: bool = False
    busy: bool = False
    repetitions: int = 0
    origin: Origin | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    line: int


@contextmanager
def tracing(frames: int = FRAMES) -> Iterator[None]:
    """Tracemalloc is on; it is stopped afterwards unless the user had it on."""
    if tracemalloc.is_tracing():
        yield
        return
    tracemalloc.start(frames)
    try:
        yield
    finally:
        tracemalloc.stop()


def trace(
    scenario: Scenario,
    rounds: int,
    paths: Paths,
    sources: Sources,
    hurry: Callable[[], bool],
    *,
    head: str | None = None,
    frames: int = FRAMES,
) -> Traced:
    """Repeat the scenario once and then ``rounds`` times; what grew in each round is what stays.

    The first repetition is for objects that each repetition replaces: traced once, they are replaced one for one.
    ``head``: the type of what is retained; the line that makes it comes first, whatever else allocates more. Two
    rounds do where ``hurry`` says so. Leaves the heap thawed; raises what the scenario raises.
    """
    snapshots: list[_Snapshot] = []
    busy = tracemalloc.is_tracing() and tracemalloc.get_tracemalloc_memory() > _MANY_TRACED_BYTES
    with tracing(frames), gcstate.frozen():
        while len(snapshots) <= rounds and not (len(snapshots) > _LEAST_ROUNDS and hurry()):
            scenario.repeat()
            scenario.settle()
            snapshots.append(() if busy else _get_traces())
            if len(snapshots) > _LEAST_ROUNDS and len(snapshots[0]) > _MANY_TRACES:
                break
        origin = None if busy or head is None else _origin(head)
    repetitions = len(snapshots)
    # Only now: with tracing on, each number that counting makes would be traced as well.
    amounts = [_amounts(snapshots.pop(0)) for _ in range(repetitions)]
    grown = _grown(amounts)
    traced = _traced(grown, paths, sources, frames)
    in_place = not traced.sites
    if in_place:  # strings of the interpreter get longer, too, and shorter again
        grown = {stack: amount for stack, amount in _larger(amounts).items() if _is_the_users(stack, paths)}
        traced = _traced(grown, paths, sources, frames)
    sites = sorted(traced.sites, key=lambda site: not _makes(site, head, origin, paths))
    return replace(
        traced,
        sites=tuple(sites[:_SHOWN]),
        in_place=in_place and bool(sites),
        busy=busy,
        repetitions=repetitions,
        origin=_origin_of(sites[0], grown, paths, Stacks(paths, sources)) if sites else None,
        cut=any(len(stack) >= frames for stack in grown),
    )


def _is_the_users(stack: Stack, paths: Paths) -> bool:
    place = _choose(stack, paths)
    return place is not None and paths.is_user_file(place.file)


def _origin_of(site: AllocationSite, grown: Mapping[Stack, _Amount], paths: Paths, stacks: Stacks) -> Origin | None:
    """From where most of what that line allocates is allocated; None where the stacks do not tell."""
    amounts: Counter[Origin] = Counter()
    for stack, (count, size) in grown.items():
        place = _choose(stack, paths)
        if place is not None and place.line == site.line and paths.relative(place.file) == site.file:
            found = stacks.origin(stack)
            if found is None:
                return None
            amounts[found] += size + count
    return max(amounts, key=amounts.__getitem__, default=None)


def site_of_stack(stack: Stack, paths: Paths, sources: Sources) -> AllocationSite | None:
    """The line of one stack that is worth showing, for one object of unknown size."""
    place = _choose(stack, paths)
    return None if place is None else _site(place, (1, 0), paths, sources)


def _amounts(traces: _Snapshot) -> dict[Stack, _Amount]:
    """What was allocated, by stack. The public snapshot makes objects of each trace, which takes ten times as long."""
    amounts: dict[Stack, _Amount] = {}
    for _, size, stack, *_ in traces:
        count, total = amounts.get(stack, (0, 0))
        amounts[stack] = (count + 1, total + size)
    return amounts


def _grown(amounts: Sequence[Mapping[Stack, _Amount]]) -> dict[Stack, _Amount]:
    """What each round added blocks to, with the least of these steps: now and then a list is moved on top of it."""
    found = {}
    for stack in amounts[-1]:
        seen = [each.get(stack, (0, 0)) for each in amounts]
        steps = [after[0] - before[0] for before, after in itertools.pairwise(seen)]
        if min(steps) > 0:
            sizes = sorted(after[1] - before[1] for before, after in itertools.pairwise(seen))
            found[stack] = (min(steps), max(sizes[(len(sizes) - 1) // 2], 0))
    return found


def _larger(amounts: Sequence[Mapping[Stack, _Amount]]) -> dict[Stack, _Amount]:
    """What grew in place; a block that was moved is found under the line that made it grow last."""
    first, last, rounds = amounts[0], amounts[-1], len(amounts) - 1
    more = {stack: size - first.get(stack, (0, 0))[1] for stack, (_, size) in last.items()}
    return {stack: (0, size // rounds) for stack, size in more.items() if size >= rounds}


def _origin(head: str) -> Stack | None:
    """The stack that allocated an object of that type, one of those that were born since the heap was frozen."""
    others: set[int] = set()
    tries = _MOST_TRIES
    for obj in gc.get_objects():
        cls = type(obj)
        if id(cls) not in others and tries:
            if anatomy.type_name(cls) != head:
                others.add(id(cls))
                continue
            tries -= 1
            stack = stack_of(obj)
            if stack is not None:
                return stack
    return None


def _makes(site: AllocationSite, head: str | None, origin: Stack | None, paths: Paths) -> bool:
    """Whether that line makes the retained object: by its trace, or else by its text."""
    place = None if origin is None else _choose(origin, paths)
    if place is not None:
        return (site.file, site.line) == (paths.relative(place.file), place.line)
    return head is not None and f"{head.rpartition('.')[2]}(" in site.source


def _traced(grown: Mapping[Stack, _Amount], paths: Paths, sources: Sources, frames: int) -> Traced:
    merged: dict[_Place, _Amount] = {}
    deep = False
    for stack, (count, size) in grown.items():
        chosen = _choose(stack, paths)
        if chosen is not None:
            total = merged.get(chosen, (0, 0))
            merged[chosen] = (total[0] + count, total[1] + size)
            deep = deep or len(stack) >= frames
    places = sorted(
        merged, key=lambda p: (not paths.is_user_file(p.file), -merged[p][1], -merged[p][0], p.file, p.line)
    )
    sites = tuple(_site(place, merged[place], paths, sources) for place in places[:_LOOKED_AT])
    return Traced(sites=sites, deep=deep and not any(paths.is_user_file(place.file) for place in places))


def _choose(stack: Iterable[tuple[str, int]], paths: Paths) -> _Place | None:
    """The innermost line of the user's; else the innermost of a library, unless the test machinery called for it.

    Beyond our own frames is another story.
    """
    library: _Place | None = None
    by_machinery = False
    for filename, line in stack:
        if is_own_file(filename):
            break
        if paths.is_user_file(filename):
            return _Place(filename, line)
        if is_machinery_file(filename):
            by_machinery = by_machinery or not is_importer_file(filename)
        elif not by_machinery and (library is None or (library.file.startswith("<") and not filename.startswith("<"))):
            library = _Place(filename, line)
    return library


def _site(place: _Place, amount: _Amount, paths: Paths, sources: Sources) -> AllocationSite:
    return AllocationSite(
        file=paths.relative(place.file),
        line=place.line,
        function=sources.function(place.file, place.line),
        bytes=amount[1],
        count=amount[0],
        source=sources.line(place.file, place.line),
    )
