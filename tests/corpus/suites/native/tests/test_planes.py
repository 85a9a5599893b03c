from __future__ import annotations

import random
import sys

import pytest
from imaging import clib

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="calls glibc functions by name")


def test_tiny_plane():
    assert clib.plane(256)


def test_thumbnail_plane():
    assert clib.plane(1024)


def test_tile_plane():
    assert clib.plane(65_536)


def test_screen_plane():
    assert clib.plane(1_048_576)


def test_dot():
    assert clib.plane(64)


def test_zeroed_plane():
    assert clib.zeroed(64, 32)


def test_aligned_plane():
    assert clib.aligned(2048) == 0


def test_caption():
    assert clib.caption(b"c" * 2000)


def test_short_caption():
    assert clib.caption(b"short caption")


def test_formatted_caption():
    assert clib.formatted(b"t" * 998) == 1000


def test_grown_plane_is_forgotten():
    assert clib.grown([100, 1_000, 5_000], keep=True) == 5_000


def test_mapped_pages():
    assert clib.mapped(1_048_576, keep=True)


def test_mapped_tile():
    assert clib.mapped(65_536, keep=True)


def test_pattern_without_release():
    assert clib.matches(b"^[a-f0-9]{8}(-[a-f0-9]{4})+$", b"0123abcd-0123", release=False)


def test_stream_left_open():
    assert clib.stream(b"line\n" * 400, close=False) == 2000


@pytest.mark.parametrize("layout", ["packed", "planar", "interleaved"])
def test_layouts(layout):
    if layout == "planar":
        assert clib.plane(3_000)
    else:
        assert clib.freed_plane(3_000)


def test_scratch_is_copied(scratch):
    assert scratch == 4096


def test_palette_is_grey(palette):
    assert palette[7] == (7, 7, 7)


def test_several_planes_at_once():
    assert all(clib.plane(size) for size in (300, 700, 1_100, 5_000))


@pytest.mark.parametrize("round_", range(4))
def test_freed_planes_of_any_size(round_):
    assert all(clib.freed_plane(random.randint(1, 200_000)) for _ in range(30))


def test_freed_small_chunks():
    addresses = [clib.libc.malloc(random.randint(16, 1_500)) for _ in range(200)]
    random.shuffle(addresses)
    for address in addresses:
        clib.libc.free(address)


def test_fragmenting_order_of_frees():
    first = [clib.libc.malloc(10_000) for _ in range(50)]
    second = [clib.libc.malloc(333) for _ in range(50)]
    for address in first + second:
        clib.libc.free(address)


def test_freed_caption():
    assert clib.freed_caption(b"hello") == b"hello"


def test_grown_and_freed():
    assert clib.grown(sorted(random.randint(10, 100_000) for _ in range(10)), keep=False) > 0


def test_unmapped_pages():
    assert clib.mapped(2_097_152, keep=False)


def test_pattern_with_release():
    assert clib.matches(b"^[0-9]+$", b"1234", release=True)


def test_closed_stream():
    assert clib.stream(b"line\n" * 10, close=True) == 50


def test_tile_is_borrowed(tile):
    clib.libc.memset(tile, 7, 65536)
    assert tile
