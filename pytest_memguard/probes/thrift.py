"""The two readings that can be dear, taken at test boundaries only while they are cheap for the tests at hand.

Counting blocks walks every pool (2 us in a small process, 20 us in an ordinary one, 2 ms in one of 5 million
objects); the heap in use is known to malloc only by walking its free chunks (1 us in a fresh process, 60 us in a
fragmented one).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pytest_memguard.probes.reading import MISSING

_FIRST_WAIT = 16
_LONGEST_WAIT = 256
_TRIES = 3
_ALWAYS_CHEAP_NS = 1_500
# A reading may take a quarter of a percent of the tests' own time.
_SHARE = 400

Read = Callable[[], int]


class Thrift:
    """Decides now and then which of the two readings are worth their cost.

    ``heap`` and ``blocks`` are what to call at a boundary, ``None`` while that is not worth its cost.
    ``left`` is how many boundaries remain until ``weigh`` must be called instead, which takes both readings with a
    watch on them, in CPU time of this thread. ``tell`` gets a metric's name when it is left out for the first time.
    """

    __slots__ = ("_clock", "_real", "_since", "_tell", "_told", "_wait", "blocks", "heap", "left")

    def __init__(
        self, heap: Read, blocks: Read, *, tell: Callable[[str], None], clock: Callable[[], int] = time.thread_time_ns
    ) -> None:
        self.heap: Read | None = None
        self.blocks: Read | None = None
        self.left = 1
        self._real = (heap, blocks)
        self._tell = tell
        self._told: set[str] = set()
        self._clock = clock
        self._since = clock()
        self._wait = 1

    def take(self) -> tuple[int, int]:
        """Both readings at a boundary, as far as they are worth it."""
        self.left -= 1
        return (_of(self.heap), _of(self.blocks)) if self.left > 0 else self.weigh()

    def weigh(self) -> tuple[int, int]:
        """Take both readings and decide about the boundaries until the next weighing."""
        elapsed = self._clock() - self._since
        bearable = max(_ALWAYS_CHEAP_NS, elapsed // (self._wait * _SHARE))
        heap, heap_is_cheap = self._timed(self._real[0], bearable, retry=self.heap is not None)
        blocks, blocks_are_cheap = self._timed(self._real[1], bearable, retry=self.blocks is not None)
        self.heap = self._real[0] if heap_is_cheap else None
        self.blocks = self._real[1] if blocks_are_cheap else None
        for metric, is_cheap in (("heap", heap_is_cheap), ("blocks", blocks_are_cheap)):
            if not is_cheap:
                self._leave_out(metric)
        both = heap_is_cheap and blocks_are_cheap
        self._wait = _FIRST_WAIT if both else min(max(2 * self._wait, _FIRST_WAIT), _LONGEST_WAIT)
        self.left = self._wait
        self._since = self._clock()
        return heap, blocks

    def _timed(self, read: Read, bearable: int, *, retry: bool) -> tuple[int, bool]:
        """The value, and whether it is cheap; one slow reading may be chance."""
        for _ in range(_TRIES if retry else 1):
            start = self._clock()
            value = read()
            if self._clock() - start <= bearable:
                return value, True
        return value, False

    def _leave_out(self, metric: str) -> None:
        if metric not in self._told:
            self._told.add(metric)
            self._tell(metric)


def _of(read: Read | None) -> int:
    return MISSING if read is None else read()
