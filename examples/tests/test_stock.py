"""Levels, and who hears of them."""

from __future__ import annotations

import pytest

from shop.stock import LowStockAlert, OutOfStockError, Stock, Turnover


@pytest.fixture
def stock() -> Stock:
    """Five packets of tea."""
    stock = Stock()
    stock.put("T1", 5)
    return stock


@pytest.fixture
def alert() -> LowStockAlert:
    """Speaks up when two packets are left."""
    return LowStockAlert("T1", threshold=2)


@pytest.mark.parametrize(("taken", "active"), [(2, False), (3, True), (5, True)])
def test_low_stock(stock: Stock, alert: LowStockAlert, taken: int, active: bool) -> None:
    stock.take("T1", taken)

    assert alert.active is active


def test_delivery_ends_the_alert(stock: Stock, alert: LowStockAlert) -> None:
    stock.take("T1", 4)
    stock.put("T1", 10)

    assert not alert.active


def test_out_of_stock(stock: Stock) -> None:
    with pytest.raises(OutOfStockError):
        stock.take("T1", 6)
    assert stock.level("T1") == 5


def test_turnover(stock: Stock) -> None:
    with Turnover() as turnover:
        stock.take("T1")
        stock.put("T1", 3)
    stock.take("T1")

    assert turnover.changes == 2
