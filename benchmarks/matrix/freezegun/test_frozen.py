import datetime as dt
import time

import pytest
import shop
from freezegun import freeze_time


@freeze_time("2001-01-01")
def test_frozen():
    assert dt.date.today() == dt.date(2001, 1, 1)


@freeze_time("2001-01-01", tick=True)
def test_ticks():
    assert time.time() < 1e9


def test_moves():
    with freeze_time("2001-01-01") as frozen:
        frozen.tick(dt.timedelta(days=10000))
        before = time.monotonic()
        frozen.move_to("1999-01-01")
        assert time.time() < 1e9
        assert time.monotonic() != before


@freeze_time("2001-01-01")
def test_fails_in_the_past():
    assert dt.date.today().year == 2002


@pytest.fixture(scope="module")
def old_times():
    with freeze_time("1990-05-05"):
        yield


def test_module_a(old_times):
    assert dt.datetime.now().year == 1990


def test_module_b(old_times):
    assert time.localtime().tm_year == 1990


@freeze_time("2001-01-01")
def test_leak_in_the_past():
    shop.sell()


@freeze_time("2001-01-01")
class TestClass:
    def test_year(self):
        assert dt.datetime.now().year == 2001
