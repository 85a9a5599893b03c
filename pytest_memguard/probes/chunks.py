"""Bytes of the malloc heap that somebody has: glibc counts the freed chunks that it caches for a thread as in use.

Its cache is the first thing on the heap of the main thread: 64 counts of 16 bits, then 64 lists, of chunks of 32, 48,
.. 1,040 bytes (``tcache_perthread_struct`` in ``malloc/malloc.c``, glibc 2.30 to 2.41). Reading the counts takes a few
microseconds and changes nothing; filling the cache, the other way to a comparable reading, takes a hundred times as
long.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from operator import mul
from typing import Any

_MAPS = "/proc/self/maps"
_BINS = 64
_CHUNKS = tuple(range(32, 32 + 16 * _BINS, 16))  #: bytes of a chunk in each bin, 8 of them its header
_HEADER = 8
_DEPTH = 7
_CACHE_CHUNK = 0x290  #: of a cache with counts of 16 bits
_FLAGS = 7


def without_cached_chunks(read_heap: Callable[[], int | None]) -> Callable[[], int] | None:
    """Bytes that malloc has handed out, less those that it has got back and caches for this thread.

    None where the cache is not found, or does not count as expected: another C library, another release of it, another
    thread than the main one.
    """
    counts = _cache()
    if counts is None:
        return None

    def read() -> int:
        cached: int = sum(map(mul, counts, _CHUNKS))
        return (read_heap() or 0) - cached

    return read


def _cache() -> Sequence[int] | None:
    """How many chunks of each size are cached, as glibc counts them."""
    try:
        libc: Any = ctypes.PyDLL(None)
        malloc, free, usable = libc.malloc, libc.free, libc.malloc_usable_size
        start = _heap_start()
    except (OSError, AttributeError, TypeError, ValueError):
        return None
    if start is None or ctypes.sizeof(ctypes.c_void_p) != _HEADER or not hasattr(libc, "gnu_get_libc_version"):
        return None
    if ctypes.c_size_t.from_address(start + _HEADER).value & ~_FLAGS != _CACHE_CHUNK:
        return None
    counts = memoryview((ctypes.c_uint16 * _BINS).from_address(start + 2 * _HEADER)).cast("B").cast("H")
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    free.restype, free.argtypes = None, [ctypes.c_void_p]
    usable.restype, usable.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
    for length in (chunk - _HEADER for chunk in _CHUNKS):
        made = malloc(length)
        # A free chunk that is a little too long is handed out whole.
        place = (usable(made) + _HEADER - _CHUNKS[0]) // 16
        before = counts[place] if place < _BINS else _DEPTH
        free(made)
        if place < _BINS and counts[place] != min(before + 1, _DEPTH):
            return None
    return counts


def _heap_start() -> int | None:
    """The address of the heap; raises ``OSError``."""
    with open(_MAPS, encoding="utf-8", errors="surrogateescape") as lines:
        return next((int(line.partition("-")[0], 16) for line in lines if line.endswith("[heap]\n")), None)
