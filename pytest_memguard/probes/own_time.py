"""A clock that stands still while this process waits for a processor.

What gets a third of a second on a quiet machine gets as much on a busy one then: evidence that is given by time must
not be weaker there. It goes on while the process sleeps or waits for others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress

from pytest_memguard.probes.descriptor import DescriptorSet

__all__ = ["open_own_time"]

_LENGTH = 64


def open_own_time(
    descriptors: DescriptorSet, *, clock: Callable[[], float] = time.perf_counter, root: str = "/"
) -> Callable[[], float]:
    """Seconds by *clock* without the waiting of the main thread; *clock* itself where the kernel does not count that.

    The kernel's count has nanoseconds (Documentation/scheduler/sched-stats.rst of Linux, ``schedstat``: time on the
    processor, time waiting for one, turns). Never raises; never goes back.
    """
    try:
        kept = descriptors.keep(os.path.join(root, "proc/self/schedstat"))
    except OSError:
        return clock
    pread = os.pread
    known = [0]

    def read() -> float:
        with suppress(Exception):  # below lies what tests close, replace and exhaust
            known[0] = max(known[0], int(pread(kept.number, _LENGTH, 0).split()[1]))
        return clock() - known[0] / 1e9

    return read
