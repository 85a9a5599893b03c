"""What settling does to the C library's heap."""

from __future__ import annotations

import ctypes
import gc
import sys
from array import array
from itertools import pairwise

import pytest

from pytest_memguard.probes import open_probes
from pytest_memguard.settle import Settler

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's caches")


@pytest.fixture
def heap():
    probes = open_probes()
    reader = probes.reader("heap")
    if reader is None:
        pytest.skip("the C library does not report its heap")
    yield reader
    probes.close()


@pytest.fixture(scope="module")
def libc():
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    return libc


@pytest.mark.parametrize("size", [100, 400, 700, 1024])
def test_what_one_call_retains_shows_although_longer_chunks_are_free(heap, libc, size):
    """The free chunks of the next size are what malloc hands out whole for this one."""
    settler = Settler()
    longer = size // 16 * 16 + 8 + 16 + 16
    held = [(libc.malloc(longer), libc.malloc(24)) for _ in range(100)]
    for chunk, _ in held:
        libc.free(chunk)
    steps, chunks = [], []
    settler.full()
    before = heap()
    for _ in range(30):
        chunks.append(libc.malloc(size))
        settler.full()
        after = heap()
        steps.append(after - before)
        before = after
    for chunk in [*chunks, *(separator for _, separator in held)]:
        libc.free(chunk)

    assert min(steps) >= size


@pytest.mark.skipif(sys.version_info < (3, 11), reason="frames change hands between code objects")
def test_blocks_repeat_exactly_however_the_heap_is_fragmented(libc):
    """With longer chunks free every other time, the caches have to be topped up every other time."""
    settler = Settler()
    separators, longer = array("Q", bytes(8 * 40)), array("Q", bytes(8 * 40))
    readings = array("q", bytes(8 * 40))
    read = sys.getallocatedblocks
    index = 0
    while index < len(longer):
        longer[index], separators[index] = libc.malloc(432), libc.malloc(24)
        index += 1
    settler.prepare()
    settler.full()
    gc.freeze()
    try:
        position = 0
        while position < len(readings):
            index = 0
            while index < len(longer):
                if position % 2:
                    longer[index] = libc.malloc(432)
                else:
                    libc.free(longer[index])
                index += 1
            settler.full()
            readings[position] = read()
            position += 1
    finally:
        gc.unfreeze()
    for chunk in (*longer, *separators):
        libc.free(chunk)

    assert {b - a for a, b in pairwise(readings[5:])} == {0}


def test_saturating_twice_changes_nothing(heap):
    settler = Settler()
    settler.full()
    before = heap()
    settler.saturate()

    assert heap() == before
