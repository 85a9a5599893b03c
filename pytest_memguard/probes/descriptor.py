"""Descriptors that stay open for a whole session, at numbers that tests neither see nor take.

A test may close every descriptor, lower the limit of their number, fork, or replace ``os`` by a fake. So each call
that is needed later is bound when the set is made, a descriptor is moved far above the numbers that a program gets
from the kernel (which hands out the lowest free one), and its identity is known, because its number may by now
belong to a file of the user.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

if sys.platform != "win32":
    import fcntl
    import resource

CLOSED = -1

# Above what select() can watch and what `os.closerange(3, 1024)` closes; low enough that the kernel's table of
# descriptors, which is copied by each fork, stays at 32 KB.
_HIGHEST = 4096
_ROOM = 64
# With fewer in all, those that are kept here are those that pytest itself, or the suite, will miss.
_FEW = 20
# A suite in which every test closes all descriptors is served this often; then the reading is given up, aloud.
_MOST_RESTORATIONS = 16


class KeptDescriptor:
    """One open file. ``number`` is ``CLOSED`` while it could not be opened; ``identity`` is its inode and device."""

    __slots__ = ("_calls", "_fstat", "flags", "identity", "number", "path")

    def __init__(self, path: str, flags: int, calls: SystemCalls) -> None:
        self.path = path
        self.flags = flags
        self.number = CLOSED
        self._calls = calls
        self._fstat = calls.fstat
        self.identity = (0, 0)
        self.open()

    def open(self) -> None:
        """Open the file anew, whatever became of the old number; raises ``OSError``."""
        self.number = CLOSED
        calls = self._calls
        low = calls.open(self.path, self.flags)
        self.number = calls.raise_number(low)
        found = self._fstat(self.number)
        self.identity = (found.st_ino, found.st_dev)

    def is_ours(self) -> bool:
        """Whether the number still stands for the file that was opened."""
        if self.number == CLOSED:
            return False
        try:
            found = self._fstat(self.number)
        except OSError:
            return False
        return (found.st_ino, found.st_dev) == self.identity

    def close(self) -> None:
        """Close it, unless the number belongs to somebody else by now."""
        if self.is_ours():
            self._calls.close(self.number)
        self.number = CLOSED


class SystemCalls:
    """The functions that descriptors need, bound once."""

    __slots__ = ("_duplicate", "_limit", "close", "fstat", "open")

    def __init__(self) -> None:
        self.open: Callable[[str, int], int] = os.open
        self.close: Callable[[int], None] = os.close
        self.fstat: Callable[[int], os.stat_result] = os.fstat
        self._limit = _bind_limit()
        self._duplicate = _bind_duplicate()

    def most(self) -> int:
        """How many descriptors the process may have now."""
        return self._limit()

    def raise_number(self, low: int) -> int:
        """Move a descriptor up; gives the new number, or the old one where there is no room above."""
        limit = min(self._limit(), _HIGHEST)
        try:
            high = self._duplicate(low, limit - min(_ROOM, limit // 4))
        except OSError:
            return low
        if high != low:
            self.close(low)
        return high


class DescriptorSet:
    """All descriptors that the probes keep."""

    __slots__ = ("_calls", "_kept", "opened", "restorations")

    def __init__(self) -> None:
        self._calls = SystemCalls()
        self._kept: list[KeptDescriptor] = []
        self.opened = 0  # descriptors of the process that are ours
        self.restorations = 0

    def keep(self, path: str, flags: int = os.O_RDONLY) -> KeptDescriptor:
        """Open *path* for the session; raises ``OSError``."""
        if self._calls.most() < _FEW:
            raise OSError(errno.EMFILE, "the process may open too few files", path)
        kept = KeptDescriptor(path, flags, self._calls)
        self._kept.append(kept)
        self._count()
        return kept

    def drop(self, kept: KeptDescriptor) -> None:
        """Close one that turned out to be of no use."""
        kept.close()
        self._kept.remove(kept)
        self._count()

    @property
    def can_restore(self) -> bool:
        """Whether another restoration may be tried."""
        return self.restorations < _MOST_RESTORATIONS

    @property
    def lost(self) -> bool:
        """Whether one of them could not be opened again, and may be later."""
        return self.can_restore and any(kept.number == CLOSED for kept in self._kept)

    def restore(self) -> None:
        """Open again what is no longer ours; what cannot be opened stays closed."""
        gone = [kept for kept in self._kept if not kept.is_ours()]
        if gone and self.can_restore:
            self.restorations += 1
            self._open(gone)

    def renew(self) -> None:
        """Open everything again: after a fork the descriptors still show, and change, the parent."""
        for kept in self._kept:
            kept.close()
        self._open(self._kept)

    def close(self) -> None:
        """Close everything; may be called again."""
        for kept in self._kept:
            kept.close()
        self._kept.clear()
        self._count()

    def _open(self, some: Iterable[KeptDescriptor]) -> None:
        for kept in some:
            with suppress(OSError):
                kept.open()
        self._count()

    def _count(self) -> None:
        self.opened = sum(kept.number != CLOSED for kept in self._kept)


def _bind_limit() -> Callable[[], int]:
    if sys.platform == "win32":
        return lambda: 0
    limits, number = resource.getrlimit, resource.RLIMIT_NOFILE
    unlimited, highest = resource.RLIM_INFINITY, _HIGHEST

    def soft_limit() -> int:
        soft = limits(number)[0]
        return highest if soft == unlimited else soft

    return soft_limit


def _bind_duplicate() -> Callable[[int, int], int]:
    if sys.platform == "win32":
        return lambda low, _start: low
    control, command = fcntl.fcntl, fcntl.F_DUPFD_CLOEXEC

    def duplicate(low: int, start: int) -> int:
        return control(low, command, start)

    return duplicate
