"""Pass 2: go through the suite once more, clear every test that retains nothing, and have the others proved.

Tests are taken in runs of one class or module. Each is repeated once and settled; its allocated blocks are read on
both sides, so most tests are cleared by a single repetition. The malloc heap is read around a run of tests: malloc
knows it only by walking its free chunks. What grew goes through its rounds alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pytest_memguard.confirm import Confirmer
from pytest_memguard.grace import Grace
from pytest_memguard.judge import NoiseMeter
from pytest_memguard.model import Verdict
from pytest_memguard.resource_check import ResourceCheck
from pytest_memguard.room import Room
from pytest_memguard.schedule import stretches
from pytest_memguard.screen import LONGEST, Screen, Stretch, is_suspicious
from pytest_memguard.steps import StepSearch
from pytest_memguard.subjects import (
    CLEAN,
    INTERRUPTED,
    OUT_OF_BUDGET,
    Cycle,
    Judge,
    Repetitions,
    Subject,
    Tally,
)
from pytest_memguard.trial import NOISY, Trial

_MUCH = 16384
_TRIES = 4
_RESTLESS = Verdict(
    name="inconclusive", reason="memory grows while nothing is repeated: a thread that allocates, or a profiler"
)

_LEAK = Verdict(name="leak")
_DECIDED = frozenset({"leak", "inconclusive"})
_DEFERRED = Verdict(name="deferred", reason="what it retained was freed a little later, when its threads had ended")


class Checker:
    """Runs pass 2 over modules of subjects; single use."""

    def __init__(
        self,
        repetitions: Repetitions,
        confirmer: Confirmer,
        prover: Judge,
        resources: ResourceCheck,
        *,
        read_blocks: Callable[[], int],
        until: float,
        room: Room,
        noise: NoiseMeter,
        progress: Callable[[int], None],
        clock: Callable[[], float] = time.perf_counter,
        grace: Grace | None = None,
    ) -> None:
        self.tally = Tally()
        self._repetitions = repetitions
        self._confirmer = confirmer
        self._prover = prover
        self._resources = resources
        self._until = until
        self._room = room
        self._noise = noise
        self._progress = progress
        self._clock = clock
        self._reasons: dict[int, str] = {}
        self._if_clean: dict[int, Verdict] = {}
        self._last_thaw = clock()
        self._thaw_cost = 0.0
        self._went_alone = False
        self._grace = grace or Grace()
        self._trial = Trial(
            confirmer,
            prover,
            noise=noise,
            grace=self._grace,
            why=self._why,
            refusal=room.refusal,
        )
        self._steps = StepSearch(repetitions, confirmer, prover, repeat=self._repeat, spent=self._spent, clock=clock)
        self._screen = Screen(
            confirmer,
            repetitions,
            prover,
            read_blocks=read_blocks,
            grace=self._grace,
            round_of=self._round,
            spent=self._spent,
        )

    def run(self, modules: Sequence[Sequence[Subject]]) -> Tally:
        """Check the subjects module by module, then the fixtures above module scope."""
        confirmer = self._confirmer
        if self._grace.is_needed():
            self._grace.wait()
        confirmer.settler.prepare()
        self._last_thaw = self._clock()
        confirmer.settler.full()
        self._thaw_cost = self._clock() - self._last_thaw
        self._steps.start()
        confirmer.freeze()
        everything: list[Subject] = []
        self._start_with(modules, OUT_OF_BUDGET)
        if self._restless():
            self._start_with(modules, _RESTLESS)
            self._until = 0.0
        try:
            for subjects in modules:
                if not self._ready():
                    break
                self._module(subjects)
                self._place()
                self._look_for_steps()
                self._fixtures(subjects, widest=False)
                everything.extend(subjects)
                self._maybe_thaw()
            if everything and not self._spent():
                self._steps.measure(self.tally.verdicts, in_any_case=True)
                self._look_for_steps()
                self._fixtures(everything, widest=True)
        except KeyboardInterrupt:
            self._leave_out(modules, INTERRUPTED)
            raise
        finally:
            if self._room.ended_by is not None:
                self._leave_out(modules, self._room.ended_by)
            self._steps.end()
            confirmer.expose()
        return self.tally

    def _spent(self) -> bool:
        return self._room.is_spent or self._clock() > self._until

    def _ready(self) -> bool:
        """Whether more may be measured. To be asked between two measurements: memory is given back under pressure."""
        if self._room.make(self._confirmer.thaw):
            self._trial.disturbed = True
        return not self._spent()

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
        """Collect the whole heap now and then (garbage of module fixtures), for at most 2 % of the time."""
        now = self._clock()
        if now - self._last_thaw < self._thaw_cost * 50:
            return
        self._confirmer.thaw()
        self._last_thaw = self._clock()
        self._thaw_cost = self._last_thaw - now
        self._confirmer.freeze()
        self._trial.disturbed = True

    def _module(self, subjects: Sequence[Subject]) -> None:
        """Screen the tests of one module, prove what retained blocks, and look closer where the heap has moved.

        The heap is judged over the whole module: within it tests replace what others have stored.
        """
        found: list[Stretch] = []
        for part in stretches(subjects, longest=LONGEST):
            done = 0
            self._enter(part)
            while done < len(part) and self._ready():
                stretch = self._stretch(part[done:])
                if not stretch.count and self._room.is_spent:
                    stretch.failed.append(part[done])  # by the repetition that nobody counts
                    self._conclude(part[done], Verdict(name="inconclusive", reason=self._room.refusal()))
                done += stretch.count
                found.append(stretch)
                self._take_grown(stretch)
                self._steps.add(part[done - stretch.count : done])
                self._steps.measure(self.tally.verdicts)
        floors = self._confirmer.policy.floors
        for stretch in found:
            # Where time was up within the module nothing is known of the rest of it.
            self._clear(stretch.steady)
            if not is_suspicious(stretch, [stretch] if self._spent() else found, floors):
                self._clear(stretch.level)
            elif stretch.level and not self._spent():
                self._enter(stretch.level)
                self._look_closer(stretch)

    def _enter(self, subjects: Sequence[Subject]) -> None:
        self._repetitions.enter(subjects[0].parent)
        for subject in subjects:
            self._repetitions.prepare(subject.item)
            self._repetitions.set_up_fixtures(subject.item, patience_s=subject.patience_s)
            if self._repetitions.lacks_fixtures(subject.item) and not self._spent():
                self._repeat(subject)

    def _stretch(self, subjects: Sequence[Subject]) -> Stretch:
        """Screen these tests after a warm-up, where anything but a screening came before."""
        self._calm_before(subjects[0])
        found = self._screened(subjects)
        self._progress(self.tally.checked + len(found.level) + len(found.steady))
        return found

    def _look_for_resources(self, stretch: Stretch) -> None:
        """Take out of it what leaks more than memory: that explains what it retains, as far as anybody can tell."""
        suspects = self._resources.suspects(stretch.repeated(), [*stretch.grown, *stretch.late])
        for subject in suspects:
            if self._spent():
                break
            if subject.index in self._if_clean:
                continue
            self._trial.disturbed = True
            self._repetitions.enter(subject.parent)
            verdict = self._resources.check(subject, partial(self._round, subject))
            if verdict is not None and verdict.name in _DECIDED:
                stretch.judged_otherwise(subject)
                self._conclude(subject, verdict)
            elif verdict is not None:
                self._if_clean[subject.index] = verdict

    def _calm_before(self, subject: Subject) -> None:
        self._trial.disturbed = self._trial.disturbed or self._went_alone
        self._went_alone = False
        self._trial.calm_down(partial(self._round, subject))

    def _screened(self, subjects: Sequence[Subject]) -> Stretch:
        """Repeat each of these tests; ``grown`` and ``level`` are left to be judged."""
        self._resources.begin()
        found = self._screen.screen(subjects)
        self._look_for_resources(found)
        self._trial.explained = {}
        for subject in found.witnesses:
            self._conclude(subject, _LEAK)
        for subject in found.late:
            self._conclude(subject, _DEFERRED)
        for subject in found.failed:
            self._one_unfrozen(subject)
        found.subtract(self._trial.explained)
        return found

    def _take_grown(self, stretch: Stretch) -> None:
        """Take the tests that retained blocks through their rounds, and the heap that they explain off the stretch.

        In the order of the run, so that it is always the same one that is proved and names the leak. What a test with
        readings of its own has added to the heap is known already.
        """
        for subject in stretch.grown:
            self._trial.explained = {}
            self._one(subject)
            if subject not in stretch.alone:
                stretch.subtract(self._trial.explained)

    def _look_closer(self, stretch: Stretch) -> None:
        """Find which of these tests made the heap grow, if any: none of them retained a Python block."""
        fast = [subject for subject in stretch.level if subject not in stretch.alone]
        if fast:
            self._calm_before(fast[0])
            looked_at = self._screen.narrow(fast)
            self._clear([subject for subject, grew in looked_at if not grew])
            for subject in (subject for subject, grew in looked_at if grew):
                self._one(subject, level=True, tries=_TRIES)
        for subject in (subject for subject in stretch.level if subject in stretch.alone):
            disturbed = self._trial.disturbed
            # No warm-up where only pages have moved, or so much that what others have left behind is nothing to it.
            little = 0 < abs(stretch.alone[subject].get("heap", 0)) < _MUCH
            self._trial.disturbed = disturbed and little
            self._one(subject, level=True, tries=_TRIES if little else 1)
            self._trial.disturbed = self._trial.disturbed or disturbed

    def _clear(self, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            self._conclude(subject, CLEAN)

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
        refusal = self._room.refusal()
        if refusal is not None:
            self._reasons[subject.index] = refusal
            return False
        del refusal
        self._resources.note(subject)
        passed, reason = self._repetitions.run(subject.item, keep=keep, patience_s=subject.patience_s)
        self.tally.repetitions += 1
        if not passed:
            self._reasons[subject.index] = reason or "it cannot be repeated"
        return passed

    def _one(self, subject: Subject, *, level: bool = False, tries: int = 1) -> None:
        """Take one test through its rounds alone; ``level``: its blocks have been cleared, it is about the heap.

        Of several tries the first that grows counts: on CPython 3.10 frames move between code objects of different
        sizes, and free a few hundred bytes in one round and another.
        """
        if not self._ready():
            return
        verdict = CLEAN
        while verdict is CLEAN and tries:
            verdict = self._trial.of(subject, partial(self._round, subject))
            tries = tries - 1 if self._screen.wavered() else 0
        self._conclude(subject, CLEAN if level and verdict is NOISY else verdict)
        self._went_alone = True

    def _one_unfrozen(self, subject: Subject) -> None:
        """A repetition failed; perhaps only because frozen objects are invisible to ``gc.get_referrers``."""
        with self._confirmer.unfrozen():
            if self._repeat(subject):
                self._reasons.pop(subject.index, None)
                self._one(subject)
            else:
                self._conclude(subject, Verdict(name="inconclusive", reason=self._why(subject)))

    def _why(self, subject: Subject) -> str:
        return self._reasons.pop(subject.index, "it cannot be repeated")

    def _conclude(self, subject: Subject, verdict: Verdict) -> None:
        otherwise = self._if_clean.pop(subject.index, verdict)
        self.tally.verdicts[subject.index] = otherwise if verdict.name == "clean" else verdict
        self.tally.checked += 1
        if verdict.name == "clean":
            self.tally.clean_repetitions += subject.repetitions
            self.tally.clean += 1
            self._noise.note("blocks", grew=False)
            self._noise.note("heap", grew=False)
        self._progress(self.tally.checked)

    def _place(self) -> None:
        def repeat(subject: Subject) -> bool:
            self._repetitions.enter(subject.parent)
            return self._repeat(subject)

        if self._prover.place(repeat, self._spent):
            self._trial.disturbed = True

    def _look_for_steps(self) -> None:
        for index, verdict in self._steps.search(self.tally.verdicts):
            self._trial.disturbed = True
            if verdict.name != "clean":
                self.tally.verdicts[index] = verdict

    def _fixtures(self, subjects: Sequence[Subject], *, widest: bool) -> None:
        """Check fixtures above function scope: one test that uses them, their whole teardown in each round."""
        usable = [s for s in subjects if self.tally.verdicts[s.index].name == "clean"]
        for cycle in self._repetitions.cycles(usable, widest=widest):
            if not self._ready():
                self.tally.unchecked_fixtures.extend(cycle.names)
                continue
            self._cycle(cycle)

    def _cycle(self, cycle: Cycle) -> None:
        subject = cycle.subject
        repeat = partial(self._run, subject, keep=cycle.keep)
        self._repetitions.enter(cycle.keep)
        self._resources.begin()
        self._trial.disturbed = True
        self._trial.calm_down(repeat)
        verdict: Verdict | None = None
        if self._resources.suspects([subject], []):
            self._trial.disturbed = True
            verdict = self._resources.check(subject, repeat, cycle)
        if verdict is None or verdict.name not in _DECIDED:
            verdict = self._trial.of(subject, repeat, cycle)
        self._trial.disturbed = True
        if verdict.name == "clean":
            self.tally.clean_fixtures.update(cycle.names)
        elif verdict.name != "leak":
            self.tally.unchecked_fixtures.extend(f"{name} ({verdict.name}: {verdict.reason})" for name in cycle.names)
