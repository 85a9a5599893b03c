"""What allocators have mapped, whatever tests retain: what is in use there is counted by itself.

Python's small-object allocator maps and returns a whole arena at a time. CPython tells only in
``_PyObject_DebugMallocStats``, which writes a page of text to a C stream. The C library's moves the program break when
no free chunk is long enough for a moment, and back when the end of its heap happens to be free.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from typing import Any

_ROOM = 1 << 16
_ARENAS = rb"(\d+) arenas \* (\d+) bytes/arena"


def without_arenas(read_mapped: Callable[[], int | None], *, knows_heap: bool = False) -> Callable[[], int | None]:
    """Mapped bytes less those of arenas. These are counted only when ``read_mapped`` has changed.

    Unchanged where arenas cannot be counted: no CPython, no glibc, another allocator. ``knows_heap``: malloc is the one
    whose heap in use is read, so that what lies below the program break is taken off as well.
    """
    count = _counter()
    if count is None or count() is None:
        return read_mapped
    return _WithoutArenas(read_mapped, _with_break(count) if knows_heap else count)


class _WithoutArenas:
    __slots__ = ("_arenas", "_count", "_mapped", "_read")

    def __init__(self, read_mapped: Callable[[], int | None], count: Callable[[], int | None]) -> None:
        self._read = read_mapped
        self._count = count
        self._mapped: int | None = None
        self._arenas = 0

    def __call__(self) -> int | None:
        mapped = self._read()
        if mapped is None:
            return None
        if mapped != self._mapped:
            self._mapped = mapped
            self._arenas = self._count() or 0
        return mapped - self._arenas


def _with_break(count: Callable[[], int | None]) -> Callable[[], int | None]:
    """The same, and what the program break has moved by since."""
    find_break: Any = ctypes.PyDLL(None).sbrk
    find_break.restype, find_break.argtypes = ctypes.c_size_t, [ctypes.c_ssize_t]
    first = int(find_break(0))

    def count_all() -> int | None:
        arenas = count()
        return None if arenas is None else arenas + int(find_break(0)) - first

    return count_all


def _counter() -> Callable[[], int | None] | None:
    """Reads the bytes in arenas; None where that cannot be done."""
    try:
        libc: Any = ctypes.PyDLL(None)
        tell: Any = ctypes.pythonapi._PyObject_DebugMallocStats  # noqa: SLF001 - there is no public way
        buffer = ctypes.create_string_buffer(_ROOM)
        libc.fmemopen.restype = ctypes.c_void_p
        libc.fmemopen.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
        for function in (libc.rewind, libc.fflush, tell):
            function.argtypes = [ctypes.c_void_p]
        stream = libc.fmemopen(buffer, _ROOM - 1, b"w")
    except (OSError, AttributeError, TypeError):
        return None
    if not stream:
        return None

    def count() -> int | None:
        libc.rewind(stream)
        tell(stream)
        libc.fflush(stream)
        found = re.search(_ARENAS, buffer.value)
        return None if found is None else int(found[1]) * int(found[2])

    return count
