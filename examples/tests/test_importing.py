"""Price lists of suppliers."""

from __future__ import annotations

from decimal import Decimal

from shop.catalogue import Catalogue
from shop.importing import import_prices


def test_price_list(catalogue: Catalogue) -> None:
    result = import_prices(catalogue, "Leaf & Co", ["T7, White tea, 8.10", "T8, Oolong, 7.40"])

    assert result.count == 2
    assert result.problems == ()
    assert catalogue["T8"].price == Decimal("7.40")


def test_unreadable_lines(catalogue: Catalogue) -> None:
    result = import_prices(catalogue, "Leaf & Co", ["T7, White tea, a lot", "T8, Oolong, 7.40", "T9"])

    assert result.count == 1
    assert [problem.partition(":")[0] for problem in result.problems] == ["Leaf & Co, line 1", "Leaf & Co, line 3"]
