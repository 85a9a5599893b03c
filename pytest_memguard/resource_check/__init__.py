"""Find the tests that leave something besides memory behind in every repetition, and have it explained.

Counts taken after each repetition of a stretch of tests suggest whom to look at. A suspect is repeated with a census
of everything by identity before and after; most are cleared by the first of these repetitions. What is there to stay
after all of them, and a little patience, is a leak.

A test that leaks resources is not asked for its memory as well: the file objects, the stacks of threads and the buffers
that it retains belong to them, and hundreds of repetitions would use up descriptors and threads. What else it may
retain shows when this is mended. A temporary file counts only where the call that made it was seen: other processes
use the same folder.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_memguard.confirm import Confirmer
from pytest_memguard.model import Finding, Verdict
from pytest_memguard.resources.loops import Loops
from pytest_memguard.resources.signals import Signals
from pytest_memguard.subjects import Cycle, Subject

if TYPE_CHECKING:
    from pytest_memguard.resource_check.examiner import Examiner

Repeat = Callable[[], bool]


class ResourceCheck:
    """One pass 2; single use. ``make_examiner``: loads what looks closer, when the first test is suspected.

    ``loops``: the event loops that are known, which it adds to.

    An error in it is told once to ``on_fault``, and nothing more is looked for.
    """

    def __init__(
        self,
        signals: Signals,
        loops: Loops,
        confirmer: Confirmer,
        make_examiner: Callable[[], Examiner],
        *,
        on_fault: Callable[[str, Exception], None],
    ) -> None:
        self._signals = signals
        self._loops = loops
        self._confirmer = confirmer
        self._make = make_examiner
        self._on_fault = on_fault
        self._examiner: Examiner | None = None
        self._previous: Subject | None = None
        self._faulty = False

    @property
    def findings(self) -> Sequence[Finding]:
        """The leaks so far, one for each test or fixture and line."""
        return () if self._examiner is None else tuple(self._examiner.findings)

    def begin(self) -> None:
        """A stretch of tests begins."""
        self._previous = None
        self._signals.begin()

    def note(self, subject: Subject | None) -> None:
        """The next repetition begins, of this test: look at what the last one has left. Keeps no new object."""
        if self._previous is not None and self._signals.step():
            self._previous.leaves = True
        self._previous = subject

    def suspects(self, subjects: Sequence[Subject], grown: Sequence[Subject]) -> list[Subject]:
        """Those of a stretch that may leave something behind; ``grown``: those that retained blocks."""
        self.note(None)
        seen, unseen = self._signals.grown()
        leaving = [subject for subject in subjects if subject.leaves]
        for subject in leaving:
            subject.leaves = False
        if self._faulty:
            return []
        has_loops = bool(grown or unseen or seen) and self._has_loops()
        if unseen:  # children and native threads, which nobody counts after each test
            return list(subjects)
        wanted = leaving if seen else []
        # Tasks and timers of an event loop always come with blocks.
        return [*wanted, *(each for each in grown if each not in wanted)] if has_loops else wanted

    def check(self, subject: Subject, repeat: Repeat, cycle: Cycle | None = None) -> Verdict | None:
        """What is known of a test by its resources.

        Where that is a leak, or inconclusive, its memory says no more; else that is to be asked.
        """
        try:
            return self._examined().examine(subject, repeat, cycle)
        except Exception as error:  # noqa: BLE001 - what is looked at is anybody's
            self._faulty = True
            self._on_fault("looking for resources", error)
            return None

    def _has_loops(self) -> bool:
        """Look for event loops in the whole heap, where there may be any; whether one is open."""
        if not self._loops.may_exist():
            return False
        self._confirmer.expose()
        self._loops.look(gc.get_objects())
        self._confirmer.freeze()
        return bool(self._loops.open())

    def _examined(self) -> Examiner:
        if self._examiner is None:
            self._examiner = self._make()
        return self._examiner
