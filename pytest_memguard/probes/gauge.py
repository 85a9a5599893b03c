"""A reading that can be dear and is wanted often: taken for a small part of the time only, else the last one stands.

Bytes of the malloc heap in use take malloc 1 us to tell in a fresh process, and 3 ms in one with 500 MB of fragments.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable

from pytest_memguard.probes.reading import MISSING

__all__ = ["Gauge"]

# A reading is followed by so many times its own duration without one.
_PAUSE = 400
_AT_ONCE = float("-inf")


class Gauge:
    """Takes *read* by that rule; ``None`` where it gives nothing. Keeps no object that a test could seem to retain."""

    __slots__ = ("_clock", "_due", "_read", "_value")

    def __init__(self, read: Callable[[], int | None], *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._read = read
        self._clock = clock
        self._due = array("d", (_AT_ONCE,))
        self._value = array("q", (MISSING,))

    def read(self, now: float) -> int | None:
        """The value, by *now* of the clock perhaps the last one."""
        if now >= self._due[0]:
            start = self._clock()
            found = self._read()
            self._value[0] = MISSING if found is None else found
            end = self._clock()
            self._due[0] = end + _PAUSE * (end - start)
        return None if self._value[0] == MISSING else self._value[0]

    def expire(self) -> None:
        """What is read has changed: the next reading is a new one."""
        self._due[0] = _AT_ONCE
