"""Limit and usage of one control group, version 1 or 2.

Page cache counts as used in ``memory.current`` and ``memory.usage_in_bytes``, but the kernel takes it back before it
kills anybody: a suite that has read many files is not under pressure. So both lists of file pages are subtracted,
active ones as well; what shared memory and tmpfs hold lies in the lists of anonymous pages and stays counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pytest_memguard.probes.descriptor import DescriptorSet, KeptDescriptor
from pytest_memguard.probes.fields import number
from pytest_memguard.probes.limits.groups import Group
from pytest_memguard.probes.limits.values import NO_LIMIT

__all__ = ["GroupLimit", "open_group"]

_STAT_LENGTH = 16384
_NUMBER_LENGTH = 64
# Version 1 counts a group and those below it in the lines that begin with total_, version 2 in all of them.
_CACHE = {1: (b"total_inactive_file ", b"total_active_file "), 2: (b"inactive_file ", b"active_file ")}
_USAGE = {1: "memory.usage_in_bytes", 2: "memory.current"}
_LIMITS = {1: ("memory.limit_in_bytes",), 2: ("memory.max", "memory.high")}


class GroupLimit(NamedTuple):
    """One limit of a group: what people call it, bytes, and how to read what is used of it (may raise)."""

    source: str
    limit: int
    used: Callable[[], int]


class _GroupUsage:
    """Bytes that a group uses, without what the kernel can take back at once."""

    def __init__(self, usage: KeptDescriptor, stat: KeptDescriptor | None, version: int) -> None:
        self._usage = usage
        self._stat = stat
        self._cache = _CACHE[version]
        self._pread = os.pread

    def __call__(self) -> int:
        used = int(self._pread(self._usage.number, _NUMBER_LENGTH, 0))
        if self._stat is None:
            return used
        text = self._pread(self._stat.number, _STAT_LENGTH, 0)
        return max(0, used - sum(number(text, name) or 0 for name in self._cache))


def open_group(group: Group, descriptors: DescriptorSet) -> list[GroupLimit]:
    """The limits of *group* that can be read together with its usage; usually none, or one."""
    limits = list(_limits(group))
    if not limits:
        return []
    try:
        usage = descriptors.keep(os.path.join(group.folder, _USAGE[group.version]))
    except OSError:
        return []
    used = _GroupUsage(usage, _keep_stat(group, descriptors), group.version)
    try:
        used()
    except (OSError, ValueError):
        return []
    return [GroupLimit(source, limit, used) for source, limit in limits]


def _limits(group: Group) -> Iterator[tuple[str, int]]:
    for name in _LIMITS[group.version]:
        limit = _number(group, name)
        if limit is not None:
            yield f"cgroup v{group.version}" + (f" {name}" if name == "memory.high" else ""), limit
    # A version 1 container does not see the groups above its own, but the smallest limit among them.
    if group.version == 1 and group.top:
        hidden = number(_text(group, "memory.stat"), b"hierarchical_memory_limit ")
        if hidden is not None and hidden < (_number(group, _LIMITS[1][0]) or NO_LIMIT):
            yield "cgroup v1, a group above", hidden


def _number(group: Group, name: str) -> int | None:
    """The bytes in a file, ``None`` for none, "max" and whatever means "unlimited"."""
    try:
        found = int(_text(group, name))
    except ValueError:
        return None
    return found if 0 < found < NO_LIMIT else None


def _text(group: Group, name: str) -> bytes:
    try:
        with open(os.path.join(group.folder, name), "rb") as file:
            return file.read(_STAT_LENGTH)
    except OSError:
        return b""


def _keep_stat(group: Group, descriptors: DescriptorSet) -> KeptDescriptor | None:
    try:
        return descriptors.keep(os.path.join(group.folder, "memory.stat"))
    except OSError:
        return None
