"""Memory pressure while tests are repeated: when nothing more may be repeated, and what is done between measurements.

Repetitions are measured, so nothing is cleaned up while a test is looked at, and readings keep nothing: one that is
kept would be counted as the test's. What was worst is told, and answered, between two measurements.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType, TracebackType

from pytest_memguard.core import MOST_ATTEMPTS, REACTION_S, CoreManager, described, pressing
from pytest_memguard.errors import MemoryPressureError
from pytest_memguard.pressure import Observation, Thresholds, assess, rank
from pytest_memguard.probes.limits import Usage
from pytest_memguard.sampler import Look, Sampler

__all__ = ["Vigil"]

_MOST_LIMITS = 16


class Vigil(AbstractContextManager["Vigil"]):
    """One pass 2. ``begins`` and ``ended`` around each repetition, ``relieve`` between two measurements.

    ``observe(fresh)`` takes a reading, and sets ``times``: the seconds until the next one is due, and the time until
    which nothing can have changed. ``open_sampler(look, interrupt)`` gives what looks while a repetition
    runs, if anything can. ``interruptible(frame)``: whether a test, or a fixture of one, runs there.

    ``refusal``: why nothing may be repeated now, if so; ``over``: whether that will not change any more.
    """

    def __init__(
        self,
        core: CoreManager,
        *,
        thresholds: Thresholds,
        observe: Callable[[bool], Observation],
        times: array[float],
        open_sampler: Callable[[Callable[[], Look], Callable[[FrameType | None], None]], Sampler | None],
        interruptible: Callable[[FrameType | None], bool],
        clock: Callable[[], float],
    ) -> None:
        self.refusal: str | None = None
        self.over = False
        self._core = core
        self._thresholds = thresholds
        self._observe = observe
        self._times = times
        self._open_sampler = open_sampler
        self._interruptible = interruptible
        self._clock = clock
        self._sampler: Sampler | None = None
        self._nodeid: str | None = None
        self._before = _Amounts()  # after the repetition before this one
        self._last = _Amounts()  # of the repetition that runs
        self._rate = array("d", [0.0])  # bytes a second that it takes
        self._worst: Observation | None = None  # since ``relieve``, if it was not normal
        self._worst_rank = 0
        self._is_acute = False  # and not only what another repetition would come to
        self._emergencies = 0

    def __enter__(self) -> Vigil:
        self._sampler = self._open_sampler(self._look, self._interrupt)
        observation = self._observe(True)
        self._before.taken(observation)
        self._note(observation)
        self._refuse(pressing(observation, self._thresholds))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._sampler is not None:
            self._sampler.close()
        self.relieve(lambda: None)  # what came last is told, too

    # -- around repetitions

    def begins(self, nodeid: str) -> None:
        """A test is about to be repeated."""
        self._nodeid = nodeid
        self._last.forget()
        self._rate[0] = 0.0
        if self._sampler is not None:
            self._sampler.begin(self._times[0], self._clock())

    def ended(self) -> None:
        """The repetition has ended, its fixtures that stay set up apart."""
        if self._sampler is not None:
            self._sampler.end()
        if self._clock() >= self._times[1]:
            observation = self._observe(False)
            self._note(observation)
            # Another repetition may well take as much again.
            self._refuse(pressing(observation, self._thresholds, expected=self._before.taken(observation)[0]))

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
        taken, seconds = self._last.taken(observation)
        if seconds > 0.0:
            self._rate[0] = taken / seconds
        return Look(self._times[0], self._acute(observation) is not None)

    def _acute(self, observation: Observation) -> Usage | None:
        return pressing(observation, self._thresholds, inside=True, expected=self._rate[0] * REACTION_S)

    def _interrupt(self, frame: FrameType | None) -> None:
        """In the main thread, in the middle of what runs there."""
        __tracebackhide__ = True
        if not self._interruptible(frame):
            return
        acute = self._acute(self._observe(True))
        if acute is not None:
            self._refuse(acute)
            raise MemoryPressureError(f"memguard interrupted this repetition: {described(acute)}")


class _Amounts:
    """What is used of each limit at one moment; in arrays, or it would be counted as a test's."""

    __slots__ = ("_at_s", "_used")

    def __init__(self) -> None:
        self._used = array("q", [-1]) * _MOST_LIMITS
        self._at_s = array("d", [0.0])

    def forget(self) -> None:
        """The next reading is the first."""
        for place in range(_MOST_LIMITS):
            self._used[place] = -1

    def taken(self, now: Observation) -> tuple[int, float]:
        """By how many bytes more of any limit is used than at the last reading, and the seconds since then."""
        most, seconds = 0, now.at_s - self._at_s[0]
        self._at_s[0] = now.at_s
        known = False
        for place, usage in enumerate(now.usages[:_MOST_LIMITS]):
            before = self._used[place]
            self._used[place] = usage.used
            if before >= 0:
                known = True
                most = max(most, usage.used - before if usage.ours else 0)
        return (most, seconds) if known else (0, 0.0)
