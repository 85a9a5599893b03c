"""What calls are measured with: readers of this process's memory, descriptors and threads, opened for one check."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from pytest_memguard.errors import MemguardError
from pytest_memguard.judge import Metric
from pytest_memguard.probes import without_arenas, without_frames
from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.heap import open_blocks, open_heap
from pytest_memguard.probes.process import Memory, open_memory
from pytest_memguard.probes.reading import UnavailableError
from pytest_memguard.probes.resources import open_fds, open_threads

_TRIAL_BYTES = 1 << 18
_REMEDY = "skip the test on this platform, or let `pytest --memguard` repeat it, which reads resident memory instead"
_clock, _sleep, _listdir = time.perf_counter, time.sleep, os.listdir


class UnmeasurableError(MemguardError):
    """What a single call retains cannot be read here."""

    slug = "unmeasurable"


class Instruments:
    """Opened readers; ``close`` gives their descriptors back. Raises ``UnmeasurableError``.

    ``memory``: metrics to be judged. ``resident``: bytes that the process has, ``fds`` and ``threads``: how many; None
    where that cannot be read. ``aside``: threads of memguard's own, which are not counted.
    """

    def __init__(self, *, aside: int = 0) -> None:
        self.clock: Callable[[], float] = _clock
        self.sleep: Callable[[float], None] = _sleep
        self._aside = aside
        self._descriptors = DescriptorSet()
        self.memory: dict[Metric, Callable[[], int | None]] = {}
        try:
            self._add_blocks()
            self.memory["heap"] = heap = self._needed(open_heap)
            _try_out(heap)
        except BaseException:
            self.close()
            raise
        memory: Callable[[], Memory] | None = self._optional(lambda: open_memory(self._descriptors).read)
        self.resident: Callable[[], int] | None = None
        if memory is not None:
            self.memory["mapped"] = without_arenas(lambda: memory()[1])
            self.resident = lambda: memory()[0]
        self.fds: Callable[[], int] | None = self._optional(lambda: open_fds(self._descriptors).read)
        self.threads: Callable[[], int] | None = self._optional(lambda: open_threads().read)

    def all_threads(self) -> int:
        """Threads of the process, native ones included where the system lists them."""
        try:
            found = len(_listdir("/proc/self/task"))
        except OSError:
            found = threading.active_count()
        return found - self._aside

    def close(self) -> None:
        """Give the descriptors back."""
        self._descriptors.close()

    def _add_blocks(self) -> None:
        """Without Python's own allocator (``PYTHONMALLOC=malloc``) its objects are part of the malloc heap."""
        try:
            self.memory["blocks"] = without_frames(open_blocks().read)
        except UnavailableError as reason:
            if "t" in getattr(sys, "abiflags", ""):
                raise _unmeasurable(str(reason)) from None

    @staticmethod
    def _needed(find: Callable[[], Any]) -> Callable[[], int]:
        try:
            read: Callable[[], int] = find().read
        except UnavailableError as reason:
            raise _unmeasurable(str(reason)) from None
        return read

    @staticmethod
    def _optional(find: Callable[[], Any]) -> Any:
        try:
            return find()
        except Exception:  # noqa: BLE001 - below lies what a test may have replaced by then
            return None


def _try_out(heap: Callable[[], int]) -> None:
    """See whether the reading belongs to the allocator in use: a preloaded one leaves the C library's heap alone."""
    allocate: Any = ctypes.pythonapi.PyMem_RawMalloc
    allocate.restype, allocate.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    free: Any = ctypes.pythonapi.PyMem_RawFree
    free.restype, free.argtypes = None, [ctypes.c_void_p]
    before = heap()
    chunk = allocate(_TRIAL_BYTES)
    grown = heap() - before
    free(chunk)
    if chunk and grown < _TRIAL_BYTES:
        raise _unmeasurable("the C library does not see what is allocated: another allocator is in its place")


def _unmeasurable(reason: str) -> UnmeasurableError:
    return UnmeasurableError(f"memguard.assert_no_leak cannot measure native memory: {reason}", remedy=_REMEDY)
