"""The reading at a test boundary where everything is there: one flat function, because calls are what it costs.

Measured inside a running suite, where nothing is warm, each Python call and each object costs several times what it
costs in a loop.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from pytest_memguard.probes.descriptor import DescriptorSet
from pytest_memguard.probes.process import NOWHERE, SLACK, STATM_LENGTH, ExactPeak, Statm
from pytest_memguard.probes.reading import MISSING
from pytest_memguard.probes.resources import FolderSize, ThreadTables
from pytest_memguard.probes.thrift import Thrift

if sys.platform != "win32":
    import resource

Raw = tuple[int, int, int, int, int, int, int]


class Calls:
    """The functions of a reading, bound once: it may have to be built again while a test has replaced them."""

    __slots__ = ("fstat", "getpid", "getrusage", "pread", "pwrite")

    def __init__(self) -> None:
        self.getpid, self.fstat = os.getpid, os.fstat
        if sys.platform != "win32":
            self.getrusage, self.pread, self.pwrite = resource.getrusage, os.pread, os.pwrite


def flat_reader(
    statm: Statm,
    peak: ExactPeak,
    folder: FolderSize,
    threads: ThreadTables,
    *,
    calls: Calls,
    thrift: Thrift,
    descriptors: DescriptorSet,
    otherwise: Callable[[], Raw],
) -> Callable[[], Raw]:
    """A function that reads rss, vms, heap, blocks, fds, threads and peak, and starts a new stretch for the peak.

    Numbers of descriptors are those of now: build it again when they change. *otherwise* takes over after a fork,
    when a descriptor is no longer ours, and when anything raises.
    """
    getpid, getrusage, pread, pwrite, fstat = calls.getpid, calls.getrusage, calls.pread, calls.pwrite, calls.fstat
    pid, whose, page = getpid(), peak.whose, statm.page
    statm_number, clear_number, folder_number = statm.kept.number, peak.clear.number, folder.kept.number
    clear_node, clear_device = peak.clear.identity
    folder_node, folder_device = folder.kept.identity
    own = descriptors.opened
    active, starting = threads.active, threads.starting

    def read() -> Raw:
        if getpid() != pid:
            return otherwise()
        try:
            kib = getrusage(whose)[2]
            mark = kib * 1024 if kib > peak.floor else peak.read_status(kib)
            fields = pread(statm_number, STATM_LENGTH, 0).split(None, 2)
            rss = int(fields[1]) * page
            if mark < rss:  # noqa: PLR1730 - a call less
                mark = rss  # the mark lags behind on kernels that count per core
            thrift.left -= 1
            if thrift.left > 0:
                heap, blocks = thrift.heap, thrift.blocks
                found_heap = MISSING if heap is None else heap()
                found_blocks = MISSING if blocks is None else blocks()
            else:
                found_heap, found_blocks = thrift.weigh()
            folder_now = fstat(folder_number)
            if folder_now.st_ino != folder_node or folder_now.st_dev != folder_device:
                return otherwise()  # a file of the user by now, and so may be the others
            fds = folder_now.st_size - own
            found = (rss, int(fields[0]) * page, found_heap, found_blocks, fds, len(active) + len(starting), mark)
            if mark - rss > SLACK:
                clear = fstat(clear_number)
                if clear.st_ino != clear_node or clear.st_dev != clear_device:
                    return otherwise()  # never write to a file of the user
                pwrite(clear_number, b"5", NOWHERE)
        except Exception:  # noqa: BLE001 - below lies what tests close, replace and exhaust
            return otherwise()
        return found

    return read
