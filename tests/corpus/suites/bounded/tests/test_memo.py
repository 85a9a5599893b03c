from __future__ import annotations

import random
import uuid

import pytest
from limits import memo


def test_tiny(key):
    assert memo.tiny(key) == key[::-1]


def test_usual(key):
    assert len(memo.usual(key)) == 5


def test_medium(key):
    assert memo.medium(key) == {"length": 36, "dashes": 4}


def test_large(key):
    assert len(memo.large(key)) == 360


def test_huge(key):
    assert len(memo.huge(key)) == 36


def test_usual_with_many_keys():
    for _ in range(10):
        assert memo.usual(str(uuid.uuid4()))


def test_medium_is_cleared(key):
    memo.medium(key)
    memo.medium.cache_clear()
    assert memo.medium.cache_info().currsize == 0


def test_opening_hours_of_a_new_shop():
    assert memo.Shop().opening(1) == 9


@pytest.mark.parametrize("number", range(7))
def test_weekday(number):
    assert len(memo.weekday(number)) == 3


def test_any_square_of_forty():
    number = random.randrange(40)
    assert memo.squares(number) == number * number
