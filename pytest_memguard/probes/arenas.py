"""What Python's small-object allocator has mapped: it maps and returns a whole arena at a time, whatever tests retain.

CPython tells only in ``_PyObject_DebugMallocStats``, which writes a page of text to a C stream.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from typing import Any

_ROOM = 1 << 16
_ARENAS = rb"(\d+) arenas \* (\d+) bytes/arena"


def without_arenas(read_mapped: Callable[[], int | None]) -> Callable[[], int | None]:
    """Mapped bytes less those of arenas. These are counted only when ``read_mapped`` has changed.

    Unchanged where arenas cannot be counted: no CPython, no glibc, another allocator.
    """
    count = _counter()
    return read_mapped if count is None or count() is None else _WithoutArenas(read_mapped, count)


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
