"""What a process holds besides memory: file descriptors and threads."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from collections.abc import Callable

import psutil

from pytest_memguard.probes.descriptor import DescriptorSet, KeptDescriptor
from pytest_memguard.probes.reading import Reading, UnavailableError

_FOLDER = "/proc/self/fd"


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
