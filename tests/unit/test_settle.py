"""What settling does to the C library's heap, and whom it waits for."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
from array import array
from itertools import pairwise
from statistics import median

import pytest

from pytest_memguard.probes import open_probes
from pytest_memguard.settle import Ending, Settler, native_threads

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
    readings = array("q", [0] * 16)
    for index in range(len(readings)):
        settler.saturate()
        readings[index] = heap()

    # Where free chunks lie otherwise after the tests before, one more is now and then handed out whole.
    assert median(b - a for a, b in pairwise(readings)) == 0
    assert readings[-1] - readings[1] < 64 * len(readings)


class Threads:
    """A count of threads that falls after a number of looks; and how long anybody slept."""

    def __init__(self, *counts: int) -> None:
        self.counts = list(counts)
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]


def test_nobody_waits_where_no_thread_is_ending():
    threads = Threads(3)
    ending = Ending(threads, sleep=threads.slept.append)
    ending.wait()
    ending.wait()

    assert threads.slept == []


def test_a_thread_that_is_ending_is_waited_for():
    threads = Threads(1, 2, 2, 1)
    ending = Ending(threads, sleep=threads.slept.append)
    ending.wait()

    assert len(threads.slept) == 2
    assert sum(threads.slept) < 0.001


def test_a_thread_that_stays_is_waited_for_once():
    threads = Threads(1, 2)
    ending = Ending(threads, sleep=threads.slept.append)
    ending.wait()
    waited = len(threads.slept)
    ending.wait()

    assert waited == len(threads.slept) > 0
    assert sum(threads.slept) < 0.005


def test_fewer_threads_are_the_new_rest():
    threads = Threads(5, 2, 3, 2)
    ending = Ending(threads, sleep=threads.slept.append)
    ending.wait()
    ending.wait()

    assert len(threads.slept) == 1


def test_threads_of_the_system_are_counted():
    before = native_threads()
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    during = native_threads()
    release.set()
    thread.join()

    assert during == before + 1


def test_without_the_system_telling_there_are_no_threads():
    def refuse(_path: str) -> os.stat_result:
        raise FileNotFoundError

    assert native_threads(stat=refuse) == 0
