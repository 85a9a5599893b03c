"""What the allocators say: bytes of the malloc heap in use, blocks of Python's own allocator, collections so far."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import psutil

from pytest_memguard.probes.reading import Reading, UnavailableError


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


def open_collections() -> Reading[int]:
    """Full collections since the interpreter started."""
    stats = gc.get_stats

    def read() -> int:
        return int(stats()[-1]["collections"])

    return Reading(read, "gc.get_stats")
