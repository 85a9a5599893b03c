"""Bring a container down to a number of entries, the oldest first."""

from __future__ import annotations

from array import array
from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from pytest_memguard import peek
from pytest_memguard.components.entries import count

__all__ = ["CannotTrimError", "trim"]


class CannotTrimError(Exception):
    """A container that gives no way to remove entries, or whose way left too many."""


def trim(container: Any, limit: int) -> int:
    """Remove entries until ``limit`` are left; gives how many went, 0 where there were no more than that.

    What is oldest: the front of lists and deques, what was put first into a dictionary (for an ``OrderedDict``, what
    was moved to its front), anything in a set. A subclass with a ``trim(limit)`` of its own is left to that, and so is
    any other object; one that has only ``clear()``, and an ``lru_cache``, loses all. Raises ``CannotTrimError``, and
    what the container's own methods raise.
    """
    before = count(container)
    if before is None or before <= limit:
        return 0
    _way(container)(container, limit, before - limit)
    left = count(container) or 0
    if left > limit:
        raise CannotTrimError(f"{left} entries are left in a {peek.qualname_of(type(container))}, {limit} are allowed")
    return before - left


_Way = Callable[[Any, int, int], object]


def _way(container: Any) -> _Way:
    if hasattr(container, "trim"):
        return lambda it, limit, _excess: it.trim(limit)
    if peek.is_lru(container):
        return lambda it, _limit, _excess: it.cache_clear()
    for base, way in _WAYS:
        if peek.is_a(container, base):
            return way
    if hasattr(container, "clear"):
        return lambda it, _limit, _excess: it.clear()
    raise CannotTrimError(f"a {peek.qualname_of(type(container))} has neither trim(limit) nor clear()")


def _from_front(container: Any, _limit: int, excess: int) -> None:
    del container[:excess]


def _from_left(container: Any, _limit: int, excess: int) -> None:
    for _ in range(excess):
        container.popleft()


def _first_put(container: Any, _limit: int, excess: int) -> None:
    # All keys first: to look for the first one again and again takes time that grows with the square.
    for key in list(islice(dict.keys(container), excess)):
        del container[key]


def _first_in_order(container: Any, _limit: int, excess: int) -> None:
    for _ in range(excess):
        container.popitem(last=False)


def _any(container: Any, _limit: int, excess: int) -> None:
    for _ in range(excess):
        container.pop()


_WAYS: tuple[tuple[type, _Way], ...] = (
    (list, _from_front),
    (bytearray, _from_front),
    (array, _from_front),
    (deque, _from_left),
    (OrderedDict, _first_in_order),
    (dict, _first_put),
    (set, _any),
)
