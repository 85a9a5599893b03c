"""What the C library keeps of freed chunks is no part of the heap in use."""

from __future__ import annotations

import ctypes
import sys
import threading
from array import array
from itertools import pairwise

import pytest

from pytest_memguard.probes import open_probes, without_cached_chunks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's caches")


@pytest.fixture
def heap():
    probes = open_probes()
    reader = probes.reader("heap")
    exact = None if reader is None else without_cached_chunks(reader)
    if exact is None:
        pytest.skip("this C library has no such cache, or says nothing of its heap")
    yield exact
    probes.close()


@pytest.fixture
def libc():
    library = ctypes.PyDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.restype, library.free.argtypes = None, [ctypes.c_void_p]
    return library


@pytest.mark.parametrize("length", [24, 200, 424, 1032, 5000])
def test_what_was_freed_does_not_count(heap, libc, length):
    chunks, readings = array("Q", bytes(8 * 20)), array("q", bytes(8 * 3))
    for _ in range(3):  # what the first readings leave in the interpreter's free lists
        readings[0] = heap()
        for index in range(len(chunks)):
            chunks[index] = libc.malloc(length)
        readings[1] = heap()
        for index in range(len(chunks)):
            libc.free(chunks[index])
        readings[2] = heap()

    chunk = length + 8
    assert chunk * len(chunks) <= readings[1] - readings[0] <= (chunk + 16) * len(chunks) + 512
    assert abs(readings[2] - readings[0]) <= 512


def test_one_chunk_a_round_shows_in_each_of_them(heap, libc):
    chunks, readings = array("Q", bytes(8 * 40)), array("q", bytes(8 * 41))
    for index in range(len(chunks)):
        readings[index] = heap()
        chunks[index] = libc.malloc(300)
        libc.free(libc.malloc(300 + 16 * (index % 40)))  # another size is cached in each round
    readings[len(chunks)] = heap()
    for chunk in chunks:
        libc.free(chunk)

    assert all(256 <= after - before <= 512 for before, after in pairwise(readings[5:]))


def test_it_says_no_in_another_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(without_cached_chunks(lambda: 0)))
    thread.start()
    thread.join()

    assert found == [None]


def test_it_says_no_where_there_is_no_heap_of_that_kind(monkeypatch, tmp_path):
    maps = tmp_path / "maps"
    maps.write_text("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n")
    monkeypatch.setattr("pytest_memguard.probes.chunks._MAPS", str(maps))

    assert without_cached_chunks(lambda: 0) is None

    monkeypatch.setattr("pytest_memguard.probes.chunks._MAPS", str(tmp_path / "nothing"))

    assert without_cached_chunks(lambda: 0) is None
