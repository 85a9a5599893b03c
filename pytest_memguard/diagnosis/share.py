"""What each of several fixtures retains that leak in one repetition: the containers that grow in each of them.

A diagnosis explains one cause. Here the growth of every container is read around every fixture, which tells causes
apart that no repetition can: the fixtures are set up and torn down together.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_memguard.diagnosis import anatomy, gcstate
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.lengths import Lengths, contents, latest
from pytest_memguard.diagnosis.origins import Gauge, by_lines
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.diagnosis.retainers import Finder
from pytest_memguard.diagnosis.scenario import Scenario
from pytest_memguard.diagnosis.signature import sign
from pytest_memguard.diagnosis.sites import MANY_FRAMES, site_of_stack, tracing
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.stacks import Stacks
from pytest_memguard.diagnosis.traces import Stack, stack_of
from pytest_memguard.model import AllocationSite, Diagnosis, Origin, TypeGrowth

__all__ = ["Share", "shares"]

_TRACED_ROUNDS = 3
_MOST_CONTAINERS = 12
_MOST_SAMPLED = 200
_NOTE = "several fixtures leak together: this is what grows in this one"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Share:
    """What one fixture retains. ``deltas``: entries that each repetition added there to ``holder``."""

    origin: Origin
    diagnosis: Diagnosis
    deltas: tuple[int, ...]
    chain: tuple[object, ...] = field(default=(), repr=False)
    holder: object = field(default=None, repr=False)


@dataclass(slots=True, kw_only=True, eq=False)
class _Container:
    """One that grows; ``stacks``: of what came last; ``rounds``: entries that each round added, by origin.

    ``deltas``: what is left of that in each fixture, when all rounds are done.
    """

    held: Held
    per_run: int
    stacks: list[Stack]
    rounds: list[Mapping[Origin, int]] = field(default_factory=list)
    deltas: dict[Origin, list[int]] = field(default_factory=dict)

    @property
    def has_one_maker(self) -> bool:
        """Whether a single phase of a single fixture makes it longer or shorter."""
        return len({origin for found in self.rounds for origin in found}) == 1


def shares(
    scenario: Scenario,
    functions: Mapping[str, str],
    *,
    rounds: int,
    least: int,
    paths: Paths,
    search_s: float,
    clock: Callable[[], float],
) -> list[Share]:
    """One share for each fixture in which a container grows in every one of so many *rounds*.

    *functions*: the names of the fixtures that are asked for, each with that of its function. *least*: how often the
    scenario was repeated before, so that what leaks has as many entries at least. *search_s*: seconds of *clock* that
    the search for one path may take. Leaves the collector as it was; raises what the scenario raises.
    """
    if scenario.watched is None:
        return []
    scenario.settle()
    with gcstate.restored():
        return _Sharing(scenario, functions, paths, search_s, clock).shares(rounds, least)


class _Sharing:
    """Single use."""

    def __init__(
        self,
        scenario: Scenario,
        functions: Mapping[str, str],
        paths: Paths,
        search_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._scenario = scenario
        self._functions = functions
        self._paths = paths
        self._search_s = search_s
        self._clock = clock
        self._owners = Owners(paths)
        self._sources = Sources()
        self._stacks = Stacks(paths, self._sources)

    def shares(self, rounds: int, least: int) -> list[Share]:
        grown = [c for c in self._grown() if (anatomy.length(c.held.obj) or 0) >= c.per_run * least]
        for _ in range(rounds):
            self._round(grown)
        by_fixture: dict[str, list[tuple[Origin, _Container]]] = {}
        for container in grown:
            container.deltas = _left(container.rounds)
            for origin in container.deltas:
                if origin.fixture in self._functions:
                    by_fixture.setdefault(origin.fixture or "", []).append((origin, container))
        found = (self._share(entries) for entries in by_fixture.values())
        return [share for share in found if share is not None]

    def _grown(self) -> list[_Container]:
        """The containers that each repetition makes longer, with the stacks of what it puts there."""
        lengths = Lengths(self._owners)
        with tracing(MANY_FRAMES):
            for _ in range(_TRACED_ROUNDS):
                self._scenario.repeat()
            self._scenario.settle()
            grown = lengths.grown(_TRACED_ROUNDS)
            lengths.forget()
            return [
                _Container(held=each.held, per_run=each.per_run, stacks=_stacks(each.held.obj, each.per_run))
                for each in grown[:_MOST_CONTAINERS]
            ]

    def _round(self, grown: Sequence[_Container]) -> None:
        watched = self._scenario.watched
        if watched is None:
            return
        with contextlib.ExitStack() as stack:
            read = [stack.enter_context(watched(functools.partial(_length, c.held))) for c in grown]
            self._scenario.repeat()
        for container, found in zip(grown, read, strict=True):
            container.rounds.append(dict(found))

    def _share(self, entries: Sequence[tuple[Origin, _Container]]) -> Share | None:
        """The best path to one of the containers that grow in a fixture; None where none leads there."""
        sizes = {id(c.held.obj): sum(g.bytes for g in self._contents(c, c.deltas[o])) for o, c in entries}
        until = self._clock() + self._search_s
        finder = Finder(self._owners, self._sources, lambda: self._clock() > until)
        path = finder.containers(sizes, [container.held for _, container in entries]).path
        if path is None:
            return None
        origin, container = next(((o, c) for o, c in entries if c.held.obj is path.holder), entries[0])
        if container.held.obj is not path.holder:
            return None
        deltas = container.deltas[origin]
        types = self._contents(container, deltas)
        path = path.with_entry(types[0].type if types else None)
        retained_at = self._line(container) if container.has_one_maker else ()
        sites = self._sites(container, origin) or retained_at
        return Share(
            origin=origin,
            deltas=tuple(deltas),
            diagnosis=Diagnosis(
                types=types,
                sites=sites,
                retainers=(path.retainer,),
                component=path.root.module or None,
                signature=sign("python", type_name=path.entry or path.retainer.type, path=path.retainer.path),
                notes=(_NOTE,),
                retained_at=retained_at,
            ),
            chain=path.chain,
            holder=path.holder,
        )

    def _contents(self, container: _Container, deltas: Sequence[int]) -> tuple[TypeGrowth, ...]:
        return contents(container.held.obj, min(deltas), len(deltas))

    def _line(self, container: _Container) -> tuple[AllocationSite, ...]:
        """The line that makes it longer, where that is certain."""
        gauge = Gauge(read=functools.partial(_length, container.held), per_run=container.per_run)
        site = by_lines(self._scenario, gauge, self._paths, self._sources).site
        return () if site is None else (site,)

    def _sites(self, container: _Container, origin: Origin) -> tuple[AllocationSite, ...]:
        """The line that makes most of what is put there in that fixture."""
        stacks = container.stacks
        if not container.has_one_maker:
            wanted = self._functions[origin.fixture or ""]
            stacks = [stack for stack in stacks if _function(self._stacks.origin(stack)) == wanted]
        made = Counter(stacks).most_common(1)
        site = site_of_stack(made[0][0], self._paths, self._sources) if made else None
        return () if site is None else (site,)


def _left(rounds: Sequence[Mapping[Origin, int]]) -> dict[Origin, list[int]]:
    """What every round leaves in each fixture, setup and teardown together, under the phase that adds most.

    Nothing where one takes away what another has put there: whose it is that stays cannot be told by lengths.
    """
    left: dict[str, list[int]] = {}
    added: dict[str, Counter[Origin]] = {}
    for number, found in enumerate(rounds):
        for origin, by in found.items():
            place = f"fixture {origin.fixture}" if origin.fixture else origin.phase
            left.setdefault(place, [0] * len(rounds))[number] += by
            added.setdefault(place, Counter())[origin] += by
    if any(min(deltas) < 0 for deltas in left.values()):
        return {}
    return {added[place].most_common(1)[0][0]: deltas for place, deltas in left.items() if min(deltas) > 0}


def _stacks(container: object, per_run: int) -> list[Stack]:
    """Where the newest entries were made, as far as that is known."""
    entries = latest(container, min(per_run * _TRACED_ROUNDS, _MOST_SAMPLED))
    found = (stack_of(obj) for entry in entries for obj in entry)
    return [stack for stack in found if stack is not None]


def _length(held: Held) -> int:
    return anatomy.length(held.obj) or 0


def _function(origin: Origin | None) -> str | None:
    return None if origin is None else origin.fixture
