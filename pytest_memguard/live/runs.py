"""The list of live runs: a small file beside each socket says whose it is, so that nobody has to be asked for that."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from pytest_memguard.live.folder import Folder, FolderError, socket_name
from pytest_memguard.values import dataclass

__all__ = ["Entry", "announce", "entries", "is_alive", "sweep", "withdraw"]

_SUFFIX = ".json"
_LONGEST = 8192
_OWNER_ONLY = 0o600
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One process that can be asked. ``run`` is the same for all processes of a run.

    ``controller``: the number of the process that has started the workers, or of this one; ``started`` is ISO 8601.
    """

    pid: int
    run: str
    controller: int
    worker: str
    directory: str
    started: str
    version: str


def announce(folder: Folder, entry: Entry) -> None:
    """Write the file of a process; raises ``OSError`` and ``FolderError``."""
    name = _name(entry.pid)
    part = f"{entry.pid}.part"
    with folder.opened() as number:
        for left in (part, name):
            with suppress(FileNotFoundError):
                os.unlink(left, dir_fd=number)
        written = os.open(part, _WRITE, _OWNER_ONLY, dir_fd=number)
        try:
            os.write(written, json.dumps(asdict(entry)).encode())
        finally:
            os.close(written)
        os.rename(part, name, src_dir_fd=number, dst_dir_fd=number)


def withdraw(folder: Folder, pid: int) -> None:
    """Take the file of a process away, and the folder with the last one."""
    with suppress(OSError, FolderError), folder.opened() as number:
        os.unlink(_name(pid), dir_fd=number)
    folder.remove()


def entries(folder: Folder) -> list[Entry]:
    """Every process that is alive, those first that are longest there; raises ``FolderError``.

    What processes have left that are gone is taken away.
    """
    found = []
    with folder.opened() as number:
        names = _swept(number)
        for name in names:
            entry = _read(number, name)
            if entry is not None and socket_name(entry.pid) in names:
                found.append(entry)
    return sorted(found, key=lambda entry: (entry.started, entry.run, entry.worker, entry.pid))


def sweep(folder: Folder) -> None:
    """Take away what processes have left that are gone; raises ``FolderError`` and ``OSError``."""
    with folder.opened() as number:
        _swept(number)


def _name(pid: int) -> str:
    return f"{pid}{_SUFFIX}"


def _swept(number: int) -> set[str]:
    """The names that are left; every one of ours begins with the number of its process."""
    left = set()
    alive: dict[str, bool] = {}
    for name in os.listdir(number):
        digits = name.partition(".")[0].partition("-")[0]
        if digits not in alive:
            known = digits.isascii() and digits.isdigit()
            # By its number alone a process in another container that shares the folder would be taken for dead.
            alive[digits] = not known or is_alive(int(digits[:10])) or Folder.accepts(number, f"{digits}.sock")
        if alive[digits] or (name.endswith(".ask") and Folder.accepts(number, name)):
            left.add(name)
            continue
        with suppress(OSError):
            os.unlink(name, dir_fd=number)
    return left


def is_alive(pid: int) -> bool:
    """Whether there is a process with that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _read(folder: int, name: str) -> Entry | None:
    """What a file says, ``None`` for anything but a whole one of a process with that number."""
    if not name.endswith(_SUFFIX):
        return None
    try:
        number = os.open(name, _READ, dir_fd=folder)
    except OSError:
        return None
    try:
        values: Any = json.loads(os.read(number, _LONGEST))
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(number)
    return _entry(values, name)


def _entry(values: Any, name: str) -> Entry | None:
    texts: Sequence[str] = ("run", "worker", "directory", "started", "version")
    numbers: Sequence[str] = ("pid", "controller")
    if not isinstance(values, dict):
        return None
    kinds = {**dict.fromkeys(texts, str), **dict.fromkeys(numbers, int)}
    if any(type(values.get(key)) is not kind for key, kind in kinds.items()) or _name(values["pid"]) != name:
        return None
    return Entry(**{key: values[key] for key in (*texts, *numbers)})
