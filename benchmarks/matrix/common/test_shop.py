"""A little of everything; what leaks is named so."""

from __future__ import annotations

import logging
import sys
import threading
import unittest
import warnings

import pytest
import shop

log = logging.getLogger("shop")


@pytest.fixture(scope="module")
def till():
    print("till opens")
    yield {}
    print("till closes")


@pytest.fixture
def broken_end():
    yield
    raise LookupError("no paper")


def test_passes():
    print("to the customer")
    print("to the manager", file=sys.stderr)
    log.warning("sold out")
    assert shop.offer(3).price == 3


def test_fails():
    print("before the failure")
    assert shop.offer(3).price == 4


def test_fails_at_its_end(broken_end):
    pass


def test_skips():
    pytest.skip("closed today")


@pytest.mark.xfail(reason="known")
def test_xfails():
    assert 0


def test_warns():
    warnings.warn("old till", stacklevel=1)


def test_leak():
    shop.sell()


def test_cycle():
    order = shop.offer(1)
    order.itself = order


@pytest.mark.parametrize("country", ["de", "fr"])
def test_tax(country, till):
    till[country] = shop.tax(country)
    assert till[country] < 1


def test_file(tmp_path):
    (tmp_path / "bill").write_text("3")
    assert [each.name for each in tmp_path.iterdir()] == ["bill"]


def test_thread():
    worker = threading.Thread(target=shop.offer, args=(1,))
    worker.start()
    worker.join()


def test_discount(capsys, monkeypatch, caplog, recwarn):
    monkeypatch.setenv("SHOP", "open")
    print(shop.discount(200), shop.discount(1))
    assert capsys.readouterr().out == "20 0\n"


class TestCounter(unittest.TestCase):
    def setUp(self):
        self.order = shop.offer(2)

    def test_price(self):
        self.assertEqual(self.order.price, 2)

    def test_leak_in_a_case(self):
        shop.sell(7)

    @unittest.skip("not yet")
    def test_not_yet(self):
        pass
