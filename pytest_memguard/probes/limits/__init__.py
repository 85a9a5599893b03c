"""How much memory may be used, and how much of it is: every limit that applies, each with the usage of its own scope.

Configured, cgroup version 2 and 1 with every group above that is visible, ``RLIMIT_AS`` and ``RLIMIT_DATA``, and what
the machine has. The smallest is the limit of the run; the one that most of is used is what presses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.limits.cgroup import open_group
from pytest_memguard.probes.limits.groups import groups_of_process
from pytest_memguard.probes.limits.machine import open_machine
from pytest_memguard.probes.limits.process import CONFIGURED, Ask, open_memory, open_rlimits
from pytest_memguard.probes.limits.values import NO_LIMIT, ProcessMemory, Scope, Usage

__all__ = ["CONFIGURED", "FILL_RATE", "Limits", "ProcessMemory", "Reading", "Scope", "Usage", "open_limits"]

_T = TypeVar("_T")

# Bytes a second that a process can fill: where pages are huge, a core of today's machines writes about half of it.
FILL_RATE = 8 << 30
_SHORTEST_S = 0.005
_LONGEST_S = 30.0
# A process that holds less than this part of a machine's memory is not what fills it.
_PART_OF_MACHINE = 10


class Reading(NamedTuple):
    """All limits at one moment. ``memory`` is None where the process cannot be read.

    ``wait_s``: how long it takes at least until one of the limits can have been reached.
    """

    memory: ProcessMemory | None
    usages: tuple[Usage, ...]
    wait_s: float


class _Shared:
    """A limit that others use up, too: read again only when its headroom may be gone."""

    def __init__(self, source: str, read: Callable[[], tuple[int, int]], scope: Scope) -> None:
        self.source = source
        self.scope: Scope = scope
        self.read = read
        self.due = 0.0
        self.limit = self.used = 0


class Limits:
    """Open limits; released by ``close``. For one thread at a time."""

    def __init__(self, *, configured: int | None, workers: int, root: str, ask: Ask | None) -> None:
        self._descriptors = DescriptorSet()
        self._configured = configured
        self._workers = workers
        self._memory = open_memory(self._descriptors, root)
        self._rlimits = open_rlimits(ask)
        self._shared: list[_Shared] = []
        machine = open_machine(self._descriptors, root)
        total = machine()[0] if machine is not None else NO_LIMIT
        for group in groups_of_process(root):
            for found in open_group(group, self._descriptors):
                if found.limit < total:  # a group that may have more than there is has no limit
                    self._shared.append(_Shared(found.source, _fixed(found.limit, found.used), "group"))
        if machine is not None:
            self._shared.append(_Shared("physical", machine, "machine"))

    @property
    def memory(self) -> ProcessMemory | None:
        """This process now."""
        return self._careful(self._memory)

    def read(self, now: float, *, fresh: bool = False) -> Reading:
        """Every limit with its usage; *now* by any clock in seconds, always the same one. Never raises.

        What others use up as well is read only when it can have changed enough to matter, or when *fresh*.
        """
        memory = self.memory
        usages = self._of_process(memory) if memory is not None else []
        for entry in self._shared:
            if fresh or now >= entry.due:
                self._renew(entry, now)
            if entry.limit > 0:
                usages.append(self._usage(entry, memory))
        wait_s = min((_seconds(usage) for usage in usages), default=_LONGEST_S)
        return Reading(memory, tuple(usages), wait_s)

    def smallest(self) -> Usage | None:
        """The limit of the run: the smallest that applies; ``None`` where nobody says anything."""
        return min(self.read(0.0, fresh=True).usages, key=lambda usage: usage.limit, default=None)

    def close(self) -> None:
        """Give the descriptors back."""
        self._shared.clear()
        self._descriptors.close()

    def _of_process(self, memory: ProcessMemory) -> list[Usage]:
        usages = list(self._rlimits(memory))
        if self._configured is not None:
            usages.append(Usage(CONFIGURED, self._configured, memory.rss, "process"))
        return usages

    def _renew(self, entry: _Shared, now: float) -> None:
        found = self._careful(entry.read)
        if found is not None:
            entry.limit, entry.used = found
        headroom = max(0, entry.limit - entry.used)
        entry.due = now + min(max(headroom / FILL_RATE, _SHORTEST_S), _LONGEST_S)

    def _usage(self, entry: _Shared, memory: ProcessMemory | None) -> Usage:
        rss = memory.rss if memory is not None else entry.limit
        if entry.scope == "machine":
            ours = rss * _PART_OF_MACHINE * self._workers >= entry.limit
        else:
            # Half of the mean share: one of the workers always has more, and one with next to nothing cannot help.
            ours = self._workers == 1 or rss * 2 * (self._workers + 1) >= entry.used
        return Usage(entry.source, entry.limit, entry.used, entry.scope, ours)

    def _careful(self, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except Exception:  # noqa: BLE001 - below lies what tests close, replace and exhaust
            self._descriptors.restore()
        try:
            return read()
        except Exception:  # noqa: BLE001 - not readable now, and perhaps at the next reading
            return None


def open_limits(*, configured: int | None = None, workers: int = 1, root: str = "/", ask: Ask | None = None) -> Limits:
    """Find every limit; never raises for one that cannot be read.

    *configured*: bytes that this process may have resident, set by the user. *workers*: how many processes share the
    limits of group and machine. *root*: where ``proc`` and the mounts of ``proc/self/mountinfo`` are looked for; *ask*:
    what to ask for soft limits, if not ``resource.getrlimit``.
    """
    return Limits(configured=configured, workers=workers, root=root, ask=ask)


def _fixed(limit: int, used: Callable[[], int]) -> Callable[[], tuple[int, int]]:
    return lambda: (limit, used())


def _seconds(usage: Usage) -> float:
    return max(usage.headroom / FILL_RATE, _SHORTEST_S)
