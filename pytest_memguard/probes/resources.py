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
        return Reading(_by_size(kept, fstat, descriptors), "size of /proc/self/fd")
    descriptors.drop(kept)
    return Reading(_by_listing(descriptors), "entries of /proc/self/fd")


def _by_size(
    kept: KeptDescriptor, fstat: Callable[[int], os.stat_result], descriptors: DescriptorSet
) -> Callable[[], int]:
    def read() -> int:
        return fstat(kept.number).st_size - descriptors.opened

    return read


def _by_listing(descriptors: DescriptorSet) -> Callable[[], int]:
    listdir = os.listdir

    def read() -> int:
        return len(listdir(_FOLDER)) - 1 - descriptors.opened

    return read


def open_threads() -> Reading[int]:
    """Python threads that are alive, the main one included.

    ``threading.active_count`` takes a lock and can be replaced by a test; the two tables behind it cannot be, and
    unlike the kernel's list of tasks they are up to date when ``join`` returns.
    """
    active, starting = getattr(threading, "_active", None), getattr(threading, "_limbo", None)
    if isinstance(active, dict) and isinstance(starting, dict):
        return Reading(lambda: len(active) + len(starting), "threading")
    count = _thread._count  # noqa: SLF001 - the only other count without a lock
    return Reading(lambda: count() + 1, "_thread")
