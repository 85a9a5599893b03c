"""How much of each product there is, and who must know when it runs out."""

from __future__ import annotations

from collections import Counter

from shop.events import EventBus, bus


class OutOfStockError(RuntimeError):
    """There is less than what was asked for."""


class Stock:
    """The number of pieces of each product; every change is published as ``stock.changed``."""

    def __init__(self, events: EventBus = bus) -> None:
        self._levels: Counter[str] = Counter()
        self._events = events

    def level(self, sku: str) -> int:
        """How many pieces there are."""
        return self._levels[sku]

    def put(self, sku: str, count: int) -> None:
        """A delivery has come."""
        self._levels[sku] += count
        self._events.publish("stock.changed", sku=sku, level=self._levels[sku])

    def take(self, sku: str, count: int = 1) -> None:
        """Somebody has bought."""
        if self._levels[sku] < count:
            raise OutOfStockError(sku)
        self._levels[sku] -= count
        self._events.publish("stock.changed", sku=sku, level=self._levels[sku])


class LowStockAlert:
    """Knows whether one product must be ordered."""

    def __init__(self, sku: str, threshold: int, events: EventBus = bus) -> None:
        self.sku = sku
        self.threshold = threshold
        self.active = False
        events.subscribe("stock.changed", self._on_change)

    def _on_change(self, sku: str, level: int) -> None:
        if sku == self.sku:
            self.active = level <= self.threshold


class Turnover:
    """Counts the changes while it is open."""

    def __init__(self, events: EventBus = bus) -> None:
        self.changes = 0
        self._events = events

    def __enter__(self) -> Turnover:
        self._events.subscribe("stock.changed", self._on_change)
        return self

    def __exit__(self, *_: object) -> None:
        self._events.unsubscribe("stock.changed", self._on_change)

    def _on_change(self, **_: object) -> None:
        self.changes += 1
