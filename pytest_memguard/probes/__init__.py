"""The probes: what memory, descriptors and threads a process has now, chosen once for the platform.

Nothing here may depend on what a test does to ``os``, ``time`` or ``open``: every function is bound when the probes
are opened. A probe that fails later steps aside, says so once in ``warnings``, and its metric is ``None``, never 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.heap import ThriftyBlocks, open_blocks, open_collections, open_heap
from pytest_memguard.probes.process import ExactPeak, open_memory, open_peak
from pytest_memguard.probes.reading import Reading, UnavailableError
from pytest_memguard.probes.resources import open_fds, open_threads

__all__ = ["Probes", "Sample", "open_probes"]

T = TypeVar("T")
Count = Callable[[], int | None]
Memory = tuple[int | None, int | None]

_UNAVAILABLE = "unavailable: "
_MOST_WARNINGS = 20


class Sample(NamedTuple):
    """One reading of everything; ``None`` is what could not be read. Sizes in bytes, ``blocks`` .. are counts.

    ``peak`` is the highest ``rss`` since the sample before, ``heap`` what malloc has handed out, ``collections`` the
    full collections of the garbage collector since the interpreter started.
    """

    rss: int | None = None
    vms: int | None = None
    peak: int | None = None
    heap: int | None = None
    blocks: int | None = None
    fds: int | None = None
    threads: int | None = None
    collections: int | None = None


class Probes:
    """Open probes. ``sample`` is what a test boundary calls; ``reader`` gives one metric by itself."""

    __slots__ = (
        "_bare_blocks",
        "_blocks",
        "_collections",
        "_descriptors",
        "_fds",
        "_heap",
        "_memory",
        "_peak",
        "_pid",
        "_process_id",
        "_reset",
        "_sources",
        "_threads",
        "_warnings",
    )

    def __init__(self) -> None:
        self._descriptors = DescriptorSet()
        self._sources: dict[str, str] = {}
        self._warnings: list[str] = []
        self._process_id = os.getpid
        self._pid = os.getpid()
        self._memory: Callable[[], Memory] = self._choose("rss", lambda: open_memory(self._descriptors), _no_memory)
        self._sources["vms"] = self._sources["rss"]
        self._peak, self._reset = self._choose_peak()
        self._heap: Count = self._choose("heap", open_heap, _nothing)
        self._bare_blocks: Count = self._choose("blocks", open_blocks, _nothing)
        self._blocks = self._bare_blocks
        if self._blocks is not _nothing:
            self._blocks = ThriftyBlocks(self._bare_blocks, tell=self._note_on_blocks)
        self._collections: Count = self._choose("collections", open_collections, _nothing)
        self._threads: Count = self._choose("threads", open_threads, _nothing)
        self._fds: Count = self._choose("fds", lambda: open_fds(self._descriptors), _nothing)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What went wrong since the probes were opened, one line each, each once."""
        return tuple(self._warnings)

    def describe(self) -> dict[str, str]:
        """Where each metric comes from, or ``unavailable: `` and why."""
        return dict(self._sources)

    def sample(self) -> Sample:
        """Read everything and start a new stretch for the peak. Never raises what a probe raises."""
        if self._process_id() != self._pid:
            self._after_fork()
        try:
            peak = self._peak()
            rss, vms = self._memory()
            heap, blocks, fds = self._heap(), self._blocks(), self._fds()
            sample = Sample(rss, vms, _peak(peak, rss), heap, blocks, fds, self._threads(), self._collections())
            self._reset()
        except Exception:  # noqa: BLE001 - below lies what tests replace, close and exhaust
            return self._sample_with_care()
        return sample

    def reader(self, metric: str) -> Count | None:
        """One metric by itself, or ``None`` where there is no way to read it; the reader never raises.

        ``blocks`` are counted at any cost here: sparing the suite is the business of ``sample`` alone. Raises
        ``KeyError`` for a name that ``describe`` does not have; ``peak`` has no reader, because it needs its reset.
        """
        attribute = _READERS[metric]
        if self._sources[metric].startswith(_UNAVAILABLE):
            return None

        def read() -> int | None:
            try:
                value: int | None = getattr(self, attribute)()
            except Exception:  # noqa: BLE001 - as in sample
                return self._try_again(metric, attribute)
            return value

        return read

    def close(self) -> None:
        """Give the descriptors back; from then on every metric is ``None``. May be called again."""
        for name in ("_peak", "_reset", "_heap", "_blocks", "_bare_blocks", "_collections", "_threads", "_fds"):
            setattr(self, name, _nothing)
        self._memory = _no_memory
        self._descriptors.close()

    def _rss(self) -> int | None:
        return self._memory()[0]

    def _vms(self) -> int | None:
        return self._memory()[1]

    def _choose(self, metric: str, find: Callable[[], Reading[T]], otherwise: Callable[[], T]) -> Callable[[], T]:
        try:
            reading = find()
        except (UnavailableError, OSError) as reason:
            self._sources[metric] = _UNAVAILABLE + str(reason)
            return otherwise
        self._sources[metric] = reading.source
        return reading.read

    def _choose_peak(self) -> tuple[Count, Callable[[], None]]:
        try:
            peak: ExactPeak = open_peak(self._descriptors)
        except UnavailableError as reason:
            self._sources["peak"] = _UNAVAILABLE + str(reason)
            return _nothing, _nothing
        self._sources["peak"] = "VmHWM, reset through /proc/self/clear_refs"
        return peak.read, peak.reset

    def _note_on_blocks(self, note: str) -> None:
        self._sources["blocks"] = f"{self._sources['blocks']}, {note}"

    def _after_fork(self) -> None:
        self._pid = self._process_id()
        self._descriptors.renew()

    def _sample_with_care(self) -> Sample:
        self._descriptors.restore()
        peak, rss = self._attempt("peak", "_peak"), self._attempt("rss", "_rss")
        sample = Sample(
            rss,
            self._attempt("vms", "_vms"),
            _peak(peak, rss),
            self._attempt("heap", "_heap"),
            self._attempt("blocks", "_blocks"),
            self._attempt("fds", "_fds"),
            self._attempt("threads", "_threads"),
            self._attempt("collections", "_collections"),
        )
        self._attempt("peak", "_reset")
        return sample

    def _try_again(self, metric: str, attribute: str) -> int | None:
        self._descriptors.restore()
        return self._attempt(metric, attribute)

    def _attempt(self, metric: str, attribute: str) -> int | None:
        try:
            value: int | None = getattr(self, attribute)()
        except Exception as error:  # noqa: BLE001 - as in sample
            if isinstance(error, MemoryError) or (isinstance(error, OSError) and self._descriptors.lost):
                self._warn(f"{metric} could not be read at some test boundaries: {_text(error)}")
            else:
                self._give_up(metric, error)
            return None
        return value

    def _give_up(self, metric: str, error: Exception) -> None:
        self._warn(f"{metric} is no longer read: {_text(error)}")
        self._sources[metric] = f"{_UNAVAILABLE}{_text(error)}"
        if metric in _FROM_MEMORY:
            self._memory = _no_memory
            self._sources.update(dict.fromkeys(_FROM_MEMORY, self._sources[metric]))
        for attribute in _GIVEN_UP_WITH.get(metric, ()):
            setattr(self, attribute, _nothing)

    def _warn(self, warning: str) -> None:
        if warning not in self._warnings and len(self._warnings) < _MOST_WARNINGS:
            self._warnings.append(warning)


def open_probes() -> Probes:
    """Open every probe that this platform has; never raises for one that it has not."""
    return Probes()


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _peak(peak: int | None, rss: int | None) -> int | None:
    """The mark lags behind on kernels that count per core, the resident size does not."""
    return rss if peak is not None and rss is not None and peak < rss else peak


def _nothing() -> None:
    return None


def _no_memory() -> Memory:
    return None, None


_READERS: Mapping[str, str] = {
    "rss": "_rss",
    "vms": "_vms",
    "heap": "_heap",
    "blocks": "_bare_blocks",
    "fds": "_fds",
    "threads": "_threads",
    "collections": "_collections",
}
_FROM_MEMORY = ("rss", "vms")
_GIVEN_UP_WITH: Mapping[str, tuple[str, ...]] = {
    "peak": ("_peak", "_reset"),
    "heap": ("_heap",),
    "blocks": ("_blocks", "_bare_blocks"),
    "fds": ("_fds",),
    "threads": ("_threads",),
    "collections": ("_collections",),
}
