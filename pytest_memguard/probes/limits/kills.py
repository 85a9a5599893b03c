"""How often the kernel has run out of memory here: counters to compare at the beginning of a run and after it.

Version 2 groups count in ``memory.events`` (``oom_kill``: processes killed; ``max``: how often usage was about to go
over the limit), version 1 in ``memory.oom_control`` and ``memory.failcnt``, the machine in ``/proc/vmstat``. See
cgroup-v2 and cgroup-v1 of the kernel's documentation.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_memguard.probes.fields import number
from pytest_memguard.probes.limits.groups import Group, groups_of_process

__all__ = ["KillCounts", "kill_counts"]

_LONGEST = 1 << 16
_KILLS = b"oom_kill "
_HITS = b"max "


class KillCounts(NamedTuple):
    """The counters at one moment, ``None`` for what does not count.

    ``boot`` and ``group`` say whose they are: those of another start of the machine, or of another control group, are
    not comparable. ``kills`` are those of processes of the group, ``hits`` how often its limit was reached,
    ``machine_kills`` those of the whole machine.
    """

    boot: str = ""
    group: str = ""
    kills: int | None = None
    hits: int | None = None
    machine_kills: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Exact builtins."""
        return self._asdict()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KillCounts:
        """What ``to_json`` gave; whatever is missing or of another type is not known."""
        boot, group = (found if isinstance(found := data.get(key), str) else "" for key in ("boot", "group"))
        kills, hits, machine_kills = (_whole(data.get(key)) for key in ("kills", "hits", "machine_kills"))
        return cls(boot, group, kills, hits, machine_kills)


def kill_counts(root: str = "/") -> KillCounts:
    """The counters of the group that this process is in, and of the machine; *root* is where files are looked for."""
    machine_kills = _found(_KILLS, os.path.join(root, "proc/vmstat"))
    boot = _boot(root)
    for group in groups_of_process(root):
        kills, hits = _counts(group)
        if kills is not None:
            return KillCounts(boot, _name(group), kills, hits, machine_kills)
    return KillCounts(boot, machine_kills=machine_kills)


def _counts(group: Group) -> tuple[int | None, int | None]:
    folder = group.folder
    if group.version == 1:
        kills = _found(_KILLS, os.path.join(folder, "memory.oom_control"))
        return kills, _found(b"", os.path.join(folder, "memory.failcnt"))
    events = os.path.join(folder, "memory.events")
    return _found(_KILLS, events), _found(_HITS, events)


def _name(group: Group) -> str:
    """The folder and its number, which another group of that name does not have."""
    try:
        return f"{group.folder}:{os.stat(group.folder).st_ino}"
    except OSError:
        return group.folder


def _boot(root: str) -> str:
    try:
        with open(os.path.join(root, "proc/sys/kernel/random/boot_id"), encoding="ascii", errors="replace") as file:
            return file.read(_LONGEST).strip()
    except OSError:
        return ""


def _found(name: bytes, path: str) -> int | None:
    try:
        with open(path, "rb") as file:
            return number(file.read(_LONGEST), name)
    except OSError:
        return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
