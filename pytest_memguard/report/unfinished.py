"""Files that reports are written to before they get their name, and those that a killed process has left of them."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import sys
import time

if sys.platform != "win32":
    import fcntl

__all__ = ["lock", "name", "sweep"]

_NAME = re.compile(r"\.memguard-(\d{1,10})-[0-9a-f]{16}\.tmp")
# Another process that has just made one may not have locked it yet.
_YOUNG_S = 60.0


def name() -> str:
    """A name of this process's own; it does not grow with that of the report, which may be as long as names can be."""
    return f".memguard-{os.getpid()}-{secrets.token_hex(8)}.tmp"


def lock(descriptor: int) -> None:
    """Hold the file as long as it is open: a number says nothing to a process of another container."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # not every file system has locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sweep(folder: str) -> None:
    """Remove what processes that are gone have left in *folder*: files of ours and of this user, held by nobody."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        for entry in os.listdir(folder):
            found = _NAME.fullmatch(entry)
            if found is not None and not _is_running(int(found[1])):
                _remove(os.path.join(folder, entry))


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
                return
            if time.time() - facts.st_mtime < _YOUNG_S:
                return
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # refused while somebody writes it
            os.unlink(path)
        finally:
            os.close(descriptor)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return pid > 0
