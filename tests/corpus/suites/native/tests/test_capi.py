from __future__ import annotations

import random

from imaging import capi


def test_raw_memory():
    assert capi.raw(1024)


def test_raw_memory_in_pairs():
    assert all(capi.raw_pair(random.randint(1, 50_000)) for _ in range(20))


def test_small_block():
    assert capi.small(100)


def test_borrowed_pixel():
    assert capi.borrowed(capi.Pixel(1, 2, 3)).channels == [1, 2, 3]


def test_balanced_pixel():
    assert capi.balanced(capi.Pixel(4, 5, 6)).channels == [4, 5, 6]
