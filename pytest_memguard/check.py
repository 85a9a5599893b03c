"""Pass 2: go through the suite once more, clear every test that retains nothing, and have the others proved.

Tests are taken in runs of one class or module. Each is repeated once and settled; its allocated blocks are read on
both sides, so most tests are cleared by a single repetition. The malloc heap is read around a run of tests, because
saturating the C library's chunk caches costs as much as a small test. What grew goes through its rounds alone.
"""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pytest_memguard.confirm import Confirmer
from pytest_memguard.grace import Grace
from pytest_memguard.judge import NoiseMeter
from pytest_memguard.model import Verdict
from pytest_memguard.schedule import stretches
from pytest_memguard.steps import StepSearch
from pytest_memguard.subjects import (
    INTERRUPTED,
    OUT_OF_BUDGET,
    TOO_LITTLE_MEMORY,
    Cycle,
    Judge,
    Repetitions,
    Subject,
    Tally,
)

_RUN_LENGTH = 48
_WITNESS_ROUNDS = 2
_LOOKS = 4
_RESTLESS = Verdict(
    name="inconclusive", reason="memory grows while nothing is repeated: a thread that allocates, or a profiler"
)

_CLEAN = Verdict(name="clean")
_DEFERRED = Verdict(name="deferred", reason="what it retained was freed a little later, when its threads had ended")
_ENDANGERING = "the memory that it retains leaves too little for another repetition"


class Checker:
    """Runs pass 2 over modules of subjects; single use."""

    def __init__(
        self,
        repetitions: Repetitions,
        confirmer: Confirmer,
        prover: Judge,
        *,
        read_blocks: Callable[[], int],
        until: float,
        read_rss: Callable[[], int | None] | None,
        most_growth: int,
        noise: NoiseMeter,
        progress: Callable[[int], None],
        clock: Callable[[], float] = time.perf_counter,
        grace: Grace | None = None,
    ) -> None:
        self.tally = Tally()
        self._repetitions = repetitions
        self._confirmer = confirmer
        self._prover = prover
        self._read_blocks = read_blocks
        self._until = until
        self._read_rss = read_rss
        self._most_rss = (_rss_of(read_rss) or 0) + most_growth
        self._ate_memory = False
        self._noise = noise
        self._progress = progress
        self._clock = clock
        self._blocks = array("q", bytes(8 * (_RUN_LENGTH + 1)))
        self._flags = bytearray(_RUN_LENGTH)
        self._reasons: dict[int, str] = {}
        self._last_thaw = clock()
        self._thaw_cost = 0.0
        self._disturbed = True
        self._went_alone = False
        self._steps = StepSearch(repetitions, confirmer, prover, repeat=self._repeat, spent=self._spent, clock=clock)
        self._grace = grace or Grace()

    def run(self, modules: Sequence[Sequence[Subject]]) -> Tally:
        """Check the subjects module by module, then the fixtures above module scope."""
        confirmer = self._confirmer
        if self._grace.is_needed():
            self._grace.wait()
        confirmer.settler.prepare()
        confirmer.settler.full()
        self._steps.start()
        confirmer.freeze()
        everything: list[Subject] = []
        self._start_with(modules, OUT_OF_BUDGET)
        if self._restless():
            self._start_with(modules, _RESTLESS)
            self._until = 0.0
        try:
            for subjects in modules:
                if self._spent():
                    break
                for part in stretches(subjects, longest=_RUN_LENGTH):
                    self._run_of_one_parent(part)
                self._steps.add(subjects)
                self._look_for_steps()
                self._fixtures(subjects, widest=False)
                everything.extend(subjects)
                self._maybe_thaw()
            if everything and not self._spent():
                self._look_for_steps(last=True)
                self._fixtures(everything, widest=True)
        except KeyboardInterrupt:
            self._leave_out(modules, INTERRUPTED)
            raise
        finally:
            if self._ate_memory:
                self._leave_out(modules, TOO_LITTLE_MEMORY)
            self._steps.end()
            confirmer.thaw()
        return self.tally

    def _spent(self) -> bool:
        return self._clock() > self._until

    def _has_room(self) -> bool:
        """Whether what repetitions have retained leaves room for more; once it does not, nothing is repeated again."""
        if not self._ate_memory and (_rss_of(self._read_rss) or 0) > self._most_rss:
            self._ate_memory = True
            self._until = 0.0
        return not self._ate_memory

    def _start_with(self, modules: Sequence[Sequence[Subject]], verdict: Verdict) -> None:
        for subject in (subject for subjects in modules for subject in subjects):
            self.tally.verdicts[subject.index] = verdict

    def _restless(self) -> bool:
        """Whether memory grows while nothing is repeated (a thread allocates), or a profiler is on: the control."""
        if sys.getprofile() is not None:
            return True
        self._confirmer.baseline()
        return self._confirmer.rounds(lambda: True, self._confirmer.policy.rounds).state == "growing"

    def _leave_out(self, modules: Sequence[Sequence[Subject]], verdict: Verdict) -> None:
        left = [s for subjects in modules for s in subjects if self.tally.verdicts[s.index] == OUT_OF_BUDGET]
        self._start_with([left], verdict)

    def _maybe_thaw(self) -> None:
        """Collect the whole heap now and then (garbage of module fixtures), for at most 3 % of the time."""
        now = self._clock()
        if now - self._last_thaw < self._thaw_cost * 30:
            return
        self._confirmer.thaw()
        self._last_thaw = self._clock()
        self._thaw_cost = self._last_thaw - now
        self._confirmer.freeze()
        self._disturbed = True

    def _run_of_one_parent(self, subjects: Sequence[Subject]) -> None:
        self._repetitions.enter(subjects[0].parent)
        for subject in subjects:
            self._repetitions.prepare(subject.item)
            if self._repetitions.lacks_fixtures(subject.item) and not self._spent():
                self._repeat(subject)
        done = 0
        while done < len(subjects) and not self._spent():
            done += self._screen(subjects[done:])

    def _narrow(self, subjects: Sequence[Subject]) -> None:
        """Find which of these tests made the heap grow, if any: none of them retained a Python block.

        Each is repeated once more, the heap read after each one; what is below the floor in one test adds up in many.
        Where the heap moved by less, or down, something else may have freed what the test retains: it is asked again,
        a few times at most.
        """
        flags, position = self._flags, 0
        for subject in subjects:
            if self._spent():
                break
            flags[position] = 0
            repeat = partial(self._round, subject)
            tries = _LOOKS
            while tries and not flags[position]:
                flags[position] = self._grows_alone(repeat)
                tries = tries - 1 if self._confirmer.meter.moved("heap") else 0
            position += 1
        looked_at = list(zip(subjects, flags[:position], strict=False))
        self._clear([subject for subject, suspect in looked_at if not suspect])
        for subject in (subject for subject, suspect in looked_at if suspect):
            self._one(subject, tries=_LOOKS)

    def _grows_alone(self, repeat: Callable[[], bool]) -> bool:
        """Whether one round of one test makes any metric grow; also where it could not be repeated."""
        self._confirmer.baseline()
        return not self._confirmer.round(repeat) or self._confirmer.still_growing()

    def _clear(self, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            self._conclude(subject, _CLEAN)

    def _screen(self, subjects: Sequence[Subject]) -> int:
        """Repeat each once, and take those whose blocks grew through their rounds; then the others, if the heap grew.

        Returns how many were dealt with: fewer where they retain so much that it has to be looked into at once.
        """
        meter = self._confirmer.meter
        self._disturbed = self._disturbed or self._went_alone
        self._went_alone = False
        self._calm_down(partial(self._round, subjects[0]))
        self._confirmer.baseline()
        count = self._scan(subjects)
        self._confirmer.settler.full()
        meter.read()
        heap_grew = any(
            readings[1] - readings[0] >= self._confirmer.policy.floors.of(metric)
            for metric, readings in meter.samples().items()
            if metric != "blocks"
        )
        scanned = list(subjects[:count])
        blocks, flags = list(self._blocks[: count + 1]), bytes(self._flags[:count])
        level: list[Subject] = []
        grown: list[Subject] = []
        for position, subject in enumerate(scanned):
            if flags[position] == _FAILED:
                self._one_unfrozen(subject)
            elif blocks[position + 1] > blocks[position] or flags[position] == _FIXTURE:
                grown.append(subject)
            elif flags[position] == _LATE:
                self._conclude(subject, _DEFERRED)
            else:
                level.append(subject)
        self._progress(self.tally.checked + len(level))
        for subject in grown:
            self._one(subject)
        if heap_grew:
            self._narrow(level)
        else:
            self._clear(level)
        return count

    def _scan(self, subjects: Sequence[Subject]) -> int:
        """Repeat the subjects one after the other, reading blocks between them; how many were reached."""
        blocks, flags, light = self._blocks, self._flags, self._confirmer.settler.light
        repetitions, read, grace = self._repetitions, self._read_blocks, self._grace
        position = 0
        count = len(subjects)
        light()
        blocks[0] = read()
        while position < count:
            subject = subjects[position]
            if self._spent() or (position and self._confirmer.retained_much(position)):
                return position
            before = repetitions.fixture_setups
            passed = self._round(subject)
            changed = repetitions.fixture_setups != before
            flags[position] = _FAILED if not passed else _FIXTURE if changed else 0
            position += 1
            del subject, before
            light()
            blocks[position] = read()
            if grace.is_needed():
                grew = blocks[position] > blocks[position - 1]
                grace.wait()  # or what its threads free later would hide what the next tests retain
                light()
                blocks[position] = read()
                if grew and passed and not changed:
                    flags[position - 1] = _LATE
        return position

    def _round(self, subject: Subject) -> bool:
        """The repetitions of one round: as many as the test's ``runs``."""
        left = subject.runs
        while left and self._repeat(subject):
            left -= 1
        return not left

    def _repeat(self, subject: Subject) -> bool:
        """One repetition within the subject's class or module; the reason is kept where it could not be done."""
        subject.repetitions += 1
        return self._run(subject, keep=subject.parent)

    def _run(self, subject: Subject, *, keep: Any) -> bool:
        if not self._has_room():
            self._reasons[subject.index] = _ENDANGERING
            return False
        passed, reason = self._repetitions.run(subject.item, keep=keep, patience_s=subject.patience_s)
        self.tally.repetitions += 1
        if not passed:
            self._reasons[subject.index] = reason or "it cannot be repeated"
        return passed

    def _one(self, subject: Subject, *, tries: int = 1) -> None:
        """Take one test through its rounds alone; of several tries, each a chance to grow, the first that does counts.

        One that made the heap grow by itself has several: on CPython 3.10 frames move between code objects of different
        sizes, and free a few hundred bytes in one round and another.
        """
        if self._spent():
            return
        verdict = _CLEAN
        while verdict is _CLEAN and tries:
            tries -= 1
            verdict = self._rounds(subject, partial(self._round, subject), cycle=None)
        self._conclude(subject, verdict)
        self._went_alone = True

    def _one_unfrozen(self, subject: Subject) -> None:
        """A repetition failed; perhaps only because frozen objects are invisible to ``gc.get_referrers``."""
        with self._confirmer.unfrozen():
            if self._repeat(subject):
                self._reasons.pop(subject.index, None)
                self._one(subject)
            else:
                reason = self._reasons.pop(subject.index, "it cannot be repeated")
                self._conclude(subject, Verdict(name="inconclusive", reason=reason))

    def _rounds(self, subject: Subject, repeat: Callable[[], bool], cycle: Cycle | None) -> Verdict:
        confirmer = self._confirmer
        wanted = confirmer.policy.rounds
        if self._grace.is_needed():
            self._grace.wait()
        self._calm_down(repeat)
        self._prover.mark()
        confirmer.baseline()
        shown = confirmer.rounds(repeat, min(_WITNESS_ROUNDS, wanted))
        if shown.state == "growing":
            known = self._prover.recognise(subject, shown) if cycle is None else None
            if known is not None:
                return known
            del known
            del shown  # alive until the next assignment it would count as growth
            shown = confirmer.once_more(confirmer.rounds(repeat, wanted), repeat)
        if shown.state == "failed":
            return Verdict(name="inconclusive", reason=self._reasons.pop(subject.index, "it cannot be repeated"))
        if shown.state == "growing":
            self._disturbed = True
            verdict = self._prover.prove(subject, repeat, shown, cycle)
            if verdict.name == "inconclusive" and self._ate_memory:
                return Verdict(name="inconclusive", reason=f"it grew in every round; {_ENDANGERING}")
            return verdict
        for series in shown.rounds:
            for delta in series.deltas:
                self._noise.note(series.metric, grew=delta > 0)  # type: ignore[arg-type]
        if shown.state == "noisy":
            return Verdict(name="inconclusive", reason="noisy: memory moves both ways in every round")
        return _CLEAN

    def _calm_down(self, repeat: Callable[[], bool]) -> None:
        """After anything but scans: the first repetition frees what that left, and hides a leak of the same size."""
        if self._disturbed:
            self._disturbed = False
            self._confirmer.warm_up(repeat)

    def _conclude(self, subject: Subject, verdict: Verdict) -> None:
        self.tally.verdicts[subject.index] = verdict
        self.tally.checked += 1
        if verdict.name == "clean":
            self.tally.clean_repetitions += subject.repetitions
            self.tally.clean += 1
            self._noise.note("blocks", grew=False)
            self._noise.note("heap", grew=False)
        self._progress(self.tally.checked)

    def _look_for_steps(self, *, last: bool = False) -> None:
        if not (last or self._steps.is_due()):
            return
        self._disturbed = True
        for index, verdict in self._steps.search(self.tally.verdicts):
            if verdict.name != "clean":
                self.tally.verdicts[index] = verdict

    def _fixtures(self, subjects: Sequence[Subject], *, widest: bool) -> None:
        """Check fixtures above function scope: one test that uses them, their whole teardown in each round."""
        usable = [s for s in subjects if self.tally.verdicts[s.index].name == "clean"]
        for cycle in self._repetitions.cycles(usable, widest=widest):
            if self._spent():
                self.tally.unchecked_fixtures.extend(cycle.names)
                continue
            self._cycle(cycle)

    def _cycle(self, cycle: Cycle) -> None:
        subject = cycle.subject
        repeat = partial(self._run, subject, keep=cycle.keep)
        self._repetitions.enter(cycle.keep)
        verdict = self._rounds(subject, repeat, cycle)
        self._disturbed = True
        if verdict.name not in ("clean", "leak"):
            self.tally.unchecked_fixtures.extend(f"{name} ({verdict.name}: {verdict.reason})" for name in cycle.names)


_FIXTURE = 1
_FAILED = 2
_LATE = 3


def _rss_of(read: Callable[[], int | None] | None) -> int | None:
    return None if read is None else read()
