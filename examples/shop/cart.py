"""What a customer is about to buy."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from weakref import WeakSet

from shop.catalogue import Product
from shop.pricing import rounded, voucher_rate


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product."""

    product: Product
    count: int

    @property
    def price(self) -> Decimal:
        """Before vouchers and tax."""
        return self.product.price * self.count


class Cart:
    """The lines that one customer has picked."""

    def __init__(self, customer: str) -> None:
        self.customer = customer
        self._counts: dict[Product, int] = {}
        self._voucher: str | None = None
        _open_carts.add(self)

    def add(self, product: Product, count: int = 1) -> None:
        """Pick a product, or more of it."""
        if count < 1:
            msg = f"cannot add {count} of {product.sku}"
            raise ValueError(msg)
        self._counts[product] = self._counts.get(product, 0) + count

    def remove(self, product: Product) -> None:
        """Put all of a product back; ``KeyError`` if there is none."""
        del self._counts[product]

    def redeem(self, voucher: str) -> None:
        """Use a voucher; a second one replaces the first."""
        voucher_rate(voucher)
        self._voucher = voucher

    @property
    def lines(self) -> tuple[Line, ...]:
        """In the order in which they were picked."""
        return tuple(Line(product, count) for product, count in self._counts.items())

    @property
    def total(self) -> Decimal:
        """After the voucher, before tax."""
        price = sum((line.price for line in self.lines), Decimal(0))
        return rounded(price if self._voucher is None else price * (1 - voucher_rate(self._voucher)))


_open_carts: WeakSet[Cart] = WeakSet()


def carts_of(customer: str) -> list[Cart]:
    """The carts of one customer that somebody still works with."""
    return [cart for cart in _open_carts if cart.customer == customer]
