"""The flight recorder: the last tests with their memory, in a file that survives the process.

A test costs two writes of some hundred bytes into mapped memory; no descriptor is open, and nothing that tests replace
is called. A child of the process writes nothing.
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
    NAME_ROOM,
    OTHER_OUTCOME,
    OUTCOME_NUMBERS,
    PHASE_AT,
    SEEN,
    SEEN_AT,
    SLOT,
    STAGE_AT,
    STAGES,
    STARTED,
    TESTS,
    packed_json,
    shortened,
)
from pytest_memguard.recorder.ring import Ring, RingError

__all__ = ["Recorder", "RingError"]

_NEXT_PHASE: Mapping[str | None, int] = {"setup": 1, "call": 2}
_UNKNOWN = -1
_REPEATS = 2


class Recorder:
    """One per process. Until ``open`` and after ``close`` its methods do nothing.

    ``clock`` gives seconds, as those that methods get are. Resident bytes that could not be read are any number below
    0. ``seen`` may be called from a thread, or in the middle of another method.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_highest",
        "_largest",
        "_marks",
        "_nodeid",
        "_number",
        "_pass",
        "_ring",
        "_rss",
        "_runs",
        "_slot",
        "_start_s",
        "_tests",
        "_view",
    )

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._ring: Ring | None = None
        self._view: memoryview | None = None
        self._start_s = 0.0
        self._number = 0  # of writes that began a test
        self._tests = 0  # slots that were begun
        self._slot = FIRST_TEST
        self._nodeid = ""
        self._pass = self._runs = 0
        self._rss = self._highest = _UNKNOWN
        self._largest = self._marks = 0

    @property
    def path(self) -> str | None:
        """The file, while there is one."""
        return None if self._ring is None else self._ring.path

    def open(self, path: str, header: Mapping[str, Any]) -> None:
        """Make the file. Raises ``OSError``, ``RingError`` and ``ValueError`` (a header that is too long)."""
        self._start_s = self._clock()
        self._ring = Ring(path, packed_json(header))
        self._view = self._ring.view
        _follow_forks(self)

    def begins(self, nodeid: str, rss: int, at_s: float, pass_number: int = 1) -> None:
        """A test begins. Runs of one test in a row share a slot, so that what they took together can be seen."""
        view = self._view
        if view is None:
            return
        number = self._number = self._number + 1
        if pass_number == self._pass == _REPEATS and nodeid == self._nodeid:
            self._runs += 1
            rss = self._rss
        else:
            self._slot = FIRST_TEST + self._tests % TESTS * SLOT
            self._tests += 1
            self._nodeid = nodeid
            self._pass, self._runs, self._rss, self._highest = pass_number, 1, rss, _UNKNOWN
        slot = self._slot
        name = nodeid[: NAME_ROOM + 1].encode("utf-8", "backslashreplace")
        is_shortened = len(name) > NAME_ROOM
        if is_shortened:
            name = shortened(nodeid)
        view[slot + PHASE_AT] = (number & 63) << 2  # its setup; see read_phase
        seconds = at_s - self._start_s
        STARTED.pack_into(
            view, slot, number, seconds, rss, self._runs, len(name), pass_number, is_shortened, name, number
        )

    def ends(self, rss: int, peak: int, outcome: str, at_s: float) -> None:
        """The test that began last has ended."""
        view, number = self._view, self._number
        if view is None or not number:
            return
        slot = self._slot
        code = OUTCOME_NUMBERS.get(outcome, OTHER_OUTCOME)
        ENDED.pack_into(view, slot + ENDED_AT, number, at_s - self._start_s, rss, peak, code, number)
        if rss - self._rss > self._largest and self._rss >= 0:
            self._largest = rss - self._rss
            mark = FIRST_MARK + self._marks % MARKS * SLOT
            self._marks += 1
            view[mark : mark + SLOT] = view[slot : slot + SLOT]

    def phase_ended(self, phase: str | None) -> None:
        """A phase of the present test has ended, and the next one begins."""
        following = _NEXT_PHASE.get(phase)
        if following is not None and self._view is not None and self._number:
            self._view[self._slot + PHASE_AT] = (self._number & 63) << 2 | following

    def seen(self, rss: int) -> None:
        """A look at the running test."""
        view = self._view
        if view is None or not self._number:
            return
        self._highest = max(self._highest, rss)
        seconds = self._clock() - self._start_s
        SEEN.pack_into(view, self._slot + SEEN_AT, self._number, seconds, rss, self._highest, self._number)

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


def _follow_forks(recorder: Recorder) -> None:
    """Handlers of forks cannot be taken back: they hold no more than a weak reference."""
    reference = weakref.ref(recorder)

    def in_child() -> None:
        live = reference()
        if live is not None:
            live.in_child()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=in_child)
