"""Products and carts that most tests need."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shop.cart import Cart
from shop.catalogue import Catalogue, Product


@pytest.fixture(scope="session")
def products() -> list[Product]:
    """What a small tea shop sells."""
    return [
        Product("T1", "Green tea", Decimal("4.50")),
        Product("T2", "Black tea", Decimal("3.90")),
        Product("T3", "Green tea, organic", Decimal("6.20")),
        Product("P1", "Tea pot", Decimal("24.00")),
    ]


@pytest.fixture
def catalogue(products: list[Product]) -> Catalogue:
    """A catalogue that the test may change."""
    return Catalogue(products)


@pytest.fixture
def cart(catalogue: Catalogue) -> Cart:
    """Two packets of tea, and the pot."""
    cart = Cart("ada")
    cart.add(catalogue["T1"], 2)
    cart.add(catalogue["P1"])
    return cart
