"""The recipe book.

>>> from recipes.book import Recipe
>>> Recipe("soup", {"water": 2}).scaled(2).amounts
{'water': 4}
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

_COOKED: list[Recipe] = []
_SHOPPING: dict[int, list[str]] = {}
_serial = itertools.count(1)


@dataclass
class Recipe:
    """
    >>> Recipe("tea", {"leaf": 1, "water": 3}).weight()
    4
    """

    name: str
    amounts: dict[str, int]
    kinds: ClassVar[set[str]] = {"soup", "tea", "bread"}

    def weight(self) -> int:
        """
        >>> Recipe("air", {}).weight()
        0
        """
        return sum(self.amounts.values())

    def scaled(self, factor: int) -> Recipe:
        return Recipe(self.name, {what: amount * factor for what, amount in self.amounts.items()})


def cook(recipe: Recipe) -> str:
    """
    >>> cook(Recipe("stew", {"bean": 4}))
    'stew is ready'
    """
    _COOKED.append(recipe)  # leak: doctest-cooked
    return f"{recipe.name} is ready"


def shopping_list(recipe: Recipe) -> int:
    number = next(_serial)
    _SHOPPING[number] = sorted(recipe.amounts)  # leak: shopping-lists
    return number


def parse(line: str) -> tuple[str, int]:
    """
    >>> parse("water: 3")
    ('water', 3)
    >>> parse("water")
    Traceback (most recent call last):
        ...
    ValueError: no amount in 'water'
    >>> big = [parse(f"x{n % 10}: {n}") for n in range(2000)]
    >>> len(big)
    2000
    """
    name, separator, amount = line.partition(":")
    if not separator:
        raise ValueError(f"no amount in {line!r}")
    return name.strip(), int(amount)


def steps(count: int) -> list[str]:
    """
    >>> for step in steps(2):
    ...     print(step)
    step 1
    step 2
    >>> steps(1000)
    ['step 1', ..., 'step 1000']
    """
    return [f"step {n}" for n in range(1, count + 1)]
