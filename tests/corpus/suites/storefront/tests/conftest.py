from __future__ import annotations

import pytest
from shop.cart import Cart


@pytest.fixture
def prices():
    return {"tea": 300, "cup": 700, "pot": 2500}


@pytest.fixture
def cart():
    cart = Cart()
    cart.add("tea", 2)
    cart.add("cup")
    return cart
