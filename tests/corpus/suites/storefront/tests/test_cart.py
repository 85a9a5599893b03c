from __future__ import annotations

from shop import cart as carts


def test_adding_twice_adds_up(cart):
    cart.add("tea", 3)
    assert cart.lines == {"tea": 5, "cup": 1}


def test_total(cart, prices):
    assert cart.total(prices) == 1300


def test_checkout_returns_the_order(cart, prices):
    order = carts.checkout(cart, prices)
    assert order.total == 1300


def test_checkout_copies_the_lines(cart, prices):
    order = carts.checkout(cart, prices)
    cart.add("pot")
    assert "pot" not in order.lines


def test_preview_is_the_last_one(cart, prices):
    preview = carts.preview(cart, prices)
    assert carts.last_preview() is preview


def test_many_carts(prices):
    boxes = [carts.Cart({"tea": n}) for n in range(2000)]
    assert sum(box.total(prices) for box in boxes) == 300 * sum(range(2000))
