"""The probes: what memory, descriptors and threads a process has now, chosen once for the platform.

Nothing here may depend on what a test does to ``os``, ``time`` or ``open``: every function is bound when the probes
are opened. A probe that fails later steps aside, says so once in ``warnings``, and its metric is ``None``, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from pytest_memguard.probes.arenas import without_arenas
from pytest_memguard.probes.boundary import Calls, Raw, flat_reader
from pytest_memguard.probes.chunks import without_cached_chunks
from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.frames import without_frames
from pytest_memguard.probes.heap import open_blocks, open_collections, open_heap
from pytest_memguard.probes.own_time import open_own_time
from pytest_memguard.probes.process import ExactPeak, Memory, Statm, open_memory, open_peak
from pytest_memguard.probes.reading import MISSING, Reading, UnavailableError, missing
from pytest_memguard.probes.resources import (
    FolderSize,
    ThreadTables,
    open_children,
    open_fds,
    open_threads,
    share_of_descriptors,
)
from pytest_memguard.probes.spare import spare_memory
from pytest_memguard.probes.thrift import Thrift

__all__ = [
    "MISSING",
    "Probes",
    "Raw",
    "Sample",
    "open_children",
    "open_probes",
    "share_of_descriptors",
    "spare_memory",
    "without_arenas",
    "without_cached_chunks",
    "without_frames",
]

T = TypeVar("T")
Count = Callable[[], int]

_UNAVAILABLE = "unavailable: "
_LEFT_OUT = ", left out at test boundaries where it takes more than 0.25 % of the tests' time"
_MOST_WARNINGS = 20


class Sample(NamedTuple):
    """One reading; ``None`` is what could not be read. Sizes in bytes, the others are counts.

    ``heap`` is what malloc has handed out, ``peak`` the highest ``rss`` since the reading before.
    """

    rss: int | None
    vms: int | None
    heap: int | None
    blocks: int | None
    fds: int | None
    threads: int | None
    peak: int | None

    @classmethod
    def of(cls, raw: Raw) -> Sample:
        """A reading as ``read`` gives it."""
        return cls._make([None if value == MISSING else value for value in raw])


class Probes:
    """Open probes.

    ``read`` is for test boundaries: a plain tuple in the order of :class:`Sample`, ``MISSING`` for ``None``, with heap
    and blocks only while they are cheap. It is replaced when the process changes, so look it up for each call. Like
    ``sample`` it starts a new stretch for the peak, and never raises what a probe raises.
    """

    __slots__ = (
        "_blocks",
        "_calls",
        "_collections",
        "_descriptors",
        "_fds",
        "_heap",
        "_memory",
        "_peak",
        "_pid",
        "_sources",
        "_threads",
        "_thrift",
        "_warnings",
        "read",
    )

    def __init__(self) -> None:
        self._descriptors = DescriptorSet()
        self._sources: dict[str, str] = {}
        self._warnings: list[str] = []
        self._calls = Calls()
        self._pid = self._calls.getpid()
        self._memory = self._choose("rss", lambda: open_memory(self._descriptors), _no_memory)
        self._sources["vms"] = self._sources["rss"]
        self._heap = self._choose("heap", open_heap, missing)
        self._blocks = self._choose("blocks", open_blocks, missing)
        self._fds = self._choose("fds", lambda: open_fds(self._descriptors), missing)
        self._threads = self._choose("threads", open_threads, missing)
        self._peak = self._choose_peak()
        self._collections = self._choose("collections", open_collections, missing)
        self._thrift = Thrift(self._heap, self._blocks, tell=self._note_left_out)
        self.read = self._choose_read()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What went wrong since the probes were opened, one line each, each once."""
        return tuple(self._warnings)

    def describe(self) -> dict[str, str]:
        """Where each metric comes from, or ``unavailable: `` and why."""
        return dict(self._sources)

    def sample(self) -> Sample:
        """Read everything at any cost, and start a new stretch for the peak."""
        return Sample.of(self._read_with_care(at_any_cost=True))

    def reader(self, metric: str) -> Callable[[], int | None] | None:
        """One metric by itself, at any cost, or ``None`` where there is no way to read it; the reader never raises.

        Raises ``KeyError`` for a name that ``describe`` does not have; ``peak`` has no reader, it needs its reset.
        """
        attribute = _READERS[metric]
        if self._sources[metric].startswith(_UNAVAILABLE):
            return None

        def read() -> int | None:
            try:
                value: int = getattr(self, attribute)()
            except Exception:  # noqa: BLE001 - below lies what tests close, replace and exhaust
                self._descriptors.restore()
                value = self._attempt(metric, attribute)
            return None if value == MISSING else value

        return read

    def own_time(self, clock: Callable[[], float]) -> Callable[[], float]:
        """Seconds by *clock* without those that this process waits for a processor (see ``open_own_time``)."""
        return open_own_time(self._descriptors, clock=clock)

    def close(self) -> None:
        """Give the descriptors back; from then on every metric is ``None``. May be called again."""
        for attribute in _COUNTS.values():
            setattr(self, attribute, missing)
        self._memory, self._peak = _no_memory, None
        self._thrift = Thrift(missing, missing, tell=self._note_left_out)
        self.read = self._read_with_care
        self._descriptors.close()

    def _choose(self, metric: str, find: Callable[[], Reading[T]], otherwise: Callable[[], T]) -> Callable[[], T]:
        try:
            reading = find()
        except (UnavailableError, OSError) as reason:
            self._sources[metric] = _UNAVAILABLE + str(reason)
            return otherwise
        self._sources[metric] = reading.source
        return reading.read

    def _choose_peak(self) -> ExactPeak | None:
        try:
            peak = open_peak(self._descriptors)
        except UnavailableError as reason:
            self._sources["peak"] = _UNAVAILABLE + str(reason)
            return None
        self._sources["peak"] = "VmHWM, reset through /proc/self/clear_refs"
        return peak

    def _choose_read(self) -> Callable[[], Raw]:
        memory, peak, fds, threads = self._memory, self._peak, self._fds, self._threads
        if not isinstance(memory, Statm) or not isinstance(fds, FolderSize) or not isinstance(threads, ThreadTables):
            return self._read_with_care
        if peak is None or not peak.fresh or self._descriptors.lost:
            return self._read_with_care
        return flat_reader(
            memory,
            peak,
            fds,
            threads,
            calls=self._calls,
            thrift=self._thrift,
            descriptors=self._descriptors,
            otherwise=self._read_with_care,
        )

    def _read_with_care(self, *, at_any_cost: bool = False) -> Raw:
        pid = self._calls.getpid()
        if pid != self._pid:
            self._pid = pid
            self._descriptors.renew()  # what was inherited shows, and changes, the parent
        else:
            self._descriptors.restore()
        mark = self._attempt("peak", "_mark")
        rss, vms = self._attempt("rss", "_rss"), self._attempt("vms", "_vms")
        heap, blocks = self._costly(at_any_cost=at_any_cost)
        fds, threads = self._attempt("fds", "_fds"), self._attempt("threads", "_threads")
        self._attempt("peak", "_reset")
        self.read = self._choose_read()
        return rss, vms, heap, blocks, fds, threads, rss if MISSING < mark < rss else mark

    def _costly(self, *, at_any_cost: bool) -> tuple[int, int]:
        if not at_any_cost:
            try:
                return self._thrift.take()
            except Exception:  # noqa: BLE001, S110 - one of the two; each by itself says which
                pass
        return self._attempt("heap", "_heap"), self._attempt("blocks", "_blocks")

    def _rss(self) -> int:
        return self._memory()[0]

    def _vms(self) -> int:
        return self._memory()[1]

    def _mark(self) -> int:
        return MISSING if self._peak is None else self._peak.read()

    def _reset(self) -> int:
        if self._peak is not None:
            self._peak.reset()
        return MISSING

    def _attempt(self, metric: str, attribute: str) -> int:
        try:
            value: int = getattr(self, attribute)()
        except Exception as error:  # noqa: BLE001 - below lies what tests close, replace and exhaust
            if isinstance(error, MemoryError) or (isinstance(error, OSError) and self._descriptors.lost):
                self._warn(f"{metric} could not be read at some test boundaries: {_text(error)}")
            else:
                self._give_up(metric, error)
            return MISSING
        return value

    def _give_up(self, metric: str, error: Exception) -> None:
        self._warn(f"{metric} is no longer read: {_text(error)}")
        for name in _MEMORY if metric in _MEMORY else (metric,):
            self._sources[name] = _UNAVAILABLE + _text(error)
        if metric in _MEMORY:
            self._memory = _no_memory
        elif metric == "peak":
            self._peak = None
        else:
            setattr(self, _COUNTS[metric], missing)
            self._thrift = Thrift(self._heap, self._blocks, tell=self._note_left_out)

    def _note_left_out(self, metric: str) -> None:
        source = self._sources[metric]
        if not source.startswith(_UNAVAILABLE) and _LEFT_OUT not in source:
            self._sources[metric] = source + _LEFT_OUT

    def _warn(self, warning: str) -> None:
        if warning not in self._warnings and len(self._warnings) < _MOST_WARNINGS:
            self._warnings.append(warning)


def open_probes() -> Probes:
    """Open every probe that this platform has; never raises for one that it has not."""
    return Probes()


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _no_memory() -> Memory:
    return MISSING, MISSING


_MEMORY = ("rss", "vms")
_COUNTS: Mapping[str, str] = {
    "heap": "_heap",
    "blocks": "_blocks",
    "fds": "_fds",
    "threads": "_threads",
    "collections": "_collections",
}
_READERS: Mapping[str, str] = {"rss": "_rss", "vms": "_vms", **_COUNTS}
