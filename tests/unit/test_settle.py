"""What settling does to the C library's heap."""

from __future__ import annotations

import ctypes
import sys

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


def test_saturating_twice_changes_nothing(heap):
    settler = Settler()
    settler.full()
    before = heap()
    settler.saturate()

    assert heap() == before
