"""What the kernel says about the process: resident and mapped bytes, and the exact peak of a stretch of time."""

from __future__ import annotations

import mmap
import os
import sys

import psutil

from pytest_memguard.probes.descriptor import DescriptorSet, KeptDescriptor
from pytest_memguard.probes.fields import number
from pytest_memguard.probes.reading import MISSING, Reading, UnavailableError

if sys.platform != "win32":
    import resource

Memory = tuple[int, int]

STATM_LENGTH = 64
_STATUS_LENGTH = 8192
# For the trial at the start: large enough to be told from the counters' own error (32 pages a core).
_TRIAL_BYTES = 4 << 20
# No file of a user can be written there by mistake: most file systems refuse it, pipes and sockets know no offsets,
# and clear_refs does not look at it.
NOWHERE = 1 << 62
# A mark that is no higher above the present size needs no reset: half of what the counters of one core may be off.
SLACK = 64 << 10


class Statm:
    """Resident and mapped bytes from ``/proc/self/statm``."""

    __slots__ = ("_pread", "kept", "page")

    def __init__(self, kept: KeptDescriptor) -> None:
        self.kept = kept
        self.page = os.sysconf("SC_PAGE_SIZE")
        self._pread = os.pread

    def __call__(self) -> Memory:
        """Both now."""
        fields = self._pread(self.kept.number, STATM_LENGTH, 0).split(None, 2)
        return int(fields[1]) * self.page, int(fields[0]) * self.page


def open_memory(descriptors: DescriptorSet) -> Reading[Memory]:
    """Resident and mapped bytes; raises ``UnavailableError``."""
    if sys.platform == "linux":
        try:
            statm = Statm(descriptors.keep("/proc/self/statm"))
            statm()
        except (OSError, ValueError, IndexError):
            pass  # no /proc, or none that is understood: psutil may know another way
        else:
            return Reading(statm, "/proc/self/statm")
    return _psutil_memory()


def _psutil_memory() -> Reading[Memory]:
    try:
        info = psutil.Process().memory_info
        info()
    except (psutil.Error, OSError) as error:
        raise UnavailableError(f"psutil cannot read the process: {error}") from error

    def read() -> Memory:
        found = info()
        return found.rss, found.vms

    return Reading(read, "psutil.Process.memory_info")


class ExactPeak:
    """The highest resident size since the last ``reset``, in bytes.

    Writing 5 to ``/proc/self/clear_refs`` sets the kernel's high-water mark (``VmHWM``) back to the present size.
    ``ru_maxrss`` is that mark too and six times cheaper to read than ``/proc/self/status``, but never reads less than
    the peak of the image that ran before ``exec``: the child of a 400 MB parent reads 400 MB for ever. That floor is
    constant and not above any value that ``ru_maxrss`` ever gave, so whatever is above the smallest value seen is
    the mark; for the rest the status file is read.

    Since Linux 6.2 the mark lags by up to 32 pages a core (the counters are per core), while ``statm`` does not:
    take the larger of this and the resident size, which is what ``VmHWM`` in the status file shows. A mark within
    ``SLACK`` of the present size need not be reset: the next stretch is then told at most that much too high.
    """

    __slots__ = ("_calls", "_descriptors", "_status", "clear", "floor", "fresh", "whose")

    def __init__(self, descriptors: DescriptorSet) -> None:
        self._descriptors = descriptors
        self.whose = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)  # same mark, no walk over all threads
        self._calls = (resource.getrusage, os.pread, os.pwrite)
        self.clear = descriptors.keep("/proc/self/clear_refs", os.O_WRONLY)
        self._status = descriptors.keep("/proc/self/status")
        self.fresh = False  # whether the last reset worked
        self.reset()
        self.floor: int = resource.getrusage(self.whose).ru_maxrss  # in KiB

    def read(self) -> int:
        """The mark in bytes, ``MISSING`` after a reset that failed; raises ``OSError`` or ``ValueError``."""
        if not self.fresh:
            return MISSING
        kib = self._calls[0](self.whose)[2]
        return kib * 1024 if kib > self.floor else self.read_status(kib)

    def read_status(self, kib: int) -> int:
        """The mark in bytes where *kib* of ``ru_maxrss`` may be the floor."""
        self.floor = kib
        return self._status_kib() * 1024

    def reset(self) -> None:
        """Start a new stretch; raises ``OSError``. The number may be a user's file by now: never write to that."""
        self.fresh = False
        if not self.clear.is_ours():
            raise OSError("the descriptor of clear_refs was closed by somebody else")
        self._calls[2](self.clear.number, b"5", NOWHERE)
        self.fresh = True

    def prove(self) -> None:
        """Raise ``UnavailableError`` where a reset has no effect (a kernel or sandbox that only pretends)."""
        with mmap.mmap(-1, _TRIAL_BYTES) as trial:  # not malloc: freeing a large chunk changes its thresholds
            for offset in range(0, _TRIAL_BYTES, mmap.PAGESIZE):
                trial[offset] = 1
        before = self._status_kib()
        self.reset()
        if (before - self._status_kib()) * 1024 < _TRIAL_BYTES // 2:
            raise UnavailableError("a write to /proc/self/clear_refs does not reset the peak")

    def _status_kib(self) -> int:
        text = self._calls[1](self._status.number, _STATUS_LENGTH, 0)
        found = number(text, b"VmHWM:")
        if found is None:
            raise ValueError("/proc/self/status shows no VmHWM")
        return found

    def close(self) -> None:
        """Give the descriptors back."""
        self._descriptors.drop(self.clear)
        self._descriptors.drop(self._status)


def open_peak(descriptors: DescriptorSet) -> ExactPeak:
    """The exact peak; raises ``UnavailableError`` with the reason."""
    if sys.platform != "linux":
        raise UnavailableError(f"{sys.platform} has no peak that can be reset")
    try:
        peak = ExactPeak(descriptors)
    except OSError as error:
        raise UnavailableError(f"/proc/self/clear_refs: {error.strerror or error}") from error
    try:
        peak.prove()
    except (OSError, ValueError, UnavailableError) as error:
        peak.close()
        raise UnavailableError(str(error)) from error
    return peak
