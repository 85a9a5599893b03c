"""Carts and orders."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Order:
    number: int
    lines: dict[str, int]
    total: int


@dataclass
class Cart:
    lines: dict[str, int] = field(default_factory=dict)

    def add(self, sku: str, quantity: int = 1) -> None:
        self.lines[sku] = self.lines.get(sku, 0) + quantity

    def total(self, prices: dict[str, int]) -> int:
        return sum(prices[sku] * quantity for sku, quantity in self.lines.items())


_ORDERS: list[Order] = []
_LAST: Order | None = None


def checkout(cart: Cart, prices: dict[str, int]) -> Order:
    order = Order(number=1, lines=dict(cart.lines), total=cart.total(prices))
    _ORDERS.append(order)  # leak: placed-orders
    return order


def preview(cart: Cart, prices: dict[str, int]) -> Order:
    """Only the newest preview is kept."""
    global _LAST
    _LAST = Order(number=0, lines=dict(cart.lines), total=cart.total(prices))
    return _LAST


def last_preview() -> Order | None:
    return _LAST
