"""Cache classes: with a maxsize, with a time to live, least recently used, least frequently used."""

from __future__ import annotations

import itertools
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any


class SizedCache(MutableMapping[str, Any]):
    def __init__(self, maxsize: int) -> None:
        self._maxsize = maxsize
        self._data: OrderedDict[str, Any] = OrderedDict()

    @property
    def maxsize(self) -> int:
        return self._maxsize

    def __getitem__(self, key: str) -> Any:
        self._data.move_to_end(key)
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value
        if len(self._data) > self._maxsize:
            self._data.popitem(last=False)

    def __delitem__(self, key: str) -> None:
        del self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


class TimedCache(SizedCache):
    """Every entry lives for ``ttl`` ticks of the clock."""

    def __init__(self, maxsize: int, ttl: float, clock: Callable[[], float]) -> None:
        super().__init__(maxsize)
        self.ttl = ttl
        self.clock = clock

    def __setitem__(self, key: str, value: Any) -> None:
        now = self.clock()
        for old in [old for old, (deadline, _) in self._data.items() if deadline <= now]:
            del self._data[old]
        super().__setitem__(key, (now + self.ttl, value))


class LRUDict(OrderedDict[str, Any]):
    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if len(self) > self.limit:
            self.popitem(last=False)


class LFUCache:
    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.data: dict[str, Any] = {}
        self.uses: Counter[str] = Counter()

    def put(self, key: str, value: Any) -> None:
        if key not in self.data and len(self.data) >= self.maxsize:
            rarest, _ = self.uses.most_common()[-1]
            del self.data[rarest], self.uses[rarest]
        self.data[key] = value
        self.uses[key] += 1


class RingBuffer:
    def __init__(self, size: int) -> None:
        self.slots: list[Any] = [None] * size
        self.position = 0

    def push(self, value: Any) -> None:
        self.slots[self.position % len(self.slots)] = value
        self.position += 1


class Thing:
    pass


sized = SizedCache(maxsize=100)
sized_thousand = SizedCache(maxsize=1_000)
_ticks = itertools.count()
timed = TimedCache(maxsize=500, ttl=12, clock=lambda: next(_ticks))
lru = LRUDict(limit=64)
lfu = LFUCache(maxsize=30)
ring = RingBuffer(48)
things: weakref.WeakValueDictionary[str, Thing] = weakref.WeakValueDictionary()
seen: weakref.WeakSet[Thing] = weakref.WeakSet()
