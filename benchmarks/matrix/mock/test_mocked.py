import builtins
import gc
import os
import sys
import time

import pytest
import shop


def test_patch(mocker):
    listing = mocker.patch("os.listdir", return_value=["bill"])
    assert os.listdir("/nowhere") == ["bill"]
    listing.assert_called_once_with("/nowhere")


def test_everything_below(mocker):
    for name in ("os.read", "os.open", "os.close", "os.getpid", "time.time", "time.monotonic", "time.perf_counter"):
        mocker.patch(name, side_effect=AssertionError(name))
    mocker.patch.object(gc, "collect", side_effect=AssertionError)
    mocker.patch.object(gc, "get_objects", side_effect=AssertionError)
    mocker.patch.object(builtins, "open", side_effect=AssertionError)
    mocker.patch.object(sys, "getallocatedblocks", side_effect=AssertionError)


def test_psutil(mocker):
    mocker.patch.dict(sys.modules, {"psutil": None, "gc": None})


def test_spy(mocker):
    spy = mocker.spy(shop, "offer")
    shop.offer(3)
    assert spy.call_count == 1


def test_fails_to_be_called(mocker):
    mocker.patch.object(shop, "offer").assert_called_once()


def test_stub(mocker):
    stub = mocker.stub("till")
    stub(1, 2)
    stub.assert_called_with(1, 2)


@pytest.fixture(scope="module")
def closed(module_mocker):
    module_mocker.patch.object(shop, "discount", return_value=99)


def test_leak_into_a_mock_of_the_module(closed):
    assert shop.discount(1) == 99


def test_time_stands(mocker):
    mocker.patch("time.sleep")
    time.sleep(1000)


def test_leak_behind_a_mock(mocker):
    mocker.patch.object(shop, "Order", list)
    shop.ORDERS.append(shop.offer)
    shop.ORDERS.append([shop.offer])
