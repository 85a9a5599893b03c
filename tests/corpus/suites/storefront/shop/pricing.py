"""Prices, cached in every way that functools offers."""

from __future__ import annotations

import functools
from fractions import Fraction


class PriceList:
    def __init__(self, rates: dict[str, int]) -> None:
        self.rates = rates

    @functools.lru_cache(maxsize=None)  # leak: lru-none-self
    def gross(self, sku: str) -> int:
        return self.rates[sku] * 121 // 100

    @functools.cache  # leak: cache-method
    def net(self, sku: str) -> int:
        return self.rates[sku]

    @functools.cached_property
    def average(self) -> float:
        return sum(self.rates.values()) / len(self.rates)


@functools.cache  # leak: cache-fresh-args
def converted(amount: float, currency: str) -> float:
    return amount * {"EUR": 1.0, "GBP": 0.86}[currency]


@functools.lru_cache(maxsize=128)
def discounted(order_number: int) -> Fraction:
    return Fraction(order_number, 7)


@functools.lru_cache
def label(order_number: int) -> str:
    return f"order {order_number}"


@functools.lru_cache(maxsize=16)
def rounding(cents: float) -> int:
    return round(cents)


@functools.cache
def vat(country: str) -> int:
    return {"BE": 21, "DE": 19, "LU": 17}[country]
