"""The course of one diagnosis: survivors, who retains them, where they were allocated, and a name for it all."""

from __future__ import annotations

import array
import atexit
import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, ParamSpec, TypeVar

from pytest_memguard.diagnosis import anatomy, survivors
from pytest_memguard.diagnosis.evidence import Evidence
from pytest_memguard.diagnosis.extensions import used_by
from pytest_memguard.diagnosis.lengths import Lengths, contents
from pytest_memguard.diagnosis.native import native_stack
from pytest_memguard.diagnosis.origins import Gauge, by_lines, by_phases
from pytest_memguard.diagnosis.owners import Owner, Owners
from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.diagnosis.results import Results, notes_of
from pytest_memguard.diagnosis.retainers import Finder, Found, Path
from pytest_memguard.diagnosis.scenario import Scenario
from pytest_memguard.diagnosis.signature import sign
from pytest_memguard.diagnosis.sites import FRAMES, MANY_FRAMES, Traced, trace
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.survivors import is_helper
from pytest_memguard.diagnosis.values import Values
from pytest_memguard.model import AllocationSite, Diagnosis, Origin, Retainer, TypeGrowth

_P = ParamSpec("_P")
_T = TypeVar("_T")
_SEARCH_AT_LEAST_S = 0.5
_SHARE = 10
_ROUNDS = 3
_TRACEABLE = 0.05
_BUFFERS = (bytearray, io.StringIO, io.BytesIO, array.array)
_TEXTS = ("str", "bytes")
_NO_GAUGE = Gauge(read=int, per_run=1)


class Whence(NamedTuple):
    """Where in the life of a test, with the name of the fixture, or, unless ``named``, that of its function."""

    origin: Origin | None
    named: bool


class Examination:
    """Single use; see :func:`pytest_memguard.diagnosis.diagnose`."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        rounds: int,
        paths: Paths,
        heap: Gauge | None,
        budget_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._rounds = rounds
        self._few = rounds < _ROUNDS  # each repetition costs much memory: do with what the fewest of them tell
        self._paths = paths
        self._budget_s = budget_s
        self._clock = clock
        self._deadline = clock() + budget_s
        self._owners = Owners(paths)
        self._sources = Sources()
        self._scenario = scenario
        self._slowest_s = 0.0
        self._timed = replace(scenario, repeat=self._repeat)
        self._heap = heap

    def evidence(self, *, native: bool) -> Evidence:
        """Go through the phases; each hands over what it found."""
        results = Results()
        if not native:
            self._survivors(results)
        if results.found.path is not None or results.found.machinery is not None:
            self._allocations(results)
        else:
            self._containers(results, native=native)
        if results.found.path is None and results.traced.in_place:
            # Some buffer or table grew a little and no container with it: not what was confirmed to leak.
            results.traced = Traced(repetitions=results.traced.repetitions)
        self._lines(results, native=native)
        if native and self._heap is not None and not self._late():
            results.stack = _attempted(native_stack, self._timed.repeat, self._heap.per_run)
        return self._assembled(results, self._origin(results), native=native)

    def _origin(self, results: Results) -> Whence:
        """The phase and the fixture: what grows is read around each; or else the stack of what is allocated tells."""
        if self._few and results.traced.origin is not None:
            return Whence(results.traced.origin, named=False)
        origin, certain = _attempted(by_phases, self._timed, self._gauge(results)) or (None, False)
        traced = results.traced.origin
        if not certain and traced is None and results.traced.cut and not self._late():
            traced = self._traced(results, frames=MANY_FRAMES).origin
        return Whence(origin, named=True) if certain or traced is None else Whence(traced, named=False)

    def _gauge(self, results: Results) -> Gauge | None:
        """What shows the growth in a reading: the length of what holds it."""
        path = results.found.path
        if results.gauge is None and path is not None and path.root.kind == "atexit" and results.exits_per_run:
            results.gauge = Gauge(read=_exits, per_run=results.exits_per_run)
        if results.gauge is None and path is not None and path.holder is not None and results.holder_per_run:
            sized = isinstance(path.holder, _BUFFERS)
            results.gauge = Gauge(read=functools.partial(_length, path), per_run=results.holder_per_run, in_bytes=sized)
        return results.gauge

    def _lines(self, results: Results, *, native: bool) -> None:
        """The line that makes what holds it, or the C heap, grow: the site, where no allocation is seen to stay."""
        path = results.found.path
        if self._few and results.traced.sites:
            return
        gauge = self._gauge(results) or (self._heap if native else None)
        if gauge is None and (path is None or path.root.kind == "outside"):
            gauge = _NO_GAUGE  # to see which compiled modules it runs through
        if gauge is None or self._slowest_s > self._budget_s * _TRACEABLE or self._late():
            return
        traced = _attempted(by_lines, self._timed, gauge, self._paths, self._sources)
        if traced is None:
            return
        sites = results.traced.sites
        if path is None or path.root.kind == "outside":
            results.extensions = used_by(traced.codes, self._owners)
        if traced.site is not None and not sites:
            results.traced = replace(results.traced, sites=(traced.site,), origin=traced.origin)
        if traced.site is not None and gauge is not self._heap:
            results.retained_at = (traced.site,)

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

    def _survivors(self, results: Results) -> None:
        exits = _exits()
        results.seen = survivors.observe(self._timed, self._rounds, self._owners, self._late)
        results.types = results.seen.types
        results.exits_per_run = (_exits() - exits) // max(results.seen.rounds, 1)
        finder = Finder(self._owners, self._sources, self._search_limit())
        results.found = finder.find(results.seen.heads, results.seen.born, exits_grew=_exits() > exits)

    def _allocations(self, results: Results) -> int:
        """Trace allocations; how many repetitions that took. Measures the growth of the holder on the way."""
        if self._slowest_s > self._budget_s:
            return 0
        path = results.found.path
        before = _length(path)
        results.traced = self._traced(results, frames=MANY_FRAMES if self._few else FRAMES)
        repetitions = results.traced.repetitions
        grown = _length(path) - before
        results.holder_per_run = grown // repetitions if grown % repetitions == 0 else 0
        if results.traced.deep and not self._late():
            results.traced = self._traced(results, frames=MANY_FRAMES)
            repetitions += results.traced.repetitions
        return repetitions

    def _traced(self, results: Results, *, frames: int = FRAMES) -> Traced:
        path = results.found.path
        head = head_of(() if path is None else (path.retainer,))
        return trace(self._timed, self._rounds, self._paths, self._sources, self._late, head=head, frames=frames)

    def _containers(self, results: Results, *, native: bool) -> None:
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
            read = functools.partial(values.length, longer[0].retainer.path)
            results.gauge = Gauge(read=read, per_run=longer[0].per_run, in_bytes=longer[0].retainer.type in _TEXTS)
        elif found.machinery is not None and not native and not results.found.notes:
            # No entry of a list of pytest's explains growth of the malloc heap, nor objects that something else keeps.
            results.found = found

    def _assembled(self, results: Results, whence: Whence, *, native: bool) -> Evidence:
        path, sites = results.found.path, results.traced.sites
        module = path.root.module if path is not None else results.found.machinery
        diagnosis = Diagnosis(
            types=results.types,
            sites=sites,
            retainers=() if path is None else (path.retainer,),
            component=module or (_module_of(sites[0].file) if sites else None),
            signature=self._signature(results, native=native),
            notes=notes_of(results, heap=self._heap if native else None, native=native, slowest_s=self._slowest_s),
            retained_at=results.retained_at,
        )
        return Evidence(
            diagnosis=diagnosis,
            types_per_run=results.seen.per_run,
            types_replaced=results.seen.replaced,
            chain=() if path is None else path.chain,
            holder=None if path is None else path.holder,
            holder_per_run=results.holder_per_run,
            owner=self._owner(module),
            origin=whence.origin,
            named=whence.named,
        )

    def _owner(self, module: str | None) -> Owner | None:
        return self._owners.of(module) if module else None

    def _signature(self, results: Results, *, native: bool) -> str:
        path, sites = results.found.path, results.traced.sites
        certain = path is not None and path.root.kind != "outside"
        return sign(
            "native" if native else "python",
            type_name=_stable_type(path, results.types),
            path=path.retainer.path if path is not None and certain else None,
            site=_telling_site(sites),
        )


def head_of(retainers: Sequence[Retainer]) -> str | None:
    """The type whose making is the site to name first: that of what is retained, if it says anything."""
    return None if not retainers or is_helper(retainers[0].type) else retainers[0].type


def _attempted(look: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
    """A test that fails because it is looked at keeps its finding, and the rest of its explanation."""
    try:
        return look(*args, **kwargs)
    except Exception:  # noqa: BLE001 - a test raises what it likes
        return None


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
