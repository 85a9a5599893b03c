"""C memory behind Python objects: compressors, parsers, connections, buffers."""

from __future__ import annotations

import array
import ctypes
import hashlib
import mmap
import sqlite3
import struct
import xml.parsers.expat
import zlib
from typing import Any

_OPEN: list[Any] = []


def compressor(*, keep: bool) -> bytes:
    packer = zlib.compressobj(6)
    data = packer.compress(b"pixels" * 100)
    if keep:
        _OPEN.append(packer)  # leak: compressor
        return data
    return data + packer.flush()


def parser(document: str, *, keep: bool) -> list[str]:
    names: list[str] = []
    expat = xml.parsers.expat.ParserCreate()
    expat.StartElementHandler = lambda name, attributes: names.append(name)
    expat.Parse(document, True)
    if keep:
        _OPEN.append(expat)  # leak: expat-parser
    return names


def database(rows: int, *, keep: bool) -> int:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table pixel (x integer, y integer)")
    connection.executemany("insert into pixel values (?, ?)", [(n, n * n) for n in range(rows)])
    count = int(connection.execute("select count(*) from pixel").fetchone()[0])
    if keep:
        _OPEN.append(connection)  # leak: sqlite-connection
    else:
        connection.close()
    return count


def digest(data: bytes, *, keep: bool) -> str:
    state = hashlib.sha256(data)
    if keep:
        _OPEN.append(state)  # leak: hash-state
    return state.hexdigest()


def row(width: int, *, keep: bool) -> int:
    pixels = array.array("d", bytes(8 * width))
    if keep:
        _OPEN.append(pixels)  # leak: array
    return len(pixels)


def canvas(size: int, *, keep: bool) -> int:
    pages = mmap.mmap(-1, size)
    pages[:4] = b"\x89PNG"
    if keep:
        _OPEN.append(pages)  # leak: mmap-object
    else:
        pages.close()
    return size


def buffer(size: int, *, keep: bool) -> int:
    data = ctypes.create_string_buffer(size)
    if keep:
        _OPEN.append(data)  # leak: ctypes-buffer
    return ctypes.sizeof(data)


def callback(*, keep: bool) -> int:
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    double = prototype(lambda value: value * 2)
    if keep:
        _OPEN.append(double)  # leak: ctypes-callback
    return int(double(21))


def record(fields: int) -> int:
    """A structure made at run time; ctypes keeps the pointer type of each for ever (up to 3.13)."""

    class Record(ctypes.Structure):
        _fields_ = [(f"field{n}", ctypes.c_int) for n in range(fields)]

    pointer = ctypes.POINTER(Record)  # leak: pointer-types
    return ctypes.sizeof(pointer(Record()).contents)


def header(width: int, height: int) -> bytes:
    return struct.pack("<II", width, height)


def view(size: int, *, keep: bool) -> int:
    window = memoryview(bytearray(size))[10:20]
    if keep:
        _OPEN.append(window)  # leak: memoryview
    return len(window)
