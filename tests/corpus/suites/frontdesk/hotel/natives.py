"""C level: references and memory that no Python object accounts for."""

from __future__ import annotations

import ctypes
import ctypes.util

_incref = ctypes.pythonapi.Py_IncRef
_incref.argtypes = [ctypes.py_object]
_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = [ctypes.c_size_t]


class Key:
    def __init__(self, number: int) -> None:
        self.number = number
        self.teeth = [number]


def cut(number: int) -> Key:
    key = Key(number)  # leak: no-decref
    _incref(key)
    return key


def engrave(text: str) -> bytes:
    plate = text.encode() + bytes(100)  # leak: bytes-no-decref
    _incref(plate)
    return plate


def melt(size: int) -> None:
    _libc.malloc(size)  # leak: malloc
