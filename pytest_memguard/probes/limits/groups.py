"""Which control groups the process is in, and in which folders of this file system they are shown.

``/proc/self/cgroup`` has the group's path as the host (or the cgroup namespace) sees it, ``/proc/self/mountinfo``
which part of that tree is mounted where: inside a container the mount usually starts at the container's own group.
See cgroups(7) and proc(5).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["Group", "groups_of_process"]

_ESCAPED = r"\\([0-7]{3})"
_UNSHOWN = ".."


class Group(NamedTuple):
    """The folder of one group that the process counts in: its own, or one above it. *top*: none above is visible."""

    folder: str
    version: Literal[1, 2]
    top: bool = False


class _Mount(NamedTuple):
    root: str
    point: str
    version: Literal[1, 2]


def groups_of_process(root: str = "/") -> list[Group]:
    """Every visible group of this process that may limit memory, its own before those above it.

    *root* is where ``proc`` and ``sys`` are looked for. A system without groups, or one that does not show them, gives
    an empty list.
    """
    membership = dict(_membership(root))
    found: dict[str, Group] = {}
    for mount in _mounts(root):
        path = membership.get(mount.version)
        if path is not None:
            for folder in _folders(root, mount, path):
                top = folder == _under(root, mount.point)
                found.setdefault(folder, Group(folder, mount.version, top))
    return list(found.values())


def _membership(root: str) -> Iterator[tuple[Literal[1, 2], str]]:
    for line in _lines(root, "proc/self/cgroup"):
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if "memory" in controllers.split(","):
            yield 1, path
        elif line.startswith("0::"):
            yield 2, path


def _mounts(root: str) -> Iterator[_Mount]:
    for line in _lines(root, "proc/self/mountinfo"):
        about, _, system = line.partition(" - ")
        fields, kind = about.split(" "), system.split(" ")
        if len(fields) < 5 or len(kind) < 3:  # noqa: PLR2004 - the fields that are read below
            continue
        version = _version(kind[0], kind[2])
        if version is not None:
            yield _Mount(_plain(fields[3]), _plain(fields[4]), version)


def _version(system: str, options: str) -> Literal[1, 2] | None:
    if system == "cgroup2":
        return 2
    return 1 if system == "cgroup" and "memory" in options.split(",") else None


def _folders(root: str, mount: _Mount, path: str) -> Iterator[str]:
    """The process's own folder first, then upwards to the mount point."""
    point = _under(root, mount.point)
    parts = _below(path, mount.root)
    if not os.path.isdir(os.path.join(point, *parts)):
        parts = []  # the tree that is shown here begins at a group of which only this process's namespace knows
    for length in range(len(parts), 0, -1):
        yield os.path.join(point, *parts[:length])
    yield point


def _below(path: str, top: str) -> list[str]:
    """The parts of *path* below *top*; none where it does not lie below, or leads out of what is shown."""
    parts, above = _parts(path), _parts(top)
    if parts[: len(above)] != above or _UNSHOWN in parts:
        return []
    return parts[len(above) :]


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _under(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))


def _plain(text: str) -> str:
    """*text* with the kernel's octal escapes (blank, tab, newline, backslash) undone."""
    return re.sub(_ESCAPED, lambda match: chr(int(match[1], 8)), text) if "\\" in text else text


def _lines(root: str, path: str) -> list[str]:
    try:
        with open(os.path.join(root, path), encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []
