"""Counts that tell, for a microsecond or four a repetition, whether it may have left anything besides memory behind.

They only ever suggest a test to look at: a wrong suspicion costs one repetition. The readings live in an array made
beforehand, because they are taken while blocks are counted.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from array import array
from collections.abc import Callable, Sequence

from pytest_memguard.resources.names import temp_folder

Count = Callable[[], int | None]
#: A folder that changed less than so many nanoseconds ago may have changed again within the same tick of its clock.
_TICK_NS = 10_000_000


class Signals:
    """``quick`` counts are read for each repetition, ``slow`` ones for each stretch of tests."""

    def __init__(self, quick: Sequence[Count], slow: Sequence[Count], folder: FolderStamp | None = None) -> None:
        self._quick, self._slow = tuple(quick), tuple(slow)
        self._last = array("q", bytes(8 * len(self._quick)))
        self._before = array("q", bytes(8 * len(self._slow)))
        self._first = array("q", bytes(8 * len(self._quick)))
        self._folder = folder

    def begin(self) -> None:
        """A stretch begins: what is there now is nobody's."""
        self._read(self._quick, self._last)
        self._first[:] = self._last
        self._read(self._slow, self._before)
        if self._folder is not None:
            self._folder.begin()

    def step(self) -> bool:
        """Whether anything has grown, or may have, since the last call."""
        index, grown = 0, False
        for read in self._quick:
            now = read() or 0
            if now > self._last[index]:
                grown = True
            self._last[index] = now
            index += 1  # noqa: SIM113 - enumerate would allocate
        if self._folder is not None and self._folder.changed():
            grown = True
        return grown

    def grown(self) -> tuple[bool, bool]:
        """Whether anything has grown over the stretch: what the steps tell apart, and what they do not."""
        now = array("q", bytes(8 * len(self._slow)))
        self._read(self._slow, now)
        unseen = any(after > before for before, after in zip(self._before, now, strict=True))
        seen = any(after > before for before, after in zip(self._first, self._last, strict=True))
        return seen or (self._folder is not None and self._folder.grown()), unseen

    @staticmethod
    def _read(counts: Sequence[Count], into: array[int]) -> None:
        for index, read in enumerate(counts):
            into[index] = read() or 0


class FolderStamp:
    """Tells whether the folder for temporary files has changed, and, asked less often, whether it has more entries."""

    def __init__(
        self,
        folder: Callable[[], str] = temp_folder,
        *,
        stat: Callable[[str], os.stat_result] = os.stat,
        listdir: Callable[[str], list[str]] = os.listdir,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._folder, self._stat, self._listdir, self._clock = folder, stat, listdir, clock
        self._stamps = array("q", [0, 0])  # of the last step, of the beginning
        self._entries = 0

    def begin(self) -> None:
        """Compare with the present state from now on."""
        stamp = self._stamp()
        if stamp != self._stamps[1]:
            self._entries = self._count()
        self._stamps[0] = self._stamps[1] = stamp

    def changed(self) -> bool:
        """Whether an entry may have come or gone since the last call."""
        stamp = self._stamp()
        if stamp == self._stamps[0] and self._clock() - stamp > _TICK_NS:
            return False
        self._stamps[0] = stamp
        return True

    def grown(self) -> bool:
        """Whether there are more entries than at the beginning."""
        return self._stamp() != self._stamps[1] and self._count() > self._entries

    def _stamp(self) -> int:
        try:
            return self._stat(self._folder()).st_mtime_ns
        except OSError:
            return 0

    def _count(self) -> int:
        try:
            return len(self._listdir(self._folder()))
        except OSError:
            return 0


def open_signals(fds: Count | None, natives: Count, children: Callable[[], Sequence[int]]) -> Signals:
    """What can be counted here. ``fds``: open descriptors; ``natives``: threads by the system's count."""
    active = getattr(threading, "_active", {})
    quick: list[Count] = [active.__len__, gc.garbage.__len__]
    if fds is not None:
        quick.append(fds)
    return Signals(quick, [natives, lambda: len(children())], FolderStamp())
