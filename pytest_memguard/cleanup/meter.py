"""How much memory a strategy gives back: readings before and after, taken only where they are worth their time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

__all__ = ["Level", "Meter", "Reader"]

Reader = Callable[[], "int | None"]

# Python's own allocator tells blocks, not bytes. The mean of what they hold, by sys._debugmallocstats in processes that
# have SQLAlchemy, matplotlib, Django and HTTP clients loaded: 85 to 97 bytes.
BYTES_PER_BLOCK = 90
# What a cleanup keeps of each strategy, its result for one, is no business of the strategy.
_OWN_BYTES = 1024
# Cleanups by schedule come after every test; reading may take this share of the time that has passed.
_SHARE = 0.0025


class Level(NamedTuple):
    """One reading, in bytes and blocks; None is what could not be read."""

    heap: int | None
    blocks: int | None
    rss: int | None

    def freed_until(self, after: Level, measure: Literal["heap", "rss"]) -> int | None:
        """Bytes given back between this reading and *after*; negative where memory was taken, 0 where it was little.

        ``heap``: what malloc had handed out, and the blocks of Python's allocator by their mean size. ``rss``: pages
        given back to the system.
        """
        if measure == "rss":
            return None if self.rss is None or after.rss is None else self.rss - after.rss
        parts = []
        if self.heap is not None and after.heap is not None:
            parts.append(self.heap - after.heap)
        if self.blocks is not None and after.blocks is not None:
            parts.append((self.blocks - after.blocks) * BYTES_PER_BLOCK)
        freed = sum(parts)
        return None if not parts else freed if abs(freed) >= _OWN_BYTES else 0


NOTHING = Level(None, None, None)


class Meter:
    """Reads heap, blocks and resident memory. A reader that raises is not asked again."""

    def __init__(self, reader: Callable[[str], Reader | None], *, clock: Callable[[], float]) -> None:
        self._readers = {metric: reader(metric) for metric in ("heap", "blocks", "rss")}
        self._clock = clock
        self._opened_s = clock()
        self._spent_s = 0.0

    def affordable(self) -> bool:
        """Whether readings have taken less than their share of the time so far."""
        return self._spent_s <= _SHARE * (self._clock() - self._opened_s)

    def read(self) -> Level:
        """What is in use now."""
        start = self._clock()
        level = Level(self._take("heap"), self._take("blocks"), self._take("rss"))
        self._spent_s += self._clock() - start
        return level

    def _take(self, metric: str) -> int | None:
        read = self._readers[metric]
        if read is None:
            return None
        try:
            return read()
        except Exception:  # noqa: BLE001 - what a test has done to the system is not the cleanup's problem
            self._readers[metric] = None
            return None
