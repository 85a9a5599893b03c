"""Where an object was made, as tracemalloc has it."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import Any

Stack = tuple[tuple[str, int], ...]

_flags = type.__dict__["__flags__"].__get__  # what a metaclass says does not count
_MANAGED_DICT = 1 << 4  # Py_TPFLAGS_MANAGED_DICT
_WORD = 8
_BEFORE = 4 * _WORD  # what lies before such an object: the collector's two words, and two of its dictionary


def stack_of(obj: object) -> Stack | None:
    """Where an object was made, innermost frame first; None where tracemalloc did not see it."""
    traceback = tracemalloc.get_object_traceback(obj)
    if traceback is not None:
        return tuple((frame.filename, frame.lineno) for frame in reversed(traceback))
    if sys.version_info[:2] == (3, 11) and _flags(type(obj)) & _MANAGED_DICT:
        # CPython 3.11 looks at the wrong address for an instance with a dictionary; 3.12 has that put right.
        frames = _by_address()(0, id(obj) - _BEFORE)
        return None if frames is None else tuple(frames)
    return None


@cache
def _by_address() -> Callable[[int, int], Any]:
    import ctypes  # noqa: PLC0415 - needed on one version only

    function = getattr(ctypes.pythonapi, "_PyTraceMalloc_GetTraceback", None)
    if function is None:
        return lambda _domain, _address: None
    function.restype, function.argtypes = ctypes.py_object, [ctypes.c_uint, ctypes.c_size_t]
    return function  # type: ignore[no-any-return]
