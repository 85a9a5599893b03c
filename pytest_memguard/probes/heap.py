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
_ALWAYS_CHEAP_NS = 5_000
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
    """The same count for test boundaries, ``None`` where it would cost the suite too much.

    Every 16th reading is timed, in CPU time of this thread, so that a busy machine is not taken for a large heap. The
    15 after it are left out if they would take more than 1 % of the tests' own time; all are from when one reading
    takes more than *most_ns*. ``tell`` gets each of these two facts once, in words.
    """

    __slots__ = ("_clock", "_countdown", "_most_ns", "_paused", "_read", "_since", "_tell", "_told")

    def __init__(
        self,
        read: Callable[[], int | None],
        *,
        tell: Callable[[str], None],
        clock: Callable[[], int] = time.thread_time_ns,
        most_ns: int = MOST_BLOCKS_COST_NS,
    ) -> None:
        self._read = read
        self._tell = tell
        self._told = False
        self._clock = clock
        self._most_ns = most_ns
        self._countdown = 0
        self._since = 0
        self._paused = False

    def __call__(self) -> int | None:
        """The count now."""
        if self._countdown:
            self._countdown -= 1
            return None if self._paused else self._read()
        self._countdown = _TIME_EVERY - 1
        return self._timed()

    def _timed(self) -> int | None:
        start = end = self._clock()
        bearable = max(_ALWAYS_CHEAP_NS, (start - self._since) // (100 * _TIME_EVERY))
        cheapest = None
        # One slow reading may be chance; while they are left out anyway, only the limit for good deserves a second.
        enough = self._most_ns if self._paused else min(bearable, self._most_ns)
        for _ in range(_TRIES):
            blocks = self._read()
            start, end = end, self._clock()
            cheapest = end - start if cheapest is None else min(cheapest, end - start)
            if cheapest <= enough:
                break
        self._since = end
        self._decide(cheapest or 0, bearable)
        return None if self._countdown < 0 else blocks

    def _decide(self, cost: int, bearable: int) -> None:
        self._paused = cost > min(bearable, self._most_ns)
        if cost > self._most_ns:
            self._countdown = -1  # never timed again
            self._tell(f"left out: one reading takes {cost // 1000} us in a heap of this size")
        elif self._paused and not self._told:
            self._told = True
            self._tell("left out where it would take more than 1 % of the tests' time")


def open_collections() -> Reading[int]:
    """Full collections since the interpreter started."""
    stats = gc.get_stats

    def read() -> int:
        return int(stats()[-1]["collections"])

    return Reading(read, "gc.get_stats")
