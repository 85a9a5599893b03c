"""What the shop sells, and where it stands in the tree of categories."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal


class UnknownProductError(LookupError):
    """The shop does not sell this."""


@dataclass(frozen=True, slots=True)
class Product:
    """One thing that can be bought."""

    sku: str
    name: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class View:
    """Somebody looked at a product."""

    product: Product
    at: float


class Category:
    """A shelf of products, with shelves of its own."""

    def __init__(self, name: str, parent: Category | None = None) -> None:
        self.name = name
        self.parent = parent
        self.children: list[Category] = []
        self.products: list[Product] = []
        if parent is not None:
            parent.children.append(self)

    def path(self) -> str:
        """The names from the root down to here: ``Drinks / Tea / Green``."""
        return self.name if self.parent is None else f"{self.parent.path()} / {self.name}"

    def walk(self) -> Iterator[Product]:
        """Every product on this shelf and below it."""
        yield from self.products
        for child in self.children:
            yield from child.walk()


class Catalogue:
    """The products by their number."""

    def __init__(self, products: Iterable[Product] = ()) -> None:
        self._products = {product.sku: product for product in products}

    def __len__(self) -> int:
        return len(self._products)

    def __getitem__(self, sku: str) -> Product:
        try:
            return self._products[sku]
        except KeyError:
            raise UnknownProductError(sku) from None

    def add(self, product: Product) -> None:
        """Sell one more product, or a new version of one."""
        self._products[product.sku] = product

    def search(self, text: str) -> list[Product]:
        """Products whose name has all the words, cheapest first."""
        words = text.casefold().split()
        found = [p for p in self._products.values() if all(word in p.name.casefold() for word in words)]
        return sorted(found, key=lambda product: product.price)


_views: deque[View] = deque(maxlen=50)


def view(catalogue: Catalogue, sku: str) -> Product:
    """Look at one product, and remember that for the front page."""
    product = catalogue[sku]
    _views.append(View(product, time.time()))
    return product


def last_viewed(count: int = 3) -> list[Product]:
    """The products that were looked at last, newest first."""
    return [entry.product for entry in list(_views)[: -count - 1 : -1]]
