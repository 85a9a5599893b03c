import random

import pytest
import shop

seen = {}


@pytest.mark.parametrize("number", range(4))
def test_throw(number):
    thrown = random.random()
    assert seen.setdefault(number, thrown) == thrown


@pytest.mark.parametrize("number", range(4))
def test_shown(number):
    assert random.random() < 0.5, "shown with its number"


def test_leak_at_random():
    shop.sell(random.randint(1, 6))


class TestInAClass:
    def test_a(self):
        random.seed()

    def test_b(self):
        assert random.getrandbits(8) >= 0
