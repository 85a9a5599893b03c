"""How often the collector comes by itself while a test is repeated."""

from __future__ import annotations

import gc

import pytest

from pytest_memguard.repeat import rare_collections


@pytest.fixture(autouse=True)
def thresholds():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_the_oldest_generation_is_put_off_and_the_thresholds_come_back():
    gc.set_threshold(600, 9, 8)
    with rare_collections():
        assert gc.get_threshold()[:2] == (600, 9)
        assert gc.get_threshold()[2] > 1000

    assert gc.get_threshold() == (600, 9, 8)


def test_they_come_back_after_an_error():
    gc.set_threshold(600, 9, 8)
    with pytest.raises(KeyError), rare_collections():
        raise KeyError

    assert gc.get_threshold() == (600, 9, 8)


def test_what_a_test_sets_stays():
    with rare_collections():
        gc.set_threshold(500, 5, 5)

    assert gc.get_threshold() == (500, 5, 5)


def test_a_collector_that_is_off_stays_off():
    gc.set_threshold(0, 7, 7)
    with rare_collections():
        assert gc.get_threshold() == (0, 7, 7)

    assert gc.get_threshold() == (0, 7, 7)
