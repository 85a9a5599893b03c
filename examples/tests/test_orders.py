"""Checkout."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shop.cart import Cart
from shop.orders import EmptyCartError, checkout, last_order


def test_checkout(cart: Cart) -> None:
    order = checkout(cart, "DE")

    assert order.total == Decimal("39.27")
    assert [line.count for line in order.lines] == [2, 1]


def test_order_numbers_rise(cart: Cart) -> None:
    assert checkout(cart, "DE").number < checkout(cart, "DE").number


def test_buy_again(cart: Cart) -> None:
    order = checkout(cart, "FR")

    assert last_order("ada") is order


def test_empty_cart() -> None:
    with pytest.raises(EmptyCartError):
        checkout(Cart("ada"), "DE")
