"""Which process a recording is of, and whether that still runs: numbers of processes are given out again."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from pytest_memguard.values import dataclass

if sys.platform != "win32":
    import fcntl

__all__ = ["ProcessIdentity", "is_running", "own_identity"]

_STATE = 0
_START_TIME = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """One process of one boot of one machine. ``start`` is in the kernel's ticks since then.

    ``boot`` and ``namespace`` say where ``pid`` means anything; they are empty where the system does not tell.
    """

    pid: int
    start: int
    boot: str
    namespace: str

    def to_json(self) -> dict[str, Any]:
        """Exact builtins."""
        return {"pid": self.pid, "start": self.start, "boot": self.boot, "namespace": self.namespace}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ProcessIdentity:
        """What ``to_json`` gave; whatever is missing or of another type is 0 or empty."""
        pid, start, boot, namespace = (data.get(key) for key in ("pid", "start", "boot", "namespace"))
        return cls(
            pid=pid if isinstance(pid, int) else 0,
            start=start if isinstance(start, int) else 0,
            boot=boot if isinstance(boot, str) else "",
            namespace=namespace if isinstance(namespace, str) else "",
        )


def own_identity(root: str = "/") -> ProcessIdentity:
    """This process; *root* is where ``proc`` is looked for."""
    pid = os.getpid()
    _, start = _status(pid, root) or ("", 0)
    return ProcessIdentity(pid=pid, start=start, boot=_boot(root), namespace=_namespace(root))


def is_running(process: ProcessIdentity, file: str, root: str = "/") -> bool:
    """Whether *process*, which has mapped *file*, still runs.

    Its number tells where it means the same here as there; elsewhere (another container with this folder) the lock
    on the file does, where its file system has such locks.
    """
    if process.boot != _boot(root) or process.namespace != _namespace(root):
        return _is_locked(file)
    found = _status(process.pid, root)
    if found is None:
        return not process.boot and _exists(process.pid)  # a system without /proc
    state, start = found
    return start == process.start and state not in "ZXx"


def _status(pid: int, root: str) -> tuple[str, int] | None:
    """State and start time; the name of the program, before them, may hold anything. See proc(5)."""
    fields = _text(os.path.join(root, f"proc/{pid}/stat")).rpartition(")")[2].split()
    try:
        return fields[_STATE], int(fields[_START_TIME])
    except (IndexError, ValueError):
        return None


def _boot(root: str) -> str:
    return _text(os.path.join(root, "proc/sys/kernel/random/boot_id")).strip()


def _namespace(root: str) -> str:
    try:
        return os.readlink(os.path.join(root, "proc/self/ns/pid"))
    except OSError:
        return ""


def _exists(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_locked(file: str) -> bool:
    if sys.platform == "win32":
        return False
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return ""
