"""What was sold: as text for people, as a file for the accountant."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from shop.orders import Order


class BufferPool:
    """Text buffers that are used again, because new ones are slow to grow."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[io.StringIO] = []

    @contextmanager
    def borrow(self) -> Iterator[io.StringIO]:
        """An empty buffer, for the length of a block."""
        buffer = self._free.pop() if self._free else io.StringIO()
        try:
            yield buffer
        finally:
            buffer.seek(0)
            buffer.truncate()
            if len(self._free) < self._size:
                self._free.append(buffer)


_buffers = BufferPool(size=4)


def bestsellers(orders: Iterable[Order], count: int) -> list[tuple[str, int]]:
    """The numbers of the products that were bought most, with how often."""
    sold: Counter[str] = Counter()
    for order in orders:
        sold.update({line.product.sku: line.count for line in order.lines})
    return sold.most_common(count)


def daily(orders: Iterable[Order]) -> str:
    """One line an order, and the sum below."""
    total = Decimal(0)
    with _buffers.borrow() as out:
        for order in orders:
            print(f"{order.number:>6}  {order.customer:<12}{order.total:>10}", file=out)
            total += order.total
        print(f"{'total':<20}{total:>10}", file=out)
        return out.getvalue()


def export(orders: Iterable[Order], target: Path) -> None:
    """All lines of all orders as CSV."""
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["order", "customer", "product", "count", "price"])
        for order in orders:
            writer.writerows(
                [order.number, order.customer, line.product.sku, line.count, line.price] for line in order.lines
            )


def spread(orders: Iterable[Order]) -> tuple[Decimal, Decimal]:
    """Mean and median of what an order is worth; (0, 0) without orders."""
    import statistics  # noqa: PLC0415 - slow to import, and few shops ask for this

    totals = [order.total for order in orders]
    return (statistics.mean(totals), statistics.median(totals)) if totals else (Decimal(0), Decimal(0))
