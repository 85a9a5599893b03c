"""What the allocators say: bytes of the malloc heap in use, blocks of Python's own allocator, collections so far."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

from pytest_memguard.probes.reading import Reading, UnavailableError

# Counting the blocks walks every pool: 2 us in a small process, 2 ms in one of 5 million objects.
MOST_BLOCKS_COST_NS = 200_000
_TIME_EVERY = 16
_TRIES = 3


def open_heap() -> Reading[int]:
    """Bytes that malloc has handed out, mapped chunks included; raises ``UnavailableError``."""
    info = getattr(psutil, "heap_info", None)
    if info is not None:
        return Reading(_psutil_heap(info), "psutil.heap_info")
    return Reading(_mallinfo2(), "mallinfo2")


def _psutil_heap(info: Callable[[], Any]) -> Callable[[], int]:
    def read() -> int:
        found = info()
        return int(found.heap_used + found.mmap_used)

    return read


def _mallinfo2() -> Callable[[], int]:
    if sys.platform != "linux":
        raise UnavailableError(f"neither psutil nor the C library reports the malloc heap on {sys.platform}")
    import ctypes  # noqa: PLC0415 - a megabyte that nobody needs who has psutil.heap_info

    class Info(ctypes.Structure):
        """``struct mallinfo2`` of glibc 2.33; see mallinfo2(3)."""

        _fields_ = [(name, ctypes.c_size_t) for name in _MALLINFO2]

    try:
        info = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError) as error:
        raise UnavailableError("this C library has no mallinfo2 (glibc has it from 2.33 on, musl has not)") from error
    info.restype = Info

    def read() -> int:
        found = info()
        return int(found.uordblks + found.hblkhd)

    return read


_MALLINFO2 = (
    "arena",
    "ordblks",
    "smblks",
    "hblks",
    "hblkhd",
    "usmblks",
    "fsmblks",
    "uordblks",
    "fordblks",
    "keepcost",
)


def open_blocks() -> Reading[int]:
    """Blocks that Python's allocator has handed out, at any cost; raises ``UnavailableError``."""
    if "t" in getattr(sys, "abiflags", ""):
        raise UnavailableError("a free-threaded build counts no blocks that repeat")
    read = getattr(sys, "getallocatedblocks", None)
    if read is None:
        raise UnavailableError("this interpreter has no sys.getallocatedblocks")
    if read() == 0:
        raise UnavailableError("Python's own allocator is not in use (PYTHONMALLOC)")
    return Reading(read, "sys.getallocatedblocks")


class ThriftyBlocks:
    """The same count for every test boundary: gives ``None`` from when a reading costs too much on.

    Every 16th reading is timed, in CPU time of this thread, so that a busy machine is not taken for a large heap.
    """

    __slots__ = ("_clock", "_countdown", "_most_ns", "_read", "_too_dear")

    def __init__(
        self,
        read: Callable[[], int | None],
        *,
        too_dear: Callable[[int], None],
        clock: Callable[[], int] = time.thread_time_ns,
        most_ns: int = MOST_BLOCKS_COST_NS,
    ) -> None:
        self._read = read
        self._too_dear = too_dear
        self._clock = clock
        self._most_ns = most_ns
        self._countdown = 0

    def __call__(self) -> int | None:
        """The count now."""
        if self._countdown:
            self._countdown -= 1
            return self._read()
        self._countdown = _TIME_EVERY - 1
        return self._timed()

    def _timed(self) -> int | None:
        cost = 0
        for _ in range(_TRIES):
            start = self._clock()
            blocks = self._read()
            cost = self._clock() - start
            if cost <= self._most_ns:
                return blocks
        self._read = _nothing
        self._countdown = -1  # never timed again
        self._too_dear(cost)
        return None


def _nothing() -> None:
    return None


def open_collections() -> Reading[int]:
    """Full collections since the interpreter started."""
    stats = gc.get_stats

    def read() -> int:
        return int(stats()[-1]["collections"])

    return Reading(read, "gc.get_stats")
