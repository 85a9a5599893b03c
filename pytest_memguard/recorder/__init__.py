"""The flight recorder: the last tests with their memory, in a file that survives the process.

A test costs two writes of some hundred bytes into mapped memory. Each takes about a microsecond, no descriptor is
open, and nothing that tests replace is called. A child of the process writes nothing.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from pytest_memguard.recorder.layout import (
    ENDED,
    ENDED_AT,
    FIRST_MARK,
    FIRST_TEST,
    MARKS,
    PHASE_AT,
    SEEN,
    SEEN_AT,
    SLOT,
    STAGE_AT,
    STAGES,
    STARTED,
    TESTS,
    name_bytes,
    outcome_number,
    packed_json,
    phase_byte,
    whole,
)
from pytest_memguard.recorder.ring import Ring, RingError

__all__ = ["Recorder", "RingError"]

_TIME_EVERY = 32
_NEXT_PHASE = {"setup": 1, "call": 2}
_UNKNOWN = -1


class Recorder:
    """One per process. Until ``open`` and after ``close`` its methods do nothing.

    ``clock`` gives seconds, ``cpu`` nanoseconds of CPU time, for what recording itself costs. Resident bytes that could
    not be read are any number below 0. ``seen`` may be called from a thread, or in the middle of another method.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_cpu",
        "_highest",
        "_largest",
        "_marks",
        "_name",
        "_nodeid",
        "_number",
        "_pass",
        "_ring",
        "_rss",
        "_runs",
        "_slot",
        "_start_s",
        "_tests",
        "_timed",
        "_timed_ns",
        "_view",
    )

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, cpu: Callable[[], int] = time.thread_time_ns
    ) -> None:
        self._clock = clock
        self._cpu = cpu
        self._ring: Ring | None = None
        self._view: memoryview | None = None
        self._start_s = 0.0
        self._number = 0  # of writes that began a test
        self._tests = 0  # slots that were begun
        self._slot = FIRST_TEST
        self._nodeid = ""
        self._name = (b"", False)
        self._pass = self._runs = 0
        self._rss = self._highest = _UNKNOWN
        self._largest = self._marks = 0
        self._timed = self._timed_ns = 0

    @property
    def path(self) -> str | None:
        """The file, while there is one."""
        return None if self._ring is None else self._ring.path

    @property
    def cost_s(self) -> float:
        """CPU seconds that recording took: every 32nd test is timed and stands for the others."""
        return self._timed_ns / self._timed * self._number / 1e9 if self._timed else 0.0

    def open(self, path: str, header: Mapping[str, Any]) -> None:
        """Make the file. Raises ``OSError``, ``RingError`` and ``ValueError`` (a header that is too long)."""
        self._start_s = self._clock()
        self._ring = Ring(path, packed_json(header))
        self._view = self._ring.view
        _follow_forks(self)

    def begins(self, nodeid: str, rss: int, *, pass_number: int = 1) -> None:
        """A test begins. Runs of one test in a row share a slot, so that what they took together can be seen."""
        if self._view is None:
            return
        self._number += 1
        if not self._number % _TIME_EVERY:
            start = self._cpu()
            self._begin(self._view, nodeid, rss, pass_number)
            self._timed_ns += self._cpu() - start
            return
        self._begin(self._view, nodeid, rss, pass_number)

    def ends(self, rss: int, peak: int, outcome: str) -> None:
        """The test that began last has ended."""
        if self._view is None or not self._number:
            return
        if not self._number % _TIME_EVERY:
            start = self._cpu()
            self._end(self._view, rss, peak, outcome)
            self._timed_ns += self._cpu() - start
            self._timed += 1
            return
        self._end(self._view, rss, peak, outcome)

    def phase_ended(self, phase: str | None) -> None:
        """A phase of the present test has ended, and the next one begins."""
        following = _NEXT_PHASE.get(phase or "")
        if self._view is not None and following is not None and self._number:
            self._view[self._slot + PHASE_AT] = phase_byte(following, self._number)

    def seen(self, rss: int) -> None:
        """A look at the running test."""
        view = self._view
        if view is None or not self._number:
            return
        self._highest = max(self._highest, rss)
        data = whole(SEEN.pack(self._number, self._clock() - self._start_s, rss, self._highest))
        start = self._slot + SEEN_AT
        view[start : start + len(data)] = data

    def stage(self, name: str) -> None:
        """What the run does now, one of ``STAGES``."""
        if self._view is not None:
            self._view[STAGE_AT] = STAGES.index(name)

    def close(self, *, keep: bool = False) -> None:
        """An orderly end: the file goes, or stays as one that has ended; may be called again."""
        ring, self._ring = self._ring, None
        if ring is None:
            return
        self.stage("ended")
        self._view = None
        ring.close(keep=keep)

    def in_child(self) -> None:
        """A child has the mapping of its parent, and leaves it alone."""
        self._view = None
        self._ring = None

    def _begin(self, view: memoryview, nodeid: str, rss: int, pass_number: int) -> None:
        if pass_number == self._pass == 2 and nodeid == self._nodeid:  # noqa: PLR2004
            self._runs += 1
        else:
            self._slot = FIRST_TEST + self._tests % TESTS * SLOT
            self._tests += 1
            self._nodeid, self._name = nodeid, name_bytes(nodeid)
            self._pass, self._runs, self._rss = pass_number, 1, rss
            self._highest = _UNKNOWN
        view[self._slot + PHASE_AT] = phase_byte(0, self._number)
        text, is_shortened = self._name
        at_s = self._clock() - self._start_s
        fields = STARTED.pack(self._number, at_s, self._rss, self._runs, len(text), pass_number, is_shortened)
        data = whole(fields + text)
        view[self._slot : self._slot + len(data)] = data

    def _end(self, view: memoryview, rss: int, peak: int, outcome: str) -> None:
        at_s = self._clock() - self._start_s
        data = whole(ENDED.pack(self._number, at_s, rss, peak, outcome_number(outcome)))
        start = self._slot + ENDED_AT
        view[start : start + len(data)] = data
        if rss - self._rss > self._largest and self._rss >= 0:
            self._largest = rss - self._rss
            mark = FIRST_MARK + self._marks % MARKS * SLOT
            self._marks += 1
            view[mark : mark + SLOT] = view[self._slot : self._slot + SLOT]


def _follow_forks(recorder: Recorder) -> None:
    """Handlers of forks cannot be taken back: they hold no more than a weak reference."""
    reference = weakref.ref(recorder)

    def in_child() -> None:
        live = reference()
        if live is not None:
            live.in_child()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=in_child)
