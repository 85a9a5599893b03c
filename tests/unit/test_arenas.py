"""Pages that Python's own allocator maps by the arena say nothing about a test."""

from __future__ import annotations

import ctypes
import mmap

import pytest

from pytest_memguard.probes import open_probes, without_arenas
from pytest_memguard.probes.arenas import _counter

needs_arenas = pytest.mark.skipif(_counter() is None, reason="this interpreter does not tell of its arenas")


@pytest.fixture
def read():
    probes = open_probes()
    mapped = probes.reader("vms")
    if mapped is None:
        pytest.skip("mapped pages cannot be read here")
    yield mapped
    probes.close()


@needs_arenas
def test_arenas_are_counted_and_taken_off(read):
    count = _counter()
    less = without_arenas(read)
    before = count()
    assert less() == read() - before
    objects = [object() for _ in range(4_000_000)]  # 16 bytes each
    grown = count() - before
    assert 16 << 20 <= grown <= 72 << 20
    with mmap.mmap(-1, 1 << 20):
        assert count() - before == grown
        assert less() == read() - count()
    del objects


def test_arenas_are_counted_only_where_the_pages_have_changed(monkeypatch):
    counted = []

    def count():
        counted.append(len(counted))
        return 100

    monkeypatch.setattr("pytest_memguard.probes.arenas._counter", lambda: count)
    readings = iter([1000, 1000, 1100, None, 1100])
    less = without_arenas(lambda: next(readings))
    assert [less() for _ in range(5)] == [900, 900, 1000, None, 1000]
    assert len(counted) == 1 + 2  # once to see whether it works


@needs_arenas
def test_where_the_heap_is_read_its_end_says_nothing(read):
    libc = ctypes.CDLL(None)
    less, all_of_it = without_arenas(read, knows_heap=True), without_arenas(read)
    before, all_before = less(), all_of_it()
    assert libc.sbrk(ctypes.c_ssize_t(1 << 20)) != -1
    try:
        assert all_of_it() - all_before == 1 << 20
        assert less() == before
        with mmap.mmap(-1, 1 << 20):
            assert less() - before == 1 << 20
    finally:
        libc.sbrk(ctypes.c_ssize_t(-(1 << 20)))


def test_without_arenas_to_count_nothing_is_taken_off(monkeypatch):
    monkeypatch.setattr("pytest_memguard.probes.arenas._counter", lambda: lambda: None)
    assert without_arenas(read_five)() == 5


def read_five():
    return 5
