import datetime as dt
import time

import pytest
import shop
import time_machine


@time_machine.travel("2001-01-01", tick=False)
def test_frozen():
    assert dt.date.today() == dt.date(2001, 1, 1)
    assert time.time() == time.time()


@time_machine.travel("2001-01-01")
def test_ticks():
    assert dt.date.today().year == 2001


def test_fixture(time_machine):
    time_machine.move_to("1991-01-01")
    time_machine.shift(60)
    assert time.gmtime().tm_year == 1991


def test_fails_in_the_past(time_machine):
    time_machine.move_to("1991-01-01", tick=False)
    assert time.gmtime().tm_year == 1992


@pytest.fixture(scope="module")
def old_times():
    with time_machine.travel("1990-05-05", tick=False):
        yield


def test_module_a(old_times):
    assert dt.datetime.now().year == 1990


def test_leak_in_the_past(old_times):
    shop.sell()
