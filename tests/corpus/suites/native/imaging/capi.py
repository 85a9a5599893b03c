"""The C API of Python, misused the way extension modules do it."""

from __future__ import annotations

import ctypes

api = ctypes.pythonapi
api.PyMem_RawMalloc.restype = ctypes.c_void_p
api.PyMem_RawMalloc.argtypes = [ctypes.c_size_t]
api.PyMem_RawFree.restype = None
api.PyMem_RawFree.argtypes = [ctypes.c_void_p]
api.PyObject_Malloc.restype = ctypes.c_void_p
api.PyObject_Malloc.argtypes = [ctypes.c_size_t]
api.Py_IncRef.restype = None
api.Py_IncRef.argtypes = [ctypes.py_object]
api.Py_DecRef.restype = None
api.Py_DecRef.argtypes = [ctypes.py_object]


class Pixel:
    def __init__(self, red: int, green: int, blue: int) -> None:
        self.channels = [red, green, blue]


def raw(size: int) -> bool:
    return bool(api.PyMem_RawMalloc(size))  # leak: raw-malloc


def raw_pair(size: int) -> bool:
    address = api.PyMem_RawMalloc(size)
    api.PyMem_RawFree(address)
    return bool(address)


def small(size: int) -> bool:
    return bool(api.PyObject_Malloc(size))  # leak: object-malloc


def borrowed(pixel: Pixel) -> Pixel:
    api.Py_IncRef(pixel)  # leak: missing-decref
    return pixel


def balanced(pixel: Pixel) -> Pixel:
    api.Py_IncRef(pixel)
    api.Py_DecRef(pixel)
    return pixel
