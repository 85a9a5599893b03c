"""Products, searches and what was asked for."""

from __future__ import annotations

import itertools
import re

_PRODUCTS = {f"sku-{n}": 100 + n for n in range(40)}
_serial = itertools.count(1000)

_QUOTES: dict[int, tuple[str, int]] = {}
_VIEWED: set[int] = set()
_SUGGESTIONS: dict[str, list[str]] = {}
_SLUGS: dict[str, str] = {}
_INDEX: dict[str, list[str]] | None = None


def quote(sku: str) -> int:
    number = next(_serial)
    _QUOTES[number] = (sku, _PRODUCTS[sku])  # leak: quotes
    return number


def quoted(number: int) -> int:
    return _QUOTES[number][1]


def view(sku: str) -> int:
    ticket = next(_serial) * 7919
    _VIEWED.add(ticket)  # leak: viewed-tickets
    return ticket


def viewed(ticket: int) -> bool:
    return ticket in _VIEWED


def suggestions(sku: str) -> list[str]:
    """A memo over the products that exist: at most as many entries as products."""
    if sku not in _SUGGESTIONS:
        _SUGGESTIONS[sku] = [other for other in _PRODUCTS if other != sku][:5]
    return _SUGGESTIONS[sku]


def products() -> list[str]:
    return list(_PRODUCTS)


def slug(title: str) -> str:
    """Memo without a bound: fine for fixed titles, not for what customers type."""
    if title not in _SLUGS:
        _SLUGS[title] = re.sub(r"\W+", "-", title.lower()).strip("-")  # leak: slugs
    return _SLUGS[title]


def index() -> dict[str, list[str]]:
    """Built on first use, then shared."""
    global _INDEX
    if _INDEX is None:
        _INDEX = {}
        for sku in _PRODUCTS:
            _INDEX.setdefault(sku[-1], []).append(sku)
    return _INDEX
