"""The repetition of a check: a batch of calls, as many as all before it, as far as time and memory allow."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable

from pytest_memguard.calls.making import Making

_USUAL = 200
_FEWEST = 5
_FIRST_S = 0.15
_BATCH_S = 0.15
_BATCH_BYTES = 4 << 20
_NEW_A_BATCH = 3


class Batches:
    """Makes one batch at each call. ``first``: the size of a small batch; ``most``: the size of the largest."""

    def __init__(self, calls: Making, *, runs: int | None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._calls = calls
        self._runs = runs
        self._clock = clock
        self._made = array("q", [0])
        self.forget: Callable[[], object] = list
        self.first = runs or _USUAL
        self.most = self.first

    def __call__(self) -> bool:
        """One batch; always true, because what a call raises is passed on."""
        self.make(min(max(self.first, self._made[0]), self.most))
        return True

    def make(self, count: int) -> None:
        """So many calls."""
        self._calls.many(count)
        self._made[0] += count
        self.forget()

    def total(self) -> int:
        """Calls made so far."""
        return self._made[0]

    def timed(self, count: int) -> float:
        """Seconds that a call takes, by so many."""
        start = self._clock()
        self.make(count)
        return (self._clock() - start) / count

    def fit(self, *, call_s: float, call_bytes: float, call_counts: float) -> None:
        """Choose the sizes by what one call takes and leaves behind: seconds, bytes, descriptors or threads."""
        in_time = int(_FIRST_S / max(call_s, 1e-9))
        self.first = self._runs or min(max(in_time, _FEWEST), _USUAL)
        self.most = max(self.first, int(_BATCH_S / max(call_s, 1e-9)))
        if call_bytes > 0:
            self.most = max(1, min(self.most, int(_BATCH_BYTES / call_bytes)))
        if call_counts > 0:
            self.most = max(1, min(self.most, int(_NEW_A_BATCH / call_counts)))
        self.first = min(self.first, self.most)
