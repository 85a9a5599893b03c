"""functools caches of several sizes."""

from __future__ import annotations

import functools


@functools.lru_cache(maxsize=16)
def tiny(key: str) -> str:
    return key[::-1]


@functools.lru_cache(maxsize=128)
def usual(key: str) -> list[str]:
    return key.split("-")


@functools.lru_cache(maxsize=256)
def medium(key: str) -> dict[str, int]:
    return {"length": len(key), "dashes": key.count("-")}


@functools.lru_cache(maxsize=1024)
def large(key: str) -> bytes:
    return key.encode() * 10


@functools.lru_cache(maxsize=4096, typed=True)
def huge(key: str) -> tuple[str, ...]:
    return tuple(key)


class Shop:
    """Keeps at most 32 shops alive, through self."""

    @functools.lru_cache(maxsize=32)
    def opening(self, day: int) -> int:
        return 8 + day % 2


@functools.cache
def weekday(number: int) -> str:
    return "mon tue wed thu fri sat sun".split()[number % 7]


def squares(number: int) -> int:
    """A memo over a fixed set of keys that fills in random order."""
    if number not in _SQUARES:
        _SQUARES[number] = list(range(number))
    return len(_SQUARES[number]) ** 2


_SQUARES: dict[int, list[int]] = {}
