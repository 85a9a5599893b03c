"""Searching and looking at products."""

from __future__ import annotations

import pytest

from shop.catalogue import Catalogue, Category, Product, UnknownProductError, last_viewed, view


@pytest.mark.parametrize(
    ("text", "found"),
    [("tea", ["T2", "T1", "T3", "P1"]), ("GREEN", ["T1", "T3"]), ("tea organic", ["T3"]), ("coffee", [])],
)
def test_search(catalogue: Catalogue, text: str, found: list[str]) -> None:
    assert [product.sku for product in catalogue.search(text)] == found


def test_unknown_product(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownProductError, match="T9"):
        catalogue["T9"]


def test_last_viewed(catalogue: Catalogue) -> None:
    for sku in ("T1", "P1", "T2"):
        view(catalogue, sku)

    assert [product.sku for product in last_viewed(2)] == ["T2", "P1"]


def test_category_tree(products: list[Product]) -> None:
    drinks = Category("Drinks")
    tea = Category("Tea", drinks)
    green = Category("Green", tea)
    tea.products.append(products[1])
    green.products.append(products[0])

    assert green.path() == "Drinks / Tea / Green"
    assert [product.sku for product in drinks.walk()] == ["T2", "T1"]
