"""Module state that changes but does not grow."""

from __future__ import annotations

import random
from typing import Any

LAST: Any = None
LAST_TEXT = ""
COUNTERS: dict[str, int] = {}
TABLE: list[int] = list(range(64))
FLAGS: set[int] = set()
_client: Client | None = None
_lazy: dict[str, Any] = {}


class Client:
    def __init__(self) -> None:
        self.cache: dict[str, bytes] = {}
        self.options = {f"option {n}": n for n in range(200)}


def client() -> Client:
    global _client
    if _client is None:
        _client = Client()
    return _client


def lazy(name: str) -> Any:
    if name not in _lazy:
        _lazy[name] = [name] * 100
    return _lazy[name]


def keep(value: Any) -> Any:
    global LAST
    LAST = value
    return LAST


def keep_text() -> str:
    global LAST_TEXT
    LAST_TEXT = "x" * random.randint(10, 50_000)
    return LAST_TEXT


def count(name: str) -> int:
    COUNTERS[name] = COUNTERS.get(name, 0) + 1
    return COUNTERS[name]


def resize() -> int:
    """Grows and shrinks the same table and the same set; they end as they were."""
    TABLE.extend(range(1_000))
    del TABLE[64:]
    FLAGS.update(range(500, 1_500))
    FLAGS.clear()
    return len(TABLE)


class Record:
    """Attributes by name, from a fixed set of names."""

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)
