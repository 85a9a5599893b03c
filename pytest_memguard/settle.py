"""Undo what the interpreter, the standard library and the C library keep behind a test's back.

After a settle the number of allocated blocks repeats exactly between two repetitions of a clean test. Caches are
put back to what they held before (`re`'s compiled patterns stay warm) where that is possible, and emptied where it
is not. The list follows CPython's own reference-leak hunter (``Lib/test/libregrtest/refleak.py``), without the
parts that need a debug build.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

LruWrapper: Any = type(functools.lru_cache(maxsize=1)(lambda: None))

# Plain dictionaries of the standard library and of test tools that only remember; (module, attribute).
_DICT_CACHES = (
    ("re", "_cache"),
    ("re", "_cache2"),
    ("sys", "path_importer_cache"),
    ("zipimport", "_zip_directory_cache"),
    ("_strptime", "_regex_cache"),
    ("filecmp", "_cache"),
    ("urllib.parse", "_parse_cache"),
    ("urllib.parse", "_safe_quoters"),
    ("hypothesis.internal.conjecture.data", "STRUCTURAL_COVERAGE_CACHE"),
)

# Caches of test tools with a ``clear``; they would fill with what a property makes anew in each repetition.
_TOOL_CACHES = (
    ("hypothesis.strategies._internal.utils", "_STRATEGY_CACHE"),
    ("hypothesis.internal.conjecture.data", "POOLED_CONSTRAINTS_CACHE"),
)

# glibc keeps up to seven freed chunks of each of these sizes per thread (its tcache); 24..1032 in steps of 16.
_TCACHE_DEPTH = 7
_TCACHE_LENGTHS = tuple(range(24, 1033, 16))
_TCACHE_SIZES = tuple(size for size in _TCACHE_LENGTHS for _ in range(_TCACHE_DEPTH))
_MOST_ODD_CHUNKS = 250

_ENDING_STEPS_S = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002)


class _Cache(Protocol):
    def restore(self) -> None: ...


class _DictCache:
    """A dictionary that is put back to the entries it had: the same keys, the same objects, the same table."""

    __slots__ = ("_last", "_length", "_saved", "_target")

    def __init__(self, target: dict[Any, Any]) -> None:
        self._target = target
        self._saved = dict(target)
        self._length = len(self._saved)
        self._last = next(reversed(self._saved), None)
        # A table that was filled by hand and one that was copied differ in size: make it once what it will be.
        self._refill()

    def restore(self) -> None:
        target = self._target
        if len(target) != self._length or (target and next(reversed(target)) is not self._last):
            self._refill()

    def _refill(self) -> None:
        self._target.clear()
        self._target.update(self._saved)


class _LruCache:
    """An ``lru_cache`` of the standard library; its entries cannot be put back, so it is emptied."""

    __slots__ = ("_clear", "_info")

    def __init__(self, wrapper: Any) -> None:
        self._clear: Callable[[], None] = wrapper.cache_clear
        self._info: Callable[[], Any] = wrapper.cache_info

    def restore(self) -> None:
        if self._info()[3]:
            self._clear()


class _ToolCache:
    """A cache of a test tool; it is emptied."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        self._target = target

    def restore(self) -> None:
        self._target.clear()


def _stdlib_lru_caches(objects: Iterable[object]) -> list[_LruCache]:
    """Every ``lru_cache`` wrapper that is the standard library's own."""
    return [_LruCache(candidate) for candidate in objects if type(candidate) is LruWrapper and _is_stdlib(candidate)]


def _is_stdlib(wrapper: Any) -> bool:
    """Whether it stands where its name says, in a module of the standard library.

    A user's cache around a function of the standard library has that function's name, too.
    """
    module_name = getattr(wrapper, "__module__", None)
    if not isinstance(module_name, str) or module_name.partition(".")[0] not in sys.stdlib_module_names:
        return False
    if module_name == "typing":  # keeps its wrappers in closures
        return True
    found: Any = sys.modules.get(module_name)
    for part in str(getattr(wrapper, "__qualname__", "")).split("."):
        found = getattr(found, "__dict__", {}).get(part)
        found = getattr(found, "__func__", getattr(found, "fget", found))  # of a classmethod, of a property
    return found is wrapper


def _type_cache_clearer() -> Callable[[], None]:
    """Clear the method cache of all types: it keeps attribute names alive that a test built on the fly."""
    newer = getattr(sys, "_clear_internal_caches", None)  # 3.13; the older name warns there
    older = newer or getattr(sys, "_clear_type_cache", None)
    return older if older is not None else lambda: None


def _tcache_saturator() -> Callable[[], None]:
    """Fill glibc's per-thread chunk caches, so that they neither hide nor simulate growth of the heap in use.

    Where the best free chunk is 16 bytes too long, malloc hands it out whole, and it does not come back into the cache
    of the size that was asked for: one chunk too few is cached, and a test that retains one seems to retain nothing.
    """
    try:
        libc = ctypes.PyDLL(None)  # holds the GIL: no other thread in between, and a fifth faster
        malloc, free, usable = libc.malloc, libc.free, libc.malloc_usable_size
        if not hasattr(libc, "gnu_get_libc_version"):
            return lambda: None
    except (OSError, AttributeError, TypeError):
        return lambda: None
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    free.restype, free.argtypes = None, [ctypes.c_void_p]
    usable.restype, usable.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
    consume = deque[None](maxlen=0).extend
    sizes, expected = _TCACHE_SIZES, list(_TCACHE_SIZES)

    def saturate() -> None:
        chunks = list(map(malloc, sizes))
        lengths = list(map(usable, chunks))
        if lengths != expected:
            top_up(chunks, lengths)
        consume(map(free, chunks))

    def top_up(chunks: list[int], lengths: list[int]) -> None:
        """Get more chunks of the sizes that are too few.

        Runs now and then only, so it must leave nothing in the interpreter's free lists that a reading would count: no
        tuple, no slice, no call with several arguments.
        """
        for size in _TCACHE_LENGTHS:
            missing = _TCACHE_DEPTH - lengths.count(size)
            tries = _MOST_ODD_CHUNKS
            while missing > 0 and tries:
                tries -= 1
                chunks.append(malloc(size))
                missing -= usable(chunks[-1]) == size

    return saturate


def _nothing() -> None:
    """Where no cache needs to be saturated."""


def native_threads(*, stat: Callable[[str], os.stat_result] = os.stat) -> int:
    """How many threads the process has, as far as the system tells cheaply: Linux does, by the links of a folder."""
    try:
        return stat("/proc/self/task").st_nlink - 2
    except OSError:
        return 0


class Ending:
    """Waits for threads that have ended for Python and not yet for the system: they still hold half a kilobyte each.

    ``count``: the system's own count of threads. At most 4 ms, and once for those that stay.
    """

    def __init__(
        self, count: Callable[[], int] = native_threads, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._count = count
        self._sleep = sleep
        self._resting = count()

    def wait(self) -> None:
        """Until there are no more threads than there were."""
        now = self._count()
        if now > self._resting:
            for pause in _ENDING_STEPS_S:
                self._sleep(pause)
                now = self._count()
                if now <= self._resting:
                    break
        self._resting = now


class Settler:
    """Brings the process back to a comparable state. Lives as long as pass 2 and belongs to its thread.

    ``light`` is for every repetition (tens of microseconds), ``full`` for readings of the malloc heap as well.
    Both leave the collector's enabled flag and thresholds alone and allocate nothing that outlives them. ``saturates``:
    the heap is read with the chunks that the C library caches, so that these have to be as many each time.
    """

    def __init__(self, *, saturates: bool = True) -> None:
        self._ending = Ending()
        self._caches: list[_Cache] = []
        self._collect = gc.collect
        self._clear_types = _type_cache_clearer()
        self.saturate = _tcache_saturator() if saturates else _nothing
        self._struct_clear: Callable[[], None] | None = None

    def prepare(self) -> None:
        """Take the present content of all caches as what ``light`` restores; the heap must not be frozen."""
        self._caches = []
        struct = sys.modules.get("_struct")
        self._struct_clear = getattr(struct, "_clearcache", None)
        lru: list[_LruCache] = _stdlib_lru_caches(gc.get_objects())
        for cache in lru:
            cache.restore()
        self._caches.extend(lru)
        for module_name, attribute in _DICT_CACHES:
            target = getattr(sys.modules.get(module_name), attribute, None)
            if type(target) is dict:
                self._caches.append(_DictCache(target))
        for module_name, attribute in _TOOL_CACHES:
            target = getattr(sys.modules.get(module_name), attribute, None)
            if callable(getattr(target, "clear", None)):
                self._caches.append(_ToolCache(target))

    def light(self) -> None:
        """Undo caches, collect garbage, clear the type cache (last: collecting may fill it again)."""
        self._ending.wait()
        for cache in self._caches:
            cache.restore()
        if self._struct_clear is not None:
            self._struct_clear()
        self._collect()
        self._clear_types()

    def full(self) -> None:
        """``light``, then saturate the C library's chunk caches, if need be."""
        self.light()
        self.saturate()
