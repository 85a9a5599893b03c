"""Limits of the process itself: what is configured, ``RLIMIT_AS`` and ``RLIMIT_DATA``, against what it has now."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import psutil

from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.limits.values import NO_LIMIT, ProcessMemory, Usage

if sys.platform != "win32":
    import resource

__all__ = ["CONFIGURED", "Ask", "open_memory", "open_rlimits"]

Ask = Callable[[int], tuple[int, int]]

CONFIGURED = "memory.limit"
_STATM_LENGTH = 96
_STATM_DATA = 5


def open_memory(descriptors: DescriptorSet, root: str = "/") -> Callable[[], ProcessMemory]:
    """A reading of this process's memory; it may raise."""
    try:
        kept = descriptors.keep(os.path.join(root, "proc/self/statm"))
    except OSError:
        return _psutil_memory
    pread, page = os.pread, os.sysconf("SC_PAGE_SIZE")

    def read() -> ProcessMemory:
        fields = pread(kept.number, _STATM_LENGTH, 0).split()
        return ProcessMemory(int(fields[1]) * page, int(fields[0]) * page, int(fields[_STATM_DATA]) * page)

    return read


def _psutil_memory() -> ProcessMemory:
    found = psutil.Process().memory_info()
    return ProcessMemory(found.rss, found.vms, found.vms)


def open_rlimits(ask: Ask | None = None) -> Callable[[ProcessMemory], Iterator[Usage]]:
    """What is used of the soft limits that are set; they are asked for each time, since a test may set them.

    *ask* takes the place of ``resource.getrlimit``. The kernel compares ``RLIMIT_DATA`` with the private writable
    mappings; ``statm`` adds the stack to them.
    """
    if sys.platform == "win32":
        return lambda _memory: iter(())
    asked, space, data = ask or resource.getrlimit, resource.RLIMIT_AS, resource.RLIMIT_DATA

    def used(memory: ProcessMemory) -> Iterator[Usage]:
        limit = asked(space)[0]
        if 0 < limit < NO_LIMIT:
            yield Usage("RLIMIT_AS", limit, memory.vms, "process")
        limit = asked(data)[0]
        if 0 < limit < NO_LIMIT:
            yield Usage("RLIMIT_DATA", limit, memory.data, "process")

    return used
