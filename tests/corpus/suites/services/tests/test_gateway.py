from __future__ import annotations

from unittest import mock

import pytest

from doubles import clock, gateway


def test_charge():
    assert gateway.charge({"amount": 12}) == "ok"
    gateway.charge.assert_called_with({"amount": 12})


def test_clock_is_asked():
    assert clock() == 12.0


@pytest.fixture
def fresh_gateway():
    return mock.Mock(**{"charge.return_value": "ok"})


def test_charge_a_fresh_gateway(fresh_gateway):
    for amount in range(50):
        assert fresh_gateway.charge(amount) == "ok"
    assert fresh_gateway.charge.call_count == 50


def test_gateway_is_reset(fresh_gateway):
    fresh_gateway.charge(1)
    fresh_gateway.reset_mock()
    fresh_gateway.charge.assert_not_called()


@mock.patch("svc.dynamic.load")
def test_patched_module(load):
    from svc import dynamic

    load.return_value = 7
    assert dynamic.load("anything") == 7


def test_autospec():
    from svc import logs

    with mock.patch.object(logs, "counted", autospec=True) as counted:
        counted.return_value = 5
        assert logs.counted("x") == 5


def test_spec_of_a_class():
    from svc.workers import Worker

    worker = mock.create_autospec(Worker, instance=True)
    worker.run.return_value = 1
    assert worker.run(print) == 1
