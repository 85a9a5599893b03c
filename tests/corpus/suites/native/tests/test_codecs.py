from __future__ import annotations

import ctypes
import random

import pytest
from imaging import codecs

DOCUMENT = "<scene>" + "<shape kind='circle'/>" * 50 + "</scene>"


def test_open_compressor():
    assert isinstance(codecs.compressor(keep=True), bytes)


def test_finished_compressor():
    assert codecs.compressor(keep=False)


def test_open_parser():
    assert len(codecs.parser(DOCUMENT, keep=True)) == 51


def test_finished_parser():
    assert len(codecs.parser(DOCUMENT, keep=False)) == 51


def test_open_database():
    assert codecs.database(200, keep=True) == 200


@pytest.mark.parametrize("rows", [1, 100, 5_000])
def test_closed_database(rows):
    assert codecs.database(rows, keep=False) == rows


def test_kept_digest():
    assert len(codecs.digest(b"pixels", keep=True)) == 64


def test_digest():
    assert len(codecs.digest(random.randbytes(10_000), keep=False)) == 64


def test_kept_row():
    assert codecs.row(4_000, keep=True) == 4_000


def test_row():
    assert codecs.row(random.randint(1, 100_000), keep=False) > 0


def test_kept_canvas():
    assert codecs.canvas(65_536, keep=True) == 65_536


def test_closed_canvas():
    assert codecs.canvas(1_000_000, keep=False) == 1_000_000


def test_kept_buffer():
    assert codecs.buffer(512, keep=True) == 512


def test_buffer():
    assert codecs.buffer(512, keep=False) == 512


def test_kept_callback():
    assert codecs.callback(keep=True) == 42


def test_callback():
    assert codecs.callback(keep=False) == 42


def test_record_type():
    assert codecs.record(8) == 32


def test_kept_view():
    assert codecs.view(5_000, keep=True) == 10


def test_view():
    assert codecs.view(5_000_000, keep=False) == 10


def test_header():
    assert codecs.header(640, 480) == b"\x80\x02\x00\x00\xe0\x01\x00\x00"


def test_sorting_through_a_callback():
    numbers = (ctypes.c_int * 100)(*(random.randrange(1_000) for _ in range(100)))
    compare_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    ctypes.CDLL(None).qsort(numbers, 100, ctypes.sizeof(ctypes.c_int), compare_type(lambda a, b: a[0] - b[0]))
    assert list(numbers) == sorted(numbers)


def test_large_temporary_arrays():
    import array

    total = 0
    for size in (100_000, 300_000, 50_000):
        total += len(array.array("q", bytes(8 * size)))
    assert total == 450_000
