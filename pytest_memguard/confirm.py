"""Run a scenario in rounds until it is known whether memory grows. Knows nothing of pytest.

A scenario is a callable that runs one repetition and says whether it could be repeated. The observer allocates
nothing between two samples: readings go into preallocated arrays, loops count in small integers that CPython keeps
ready, and nothing else is stored before the last sample is taken.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from operator import and_
from typing import Literal

from pytest_memguard.grace import GRACE_STEPS_S
from pytest_memguard.judge import METRICS, Metric, Policy, growing, is_noise, pardons
from pytest_memguard.meter import Meter
from pytest_memguard.model import RoundSeries
from pytest_memguard.settle import Settler
from pytest_memguard.values import dataclass

Repeat = Callable[[], bool]
_UNFORGIVING = 3  #: readings; the first two rounds clear whatever does not grow
State = Literal["clean", "growing", "failed", "saturating", "deferred", "noisy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the rounds of one scenario showed. ``metrics``: those that grew in every round.

    ``bytes_per_run``: memory gained per repetition, page by page, not to be taken for the size of a small leak.
    """

    state: State
    repetitions: int
    bytes_per_run: int = 0
    metrics: tuple[Metric, ...] = ()
    rounds: tuple[RoundSeries, ...] = ()

    @property
    def longest(self) -> int:
        """The rounds of its longest series."""
        return max((len(series.deltas) for series in self.rounds), default=0)

    @property
    def in_python(self) -> bool:
        """Whether most rounds retained Python objects: one where something else was freed does not make it native."""
        return self.per_run("blocks") > 0

    def per_run(self, metric: Metric) -> int:
        """The median growth of a metric per repetition, 0 where it did not grow."""
        for series in self.rounds:
            if series.metric == metric:
                return sorted(series.deltas)[len(series.deltas) // 2]
        return 0


class Confirmer:
    """Takes a scenario through its rounds. The heap is frozen while it works; ``thaw`` undoes that.

    With the heap frozen a collection costs what was born since, not what lives; objects that were frozen and become
    cyclic garbage stay, so nothing is called a leak before a collection of the whole heap.
    """

    def __init__(
        self,
        settler: Settler,
        meter: Meter,
        policy: Policy,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
        threads: Callable[[], int] = lambda: 1,
    ) -> None:
        self.settler = settler
        self.meter = meter
        self.policy = policy
        self._clock = clock
        self._sleep = sleep
        self._threads = threads
        self._freezes = True
        self._exposed = False
        self._alive = bytearray(len(meter.metrics))
        self._misses = bytearray(len(meter.metrics))
        self._in_bytes = bytes(metric != "blocks" for metric in meter.metrics)
        self._pardons = bytearray(len(meter.metrics))
        self._floors = tuple(policy.floors.of(metric) for metric in meter.metrics)

    def freeze(self) -> None:
        """Move everything alive out of the collector's sight."""
        self._exposed = False
        if self._freezes:
            gc.freeze()

    def expose(self) -> None:
        """Undo ``freeze``: everything can be found with ``gc.get_objects`` until the next baseline."""
        gc.unfreeze()
        self._exposed = True

    @contextmanager
    def unfrozen(self) -> Iterator[None]:
        """Work without freezing, for tests that ask the collector for referrers: slower, and closer to pass 1."""
        self.thaw()
        self._freezes = False
        try:
            yield
        finally:
            self._freezes = True
            self.freeze()

    def thaw(self) -> None:
        """Undo ``freeze`` and collect the whole heap."""
        self.expose()
        self.settler.light()

    def baseline(self, wanted: int | None = None) -> None:
        """Start a new series of rounds from the present state; of ``wanted`` rounds, or as many as for a suspect."""
        for index, metric in enumerate(self.meter.metrics):
            self._pardons[index] = min(pardons(metric, wanted or self.policy.rounds), 254)
        if self._exposed:
            self.freeze()  # or the whole heap would be collected, for the second time in most cases
        self.meter.restart()  # what reading leaves in the interpreter's free lists has to go before the first reading
        self.settler.full()
        self.freeze()
        self._suspect_everything()
        self.meter.read()

    def go_on(self) -> None:
        """Start a new series from the last reading: as good as a baseline where nothing has happened since."""
        self._suspect_everything()
        self.meter.go_on()

    def _suspect_everything(self) -> None:
        for index in range(len(self._alive)):
            self._alive[index] = 1
            self._misses[index] = 0

    def round(self, repeat: Repeat) -> bool:
        """One repetition, settled and read; False where it could not be repeated. Clears metrics that stopped."""
        if not repeat():
            return False
        self.settle_and_read()
        return True

    def warm_up(self, repeat: Repeat) -> bool:
        """One round that does not count: the first after anything else frees what that has left, 2 KiB at times."""
        self.baseline()
        return self.round(repeat)

    def settle_and_read(self) -> None:
        """The end of a round: take a reading, and clear the metrics that did not grow, or not often enough."""
        self.settler.full()
        self.meter.read()
        index = 0
        for floor in self._floors:
            if self._alive[index] and not self.meter.grew(index, floor):
                self._misses[index] += 1
                if self.meter.used <= _UNFORGIVING or self._misses[index] > self._pardons[index]:
                    self._alive[index] = 0
            index += 1  # noqa: SIM113 - enumerate would allocate

    def is_large(self, shown: Confirmation) -> bool:
        """Whether each repetition retains so much that there are to be as few as possible."""
        return shown.bytes_per_run * self.policy.least_large >= self.policy.most_bytes

    def still_growing(self) -> bool:
        """Whether any metric has grown in every round since the baseline."""
        return any(self._alive)

    def heap_still_growing(self) -> bool:
        """The same of all metrics but the blocks."""
        return any(map(and_, self._alive, self._in_bytes))

    def rounds(self, repeat: Repeat, wanted: int, *, until: float | None = None) -> Confirmation:
        """Go on until every metric is cleared or ``wanted`` rounds have grown; the baseline has been taken.

        ``until`` (a time of the clock, made before the baseline) ends it early, but not before the policy's least
        number of rounds.
        """
        done = self.meter.used - 1
        while done < wanted and self.still_growing():
            if until is not None and done >= self.policy.least and self._clock() > until:
                break
            if done >= self.policy.least_large and self.retained_much():
                break
            if not self.round(repeat):
                return Confirmation(state="failed", repetitions=done + 1)
            done += 1
        return self.conclude(done)

    def once_more(self, shown: Confirmation, repeat: Repeat, *, until: float | None = None) -> Confirmation:
        """A second series where the first grew for some rounds and then once did not.

        What fills up does not grow in the first round of the second series, and costs a repetition. A leak does, if it
        was a thread, a timer or the interpreter that freed as much as it takes in that one round.
        """
        if shown.state not in ("clean", "noisy") or shown.repetitions <= _UNFORGIVING:
            return shown
        wanted = self.policy.rounds if until is None else self.policy.escalation
        self.baseline(wanted)
        again = self.rounds(repeat, wanted, until=until)
        return replace(again, repetitions=shown.repetitions + again.repetitions)

    def calmed(self, shown: Confirmation, repeat: Repeat) -> Confirmation:
        """More rounds of what has moved both ways: one that stays, or goes back as far as it grew, clears it."""
        while shown.state == "noisy" and shown.repetitions < self.policy.rounds:
            if not self.round(repeat):
                return replace(shown, state="failed")
            shown = replace(self.conclude(self.meter.used - 1), repetitions=shown.repetitions + 1)
        return shown

    def conclude(self, done: int) -> Confirmation:
        """Judge the rounds taken so far."""
        metrics = growing(self.meter.samples(), self.policy.floors) if done else []
        series = self.meter.series()
        if metrics:
            state: State = "growing"
        elif done > 1 and any(is_noise(s.deltas) for s in series if s.metric == "blocks"):
            state = "noisy"
        else:
            state = "clean"
        per_run = self.meter.retained() // max(done, 1)
        return Confirmation(state=state, repetitions=done, bytes_per_run=per_run, metrics=tuple(metrics), rounds=series)

    def retained_much(self) -> bool:
        """Whether the repetitions since the baseline have retained so much that there are to be few more."""
        return self.meter.retained() > self.policy.most_bytes

    def escalate(self, repeat: Repeat, first: Confirmation) -> Confirmation:
        """Prove a suspect in up to ``policy.escalation`` more rounds.

        A leak never stops; a cache that fills to its bound does (``saturating``), and what a collection of the whole
        heap or a grace period gives back was only freed late (``deferred``).
        """
        until = self._clock() + self.policy.seconds
        if self._threads() > 1:
            self.thaw()  # or older garbage would seem to be released, and waiting for other threads takes long
        if not (self.is_large(first) or self.warm_up(repeat)):
            return Confirmation(state="failed", repetitions=first.repetitions + 1, rounds=first.rounds)
        self.baseline(self.policy.escalation)
        second = self.once_more(self.rounds(repeat, self.policy.escalation, until=until), repeat, until=until)
        repetitions = first.repetitions + second.repetitions
        if second.state == "failed":
            return Confirmation(state="failed", repetitions=repetitions, rounds=first.rounds)
        metrics = tuple(metric for metric in first.metrics if metric in second.metrics) or second.metrics
        state: State = "growing" if second.state == "growing" else "saturating"
        if state == "growing" and self._seems_released(second):
            state = self._asked_again(repeat, second)
        return replace(second, state=state, repetitions=repetitions, metrics=metrics)

    def _seems_released(self, shown: Confirmation) -> bool:
        """Whether a collection of the whole heap, and a little patience, give back half of what the rounds retained.

        Waiting makes sense only where somebody else is there to release something: another thread. The answer may be
        wrong for a small leak, if the collection found older garbage too. Asked is the most exact of the metrics: the
        C library keeps what it mapped for a thread when that has ended.
        """
        exact = next(metric for metric in METRICS if metric in shown.metrics)
        rounds = self.meter.used - 1
        samples = self.meter.samples()
        before = samples[exact][0]
        grown = samples[exact][-1] - before
        pauses = (0.0, *GRACE_STEPS_S, 0.0) if self._threads() > 1 else (0.0,)
        for pause in pauses:
            if pause:
                self._sleep(pause)
                self.settler.full()
            else:
                self.thaw()
                self.settler.saturate()
                self.freeze()
            self.meter.used = rounds + 1
            self.meter.read()
            if 2 * (self.meter.samples()[exact][-1] - before) < grown:
                return True
        return False

    def _asked_again(self, repeat: Repeat, shown: Confirmation) -> State:
        """More rounds: the collection may have found garbage that is older than those before.

        Where other threads may release something, each round waits for them.
        """
        self.baseline()
        grace = sum(GRACE_STEPS_S) if self._threads() > 1 else 0.0
        wanted = self.policy.least_large if self.is_large(shown) else self.policy.rounds
        done = 0
        while done < wanted and self.still_growing():
            if not repeat():
                return "failed"
            if grace:
                self._sleep(grace)
            self.settle_and_read()
            done += 1
        if not self.still_growing():
            return "deferred" if grace else "saturating"
        return "deferred" if self._seems_released(self.conclude(done)) else "growing"

    def burst(self, repeat: Repeat, confirmed: Confirmation, *, seconds: float, most: int) -> tuple[bool, int]:
        """Make many repetitions with one reading at the end.

        Returns whether the growth of a suspect goes on (at half its rate at least), and how many were made: few or
        none where a leak is so large that many would use up the memory.
        """
        most = min(most, self.policy.most_bytes // max(confirmed.bytes_per_run, 1))
        until = self._clock() + seconds
        self.baseline()
        done = 0
        while done < most and self._clock() < until and self.meter.retained() <= self.policy.most_bytes:
            if not repeat():
                return True, done
            done += 1
        self.settler.full()
        self.meter.read()
        samples = self.meter.samples()
        if not done:
            return True, done
        for metric in confirmed.metrics:
            readings = samples[metric]
            if 2 * (readings[-1] - readings[0]) >= done * max(confirmed.per_run(metric), 1):
                return True, done
        return False, done
