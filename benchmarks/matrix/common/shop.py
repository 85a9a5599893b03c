"""The application of every suite: one list that is never emptied, and what only looks like it."""

from __future__ import annotations

import functools


class Order:
    def __init__(self, price: int = 1) -> None:
        self.price = price
        self.lines = [price]


ORDERS: list[Order] = []


def sell(price: int = 1) -> Order:
    ORDERS.append(Order(price))
    return ORDERS[-1]


def offer(price: int) -> Order:
    return Order(price)


@functools.lru_cache(maxsize=8)
def tax(country: str) -> float:
    return {"de": 0.19, "fr": 0.2}[country]


def discount(price: int) -> int:
    if price > 100:
        return price // 10
    return 0
