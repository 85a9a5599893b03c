"""The course of one diagnosis: survivors, who retains them, where they were allocated, and a name for it all."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pytest_memguard.diagnosis import anatomy, survivors
from pytest_memguard.diagnosis.evidence import Evidence
from pytest_memguard.diagnosis.lengths import Lengths, contents
from pytest_memguard.diagnosis.owners import Owner, Owners
from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.diagnosis.retainers import Finder, Found, Path
from pytest_memguard.diagnosis.scenario import Scenario
from pytest_memguard.diagnosis.signature import sign
from pytest_memguard.diagnosis.sites import MANY_FRAMES, Traced, trace
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.survivors import Survivors, is_helper
from pytest_memguard.diagnosis.values import Values
from pytest_memguard.model import AllocationSite, Diagnosis, TypeGrowth

_SEARCH_AT_LEAST_S = 0.5
_SHARE = 10
_NATIVE = (
    "no Python allocation explains the growth, so C code allocates it: "
    "`memray run --native -m pytest TEST` and `memray flamegraph --leaks` show where"
)
_NOTHING = "no object that stays was seen: what grew before did not grow in the repetitions of the diagnosis"


@dataclass(slots=True, kw_only=True, eq=False)
class _Results:
    """What the phases found so far."""

    seen: Survivors = field(default_factory=Survivors)
    found: Found = field(default_factory=Found)
    traced: Traced = field(default_factory=Traced)
    types: tuple[TypeGrowth, ...] = ()
    holder_per_run: int = 0


class Examination:
    """Single use; see :func:`pytest_memguard.diagnosis.diagnose`."""

    def __init__(
        self, scenario: Scenario, *, rounds: int, paths: Paths, budget_s: float, clock: Callable[[], float]
    ) -> None:
        self._rounds = rounds
        self._paths = paths
        self._budget_s = budget_s
        self._clock = clock
        self._deadline = clock() + budget_s
        self._owners = Owners(paths)
        self._sources = Sources()
        self._scenario = scenario
        self._slowest_s = 0.0
        self._timed = Scenario(repeat=self._repeat, settle=scenario.settle)

    def evidence(self, *, native: bool) -> Evidence:
        """Go through the phases; each hands over what it found."""
        results = _Results()
        if not native:
            self._survivors(results)
        if results.found.path is not None or results.found.machinery is not None:
            self._allocations(results)
        else:
            self._containers(results, native=native)
        return self._assembled(results, native=native)

    def _repeat(self) -> None:
        started = self._clock()
        self._scenario.repeat()
        self._slowest_s = max(self._slowest_s, self._clock() - started)

    def _late(self) -> bool:
        return self._clock() > self._deadline

    def _search_limit(self) -> Callable[[], bool]:
        """A search gets some time of its own even where slow repetitions have taken all there was."""
        until = max(self._deadline, self._clock() + _SEARCH_AT_LEAST_S)
        return lambda: self._clock() > until

    def _survivors(self, results: _Results) -> None:
        exits = _exits()
        results.seen = survivors.observe(self._timed, self._rounds, self._owners, self._late)
        results.types = results.seen.types
        finder = Finder(self._owners, self._sources, self._search_limit())
        results.found = finder.find(results.seen.heads, results.seen.born, exits_grew=_exits() > exits)

    def _allocations(self, results: _Results) -> int:
        """Trace allocations; how many repetitions that took. Measures the growth of the holder on the way."""
        if self._slowest_s > self._budget_s:
            return 0
        path = results.found.path
        before = _length(path)
        head = None if path is None or is_helper(path.retainer.type) else path.retainer.type
        traced = functools.partial(trace, self._timed, self._rounds, self._paths, self._sources, self._late, head=head)
        results.traced = traced()
        repetitions = results.traced.repetitions
        grown = _length(path) - before
        results.holder_per_run = grown // repetitions if grown % repetitions == 0 else 0
        if results.traced.deep and not self._late():
            results.traced = traced(frames=MANY_FRAMES)
            repetitions += results.traced.repetitions
        return repetitions

    def _containers(self, results: _Results, *, native: bool) -> None:
        """No object led to a root: look for the container that got longer while allocations are traced."""
        values, lengths = Values(self._owners), Lengths(self._owners)
        repetitions = self._allocations(results)
        grown = lengths.grown(repetitions) if repetitions else []
        lengths.forget()
        finder = Finder(self._owners, self._sources, self._search_limit())
        sizes = {id(each.held.obj): _size(contents(each.held.obj, each.per_run, repetitions)) for each in grown}
        found = finder.containers(sizes, [each.held for each in grown])
        path = found.path
        if path is not None:
            results.holder_per_run = next((each.per_run for each in grown if each.held.obj is path.holder), 0)
            entries = contents(path.holder, results.holder_per_run, repetitions)
            results.types = results.types or entries
            results.found = Found(path=path.with_entry(entries[0].type if entries else None))
        elif repetitions and (longer := values.longer(repetitions)):
            results.found = Found(path=Path(retainer=longer[0].retainer, root=longer[0].root, chain=()))
        elif found.machinery is not None and not native and not results.found.notes:
            # No entry of a list of pytest's explains growth of the malloc heap, nor objects that something else keeps.
            results.found = found

    def _assembled(self, results: _Results, *, native: bool) -> Evidence:
        if results.found.path is None and results.traced.in_place:
            # Some buffer or table grew a little and no container with it: not what was confirmed to leak.
            results.traced = Traced(repetitions=results.traced.repetitions)
        path, sites = results.found.path, results.traced.sites
        module = path.root.module if path is not None else results.found.machinery
        diagnosis = Diagnosis(
            types=results.types,
            sites=sites,
            retainers=() if path is None else (path.retainer,),
            component=module or (_module_of(sites[0].file) if sites else None),
            signature=self._signature(results, native=native),
            notes=self._notes(results, native=native),
        )
        return Evidence(
            diagnosis=diagnosis,
            types_per_run=results.seen.per_run,
            types_replaced=results.seen.replaced,
            chain=() if path is None else path.chain,
            holder=None if path is None else path.holder,
            holder_per_run=results.holder_per_run,
            owner=self._owner(module),
        )

    def _owner(self, module: str | None) -> Owner | None:
        return self._owners.of(module) if module else None

    def _signature(self, results: _Results, *, native: bool) -> str:
        path, sites = results.found.path, results.traced.sites
        certain = path is not None and path.root.kind != "outside"
        return sign(
            "native" if native else "python",
            type_name=_stable_type(path, results.types),
            path=path.retainer.path if path is not None and certain else None,
            site=_telling_site(sites),
        )

    def _notes(self, results: _Results, *, native: bool) -> tuple[str, ...]:
        notes = list(results.found.notes)
        nothing = results.found.path is None and not results.traced.sites and not results.types
        if nothing:
            notes.append(_NATIVE if native else _NOTHING)
        if results.types and results.seen.types and not results.seen.steady:
            notes.append("the number of objects differs from run to run; the least is shown")
        if results.traced.in_place:
            notes.append("nothing new is allocated: what is there already gets larger at the line shown")
        if results.traced.busy:
            notes.append("no allocation sites: tracemalloc is tracing too much already to compare what it has")
        if not results.traced.repetitions:
            notes.append(f"no allocation sites: one repetition takes {self._slowest_s:.1f} s")
        return tuple(notes)


def _exits() -> int:
    """How many functions wait for the end of the process; C code keeps them where no search gets to."""
    return atexit._ncallbacks()  # noqa: SLF001 - has no public name


def _length(path: Path | None) -> int:
    return (anatomy.length(path.holder) or 0) if path is not None else 0


def _stable_type(path: Path | None, types: tuple[TypeGrowth, ...]) -> str | None:
    """The retained type; of a class that a test function makes anew each time, the nearest base that has a name."""
    if path is None:
        return types[0].type if types else None
    if path.entry is not None or not path.chain:
        return path.entry or path.retainer.type
    named = (cls for cls in anatomy.mro(type(path.chain[-1])) if "<locals>" not in anatomy.qualname_of(cls))
    return anatomy.type_name(next(named, object))


def _size(types: Sequence[TypeGrowth]) -> int:
    return sum(growth.bytes for growth in types)


def _telling_site(sites: Sequence[AllocationSite]) -> AllocationSite | None:
    """The same on every Python: which of several lines allocates most depends on how objects are laid out."""
    most = max((site.bytes for site in sites), default=0)
    large = (site for site in sites if site.bytes * _SHARE >= most)
    return min(large, key=lambda site: (site.file, site.function, site.source), default=None)


def _module_of(file: str) -> str:
    """``shop.cart`` of ``shop/cart.py``, ``click`` of ``click:testing.py``."""
    package, colon, _ = file.partition(":")
    if colon:
        return package
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
