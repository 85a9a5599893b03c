"""What a night costs: memoised in more ways than is good."""

from __future__ import annotations

import functools


class Season:
    def __init__(self, name: str, factor: float) -> None:
        self.name = name
        self.factor = factor

    @functools.lru_cache(maxsize=None)
    def price(self, base: int) -> float:
        return base * self.factor


class Tariff:
    def __init__(self, base: int) -> None:
        self.base = base
        self.extras = []

    @functools.cached_property
    def table(self) -> dict[int, int]:
        return {nights: nights * self.base for nights in range(3)}


@functools.cache
def quote(tariff: Tariff, nights: int) -> tuple[Tariff, int]:
    return tariff, tariff.base * nights


_BY_CODE: dict[str, Tariff] = {}


def tariff_of(code: str, base: int) -> Tariff:
    if code not in _BY_CODE:
        _BY_CODE[code] = Tariff(base)  # leak: memo
    return _BY_CODE[code]


def discount(code: str, used: list = []) -> int:  # noqa: B006
    used.append(Tariff(len(code)))  # leak: default-argument
    return len(used) and 5
