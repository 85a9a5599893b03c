"""What a process holds besides memory: file descriptors, threads and child processes."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from collections.abc import Callable, Sequence

import psutil

if sys.platform != "win32":
    import resource

from pytest_memguard.probes.descriptor import DescriptorSet, KeptDescriptor
from pytest_memguard.probes.reading import Reading, UnavailableError

_FOLDER = "/proc/self/fd"
_TASKS = "/proc/self/task"
_PIECE = 1 << 16


def open_fds(descriptors: DescriptorSet) -> Reading[int]:
    """Open descriptors of the process without the probes' own; raises ``UnavailableError``."""
    if sys.platform == "linux":
        try:
            return _from_proc(descriptors)
        except OSError:
            pass  # no /proc: psutil may know another way
    name = "num_handles" if sys.platform == "win32" else "num_fds"
    try:
        read: Callable[[], int] = getattr(psutil.Process(), name)
        read()
    except (psutil.Error, OSError) as error:
        raise UnavailableError(f"psutil cannot count descriptors: {error}") from error
    return Reading(read, f"psutil.Process.{name}")


def _from_proc(descriptors: DescriptorSet) -> Reading[int]:
    kept = descriptors.keep(_FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    fstat = os.fstat
    # From Linux 6.2 on the size of the folder is the number of descriptors; before, it is 0. Listing opens one more.
    if fstat(kept.number).st_size == len(os.listdir(_FOLDER)) - 1:
        return Reading(FolderSize(kept, descriptors), "size of /proc/self/fd")
    descriptors.drop(kept)
    return Reading(_by_listing(descriptors), "entries of /proc/self/fd")


class FolderSize:
    """Open descriptors, without the probes' own, from the size of a folder of ``/proc``."""

    __slots__ = ("_descriptors", "_fstat", "kept")

    def __init__(self, kept: KeptDescriptor, descriptors: DescriptorSet) -> None:
        self.kept = kept
        self._descriptors = descriptors
        self._fstat = os.fstat

    def __call__(self) -> int:
        """The number now."""
        return self._fstat(self.kept.number).st_size - self._descriptors.opened


def _by_listing(descriptors: DescriptorSet) -> Callable[[], int]:
    listdir = os.listdir

    def read() -> int:
        return len(listdir(_FOLDER)) - 1 - descriptors.opened

    return read


class ThreadTables:
    """Python threads that are alive or starting, from the tables of ``threading``."""

    __slots__ = ("active", "starting")

    def __init__(self, active: dict[object, object], starting: dict[object, object]) -> None:
        self.active = active
        self.starting = starting

    def __call__(self) -> int:
        """The number now."""
        return len(self.active) + len(self.starting)


def open_threads() -> Reading[int]:
    """Python threads that are alive, the main one included.

    ``threading.active_count`` takes a lock and can be replaced by a test; the two tables behind it cannot be, and
    unlike the kernel's list of tasks they are up to date when ``join`` returns.
    """
    active, starting = getattr(threading, "_active", None), getattr(threading, "_limbo", None)
    if isinstance(active, dict) and isinstance(starting, dict):
        return Reading(ThreadTables(active, starting), "threading")
    count = _thread._count  # noqa: SLF001 - the only other count without a lock
    return Reading(lambda: count() + 1, "_thread")


def open_children() -> Reading[Sequence[int]]:
    """Numbers of the direct child processes, those that nobody has waited for yet included."""
    if os.path.exists(f"{_TASKS}/{os.getpid()}/children"):
        return Reading(_children_of_tasks, "/proc/self/task/*/children")
    return Reading(_children_by_psutil, "psutil.Process.children")


def _children_of_tasks(
    *,
    listdir: Callable[[str], list[str]] = os.listdir,
    open_file: Callable[[str, int], int] = os.open,
    read: Callable[[int, int], bytes] = os.read,
    close: Callable[[int], None] = os.close,
) -> Sequence[int]:
    """Each thread of Linux has the children that it has started."""
    found: list[int] = []
    for task in listdir(_TASKS):
        text = b""
        try:
            number = open_file(f"{_TASKS}/{task}/children", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # the thread has ended, or there is no descriptor left
            continue
        try:
            while piece := read(number, _PIECE):
                text += piece
        except OSError:
            continue
        finally:
            close(number)
        found.extend(map(int, text.split()))
    return found


def _children_by_psutil() -> Sequence[int]:
    try:
        return [child.pid for child in psutil.Process().children()]
    except (psutil.Error, OSError):
        return []


def share_of_descriptors(count: Callable[[], int | None]) -> Callable[[], float]:
    """Says how many of the descriptors that the process may open are open, as a share of all."""
    if sys.platform == "win32":
        return lambda: 0.0
    limits, number, unlimited = resource.getrlimit, resource.RLIMIT_NOFILE, resource.RLIM_INFINITY

    def share() -> float:
        soft = limits(number)[0]
        return 0.0 if soft in (unlimited, 0) else (count() or 0) / soft

    return share
