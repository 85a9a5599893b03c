"""Reads the price lists of suppliers."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from shop.catalogue import Catalogue, Product

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Imported:
    """What came of one price list."""

    supplier: str
    count: int
    problems: tuple[str, ...]


class _Problems(logging.Handler):
    """Collects what is logged about one price list."""

    def __init__(self, supplier: str) -> None:
        super().__init__(level=logging.WARNING)
        self.supplier = supplier
        self.messages: list[str] = []
        self.done = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.done:
            self.messages.append(record.getMessage())


def import_prices(catalogue: Catalogue, supplier: str, lines: Iterable[str]) -> Imported:
    """Add the products of a list of ``number,name,price``; what cannot be read is logged and skipped."""
    problems = _Problems(supplier)
    _log.addHandler(problems)
    count = 0
    for number, row in enumerate(csv.reader(lines), start=1):
        try:
            sku, name, price = row
            catalogue.add(Product(sku, name.strip(), Decimal(price.strip())))
        except (ValueError, InvalidOperation):
            _log.warning("%s, line %d: cannot read %r", supplier, number, row)
        else:
            count += 1
    problems.done = True
    return Imported(supplier, count, tuple(problems.messages))
