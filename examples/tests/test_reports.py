"""Figures."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from shop.cart import Line
from shop.catalogue import Product
from shop.orders import Order
from shop.reports import bestsellers, daily, export, spread


@pytest.fixture(scope="module")
def orders(products: list[Product]) -> list[Order]:
    """Two orders of one day."""
    tea, _, _, pot = products
    return [
        Order(1, "ada", (Line(tea, 3), Line(pot, 1)), Decimal("44.63")),
        Order(2, "grace", (Line(tea, 1),), Decimal("5.36")),
    ]


def test_bestsellers(orders: list[Order]) -> None:
    assert bestsellers(orders, 1) == [("T1", 4)]


def test_daily(orders: list[Order]) -> None:
    assert daily(orders).splitlines() == [
        "     1  ada              44.63",
        "     2  grace             5.36",
        "total                    49.99",
    ]


def test_export(orders: list[Order], tmp_path: Path) -> None:
    target = tmp_path / "orders.csv"
    export(orders, target)

    assert target.read_text(encoding="utf-8").splitlines()[1:] == [
        "1,ada,T1,3,13.50",
        "1,ada,P1,1,24.00",
        "2,grace,T1,1,4.50",
    ]


def test_spread(orders: list[Order]) -> None:
    assert spread(orders) == (Decimal("24.995"), Decimal("24.995"))
    assert spread([]) == (0, 0)
