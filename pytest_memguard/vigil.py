"""Memory pressure while tests are repeated: when nothing more may be repeated, and what is done between measurements.

Repetitions are measured, so nothing is cleaned up while a test is looked at, and readings keep nothing: one that is
kept would be counted as the test's. What was worst is told, and answered, between two measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType, TracebackType

from pytest_memguard.core import MOST_ATTEMPTS, REACTION_S, CoreManager, described, pressing
from pytest_memguard.errors import MemoryPressureError
from pytest_memguard.pressure import Observation, Thresholds, assess, rank
from pytest_memguard.probes.limits import Usage
from pytest_memguard.sampler import Look, Sampler

__all__ = ["Vigil"]


class Vigil(AbstractContextManager["Vigil"]):
    """One pass 2. ``begins`` and ``ended`` around each repetition, ``relieve`` between two measurements.

    ``observe(fresh)`` takes a reading; ``quiet_until()`` and ``wait_s()`` say, by the clock and in seconds, until when
    nothing can have changed after the last one. ``open_sampler(look, interrupt)`` gives what looks while a repetition
    runs, if anything can. ``interruptible(frame)``: whether a test, or a fixture of one, runs there.

    ``refusal``: why nothing may be repeated now, if so; ``over``: whether that will not change any more.
    """

    def __init__(
        self,
        core: CoreManager,
        *,
        thresholds: Thresholds,
        observe: Callable[[bool], Observation],
        quiet_until: Callable[[], float],
        wait_s: Callable[[], float],
        open_sampler: Callable[[Callable[[], Look], Callable[[FrameType | None], None]], Sampler | None],
        interruptible: Callable[[FrameType | None], bool],
        clock: Callable[[], float],
    ) -> None:
        self.refusal: str | None = None
        self.over = False
        self._core = core
        self._thresholds = thresholds
        self._observe = observe
        self._quiet_until = quiet_until
        self._wait_s = wait_s
        self._open_sampler = open_sampler
        self._interruptible = interruptible
        self._clock = clock
        self._sampler: Sampler | None = None
        self._nodeid: str | None = None
        self._before: Observation | None = None  # the reading after the repetition before this one
        self._last: Observation | None = None  # of the repetition that runs
        self._rate = 0.0  # bytes a second that it takes
        self._worst: Observation | None = None  # since ``relieve``, if it was not normal
        self._worst_rank = 0
        self._is_acute = False  # and not only what another repetition would come to
        self._emergencies = 0

    def __enter__(self) -> Vigil:
        self._sampler = self._open_sampler(self._look, self._interrupt)
        self._before = self._observe(True)
        self._note(self._before)
        self._refuse(pressing(self._before, self._thresholds))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._sampler is not None:
            self._sampler.close()
        self.relieve(lambda: None)  # what came last is told, too

    # -- around repetitions

    def begins(self, nodeid: str) -> None:
        """A test is about to be repeated."""
        self._nodeid = nodeid
        self._last = None
        self._rate = 0.0
        if self._sampler is not None:
            self._sampler.begin(self._wait_s(), self._clock())

    def ended(self) -> None:
        """The repetition has ended, its fixtures that stay set up apart."""
        if self._sampler is not None:
            self._sampler.end()
        if self._clock() >= self._quiet_until():
            observation = self._observe(False)
            self._note(observation)
            # Another repetition may well take as much again.
            self._refuse(pressing(observation, self._thresholds, expected=_taken(self._before, observation)))
            self._before = observation

    def headroom(self) -> int | None:
        """Bytes that are left of the nearest limit; ``None`` where there is none."""
        usages = [usage for usage in self._observe(True).usages if usage.ours]
        return min((usage.headroom for usage in usages), default=None)

    # -- between two measurements

    def relieve(self, thaw: Callable[[], object]) -> bool:
        """Tell what happened, and clean up where that asks for it; gives whether anything may have changed.

        *thaw* is called before something is looked for in the heap. Where an emergency stays, or comes back too often,
        it is ``over``.
        """
        if self.over or (self._worst is None and self.refusal is None and self._core.calm):
            return False
        worst, self._worst, self._worst_rank = self._worst, None, 0
        if self.refusal is None:
            return self._core.between(worst, self._nodeid, before=thaw)
        thaw()  # what an interrupted test had is in its traceback, and the other way round
        self._core.between(worst, self._nodeid, before=thaw)
        self._emergencies += self._is_acute
        self._is_acute = False
        if self._emergencies > MOST_ATTEMPTS or pressing(self._observe(True), self._thresholds) is not None:
            self.over = True
        else:
            self.refusal = None
        return True

    # -- readings

    def _note(self, observation: Observation) -> None:
        judged = assess(observation, self._thresholds)
        if judged is not None and rank(judged.level) > self._worst_rank:
            self._worst, self._worst_rank = observation, rank(judged.level)

    def _refuse(self, pressed: Usage | None) -> None:
        if pressed is not None and self.refusal is None:
            when = f" while {self._nodeid} was repeated" if self._nodeid else ""
            self.refusal = f"memory pressure: {described(pressed)}{when}"
            self._is_acute = pressed.share >= self._thresholds.emergency

    def _look(self) -> Look:
        """In the main thread or in the background."""
        observation = self._observe(False)
        self._note(observation)
        before, self._last = self._last, observation
        if before is not None and observation.at_s > before.at_s:
            self._rate = _taken(before, observation) / (observation.at_s - before.at_s)
        return Look(self._wait_s(), self._acute(observation) is not None)

    def _acute(self, observation: Observation) -> Usage | None:
        return pressing(observation, self._thresholds, inside=True, expected=self._rate * REACTION_S)

    def _interrupt(self, frame: FrameType | None) -> None:
        """In the main thread, in the middle of what runs there."""
        __tracebackhide__ = True
        if not self._interruptible(frame):
            return
        acute = self._acute(self._observe(True))
        if acute is not None:
            self._refuse(acute)
            raise MemoryPressureError(f"memguard interrupted this repetition: {described(acute)}")


def _taken(before: Observation | None, now: Observation) -> int:
    """Bytes: by how much more of any limit is used than before."""
    if before is None:
        return 0
    used = {usage.source: usage.used for usage in before.usages}
    return max((usage.used - used.get(usage.source, usage.used) for usage in now.usages if usage.ours), default=0)
