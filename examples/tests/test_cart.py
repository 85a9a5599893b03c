"""Filling a cart."""

from __future__ import annotations

import unittest
from decimal import Decimal

from shop.cart import Cart, carts_of
from shop.catalogue import Product
from shop.pricing import issue_voucher

TEA = Product("T1", "Green tea", Decimal("4.50"))
POT = Product("P1", "Tea pot", Decimal("24.00"))


class CartTest(unittest.TestCase):
    def setUp(self) -> None:
        self.cart = Cart("grace")
        self.cart.add(TEA, 2)

    def test_total(self) -> None:
        self.cart.add(POT)
        self.assertEqual(self.cart.total, Decimal("33.00"))

    def test_more_of_the_same(self) -> None:
        self.cart.add(TEA)
        self.assertEqual([(line.product.sku, line.count) for line in self.cart.lines], [("T1", 3)])

    def test_remove(self) -> None:
        self.cart.remove(TEA)
        self.assertEqual(self.cart.lines, ())

    def test_nothing_to_add(self) -> None:
        with self.assertRaisesRegex(ValueError, "cannot add 0 of P1"):
            self.cart.add(POT, 0)

    def test_voucher(self) -> None:
        self.cart.redeem(issue_voucher(50))
        self.assertEqual(self.cart.total, Decimal("4.50"))


def test_open_carts(cart: Cart) -> None:
    assert cart in carts_of("ada")
    assert carts_of("nobody") == []
