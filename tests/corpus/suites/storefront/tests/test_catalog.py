from __future__ import annotations

import random
import uuid

from shop import catalog


def test_quote_remembers_the_price():
    number = catalog.quote("sku-7")
    assert catalog.quoted(number) == 107


def test_view_is_counted_once():
    ticket = catalog.view("sku-3")
    assert catalog.viewed(ticket)


def test_suggestions_for_a_random_product():
    sku = random.choice(catalog.products())
    assert sku not in catalog.suggestions(sku)


def test_slug_of_free_text():
    assert catalog.slug(f"Blue Teapot {uuid.uuid4()}").startswith("blue-teapot-")


def test_slug_of_a_fixed_title():
    assert catalog.slug("Blue  Teapot!") == "blue-teapot"


def test_index_is_shared():
    assert catalog.index() is catalog.index()


def test_products_are_a_copy():
    catalog.products().clear()
    assert len(catalog.products()) == 40
