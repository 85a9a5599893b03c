"""Repeat tests once each, and see which of them may retain something: most are cleared by that single repetition.

Allocated blocks are read after each test, the heap around a stretch of tests, because walking the free chunks, and
saturating the C library's caches where they cannot be read, costs as much as a small test; a test that takes longer has
readings of its own. Where the heap of a stretch has moved, its tests can be looked at one by one.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from pytest_memguard.confirm import Confirmer
from pytest_memguard.grace import Grace
from pytest_memguard.judge import Floors, Metric
from pytest_memguard.subjects import Judge, Repetitions, Subject

LONGEST = 48  #: tests of one stretch
MOST_READINGS = 5 * LONGEST  #: of one stretch: at most four repetitions of each, and one before the first
_LOOKS = 4
_GROWTHS = 2
_LITTLE = 1024
_SLOW_S = 0.005
_MANY = 8
_ENOUGH = 6
_SOME = 4
_FIXTURE = 1
_FAILED = 2
_LATE = 3
_WITNESS = 4
_RESTLESS = 5
_LOOKS_AGAIN = 2
_CHANGED = frozenset({_FIXTURE, _WITNESS, _RESTLESS})


@dataclass(slots=True, kw_only=True)
class Stretch:
    """Tests of one class or module after a repetition of each, and by how much the metrics in bytes have moved.

    ``steady``: what is known to have retained nothing. ``level``: what retained no block. ``grown``: what may have.
    ``late``: what was freed when its threads had ended. ``failed``: what could not be repeated. ``witnesses``: what
    retained exactly what known causes explain. ``judged``: what is no question of memory any more. ``alone``: those
    with readings of their own, and what the last repetition showed; what those of ``grown`` and ``witnesses`` among
    them have added is not in ``moved``, and of the others only what the last repetition has.
    """

    steady: list[Subject] = field(default_factory=list)
    level: list[Subject] = field(default_factory=list)
    grown: list[Subject] = field(default_factory=list)
    late: list[Subject] = field(default_factory=list)
    failed: list[Subject] = field(default_factory=list)
    witnesses: list[Subject] = field(default_factory=list)
    judged: list[Subject] = field(default_factory=list)
    alone: dict[Subject, dict[Metric, int]] = field(default_factory=dict)
    moved: dict[Metric, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many tests were repeated; fewer than asked for where time was up, or they retained very much."""
        groups = (self.steady, self.level, self.grown, self.late, self.failed, self.witnesses, self.judged)
        return sum(map(len, groups))

    def repeated(self) -> list[Subject]:
        """The tests that could be repeated, in no order."""
        return [*self.steady, *self.level, *self.grown, *self.late, *self.witnesses]

    def judged_otherwise(self, subject: Subject) -> None:
        """A test that what it retains will not be asked for."""
        for group in (self.steady, self.level, self.grown, self.late, self.witnesses):
            if subject in group:
                group.remove(subject)
        self.judged.append(subject)

    def subtract(self, explained: Mapping[Metric, int]) -> None:
        """Take the heap off that is known to come from tests that were taken through their rounds meanwhile."""
        if "heap" in self.moved:
            self.moved["heap"] -= explained.get("heap", 0)


def is_suspicious(stretch: Stretch, all_of_them: Sequence[Stretch], floors: Floors) -> bool:
    """Whether a test of this stretch may retain memory that no block shows.

    The heap counts where it moved here and over all stretches of the module, because within it tests replace what
    others have stored; less heap may hide a leak as well as more shows one. Pages count for themselves: what one test
    gives back to the system, many times a leak at once, says nothing of another.
    """
    if any(by >= floors.of(metric) for metric, by in stretch.moved.items() if metric != "heap"):
        return True
    everywhere = sum(other.moved.get("heap", 0) for other in all_of_them)
    return min(abs(stretch.moved.get("heap", 0)), abs(everywhere)) >= floors.heap


class Screen:
    """Measures; what follows from it is the checker's. ``round_of`` makes the repetitions of one round of a test."""

    def __init__(
        self,
        confirmer: Confirmer,
        repetitions: Repetitions,
        prover: Judge,
        *,
        read_blocks: Callable[[], int],
        grace: Grace,
        round_of: Callable[[Subject], bool],
        spent: Callable[[], bool],
    ) -> None:
        self._confirmer = confirmer
        self._repetitions = repetitions
        self._read_blocks = read_blocks
        self._grace = grace
        self._round_of = round_of
        self._spent = spent
        self._prover = prover
        self._reads_all = False  # what the first of several repetitions has replaced is not to count
        self._looked_again = 0
        self._before = array("q", bytes(8 * (LONGEST + 1)))
        self._after = array("q", bytes(8 * LONGEST))
        self._readings = array("q", bytes(8 * LONGEST))  # the index of the one after a test, 0 if it has none
        self._first = array("q", bytes(8 * LONGEST))  # the index of the last one before a test
        self._flags = bytearray(LONGEST)

    def screen(self, subjects: Sequence[Subject]) -> Stretch:
        """Repeat each once, or as many as time allows."""
        meter = self._confirmer.meter
        self._confirmer.baseline()
        count = self._scan(subjects, knows_causes=self._prover.knows_causes())
        if not (count and self._readings[count - 1]):
            self._confirmer.settler.full()
            meter.read()
        return self._sort(subjects[:count])

    def _sort(self, subjects: Sequence[Subject]) -> Stretch:
        samples: dict[Metric, Sequence[int]] = {
            metric: r for metric, r in self._confirmer.meter.samples().items() if metric != "blocks"
        }
        found = Stretch(moved={metric: readings[-1] - readings[0] for metric, readings in samples.items()})
        for position, subject in enumerate(subjects):
            flag, last = self._flags[position], self._readings[position]
            own: dict[Metric, int] = {m: readings[last] - readings[last - 1] for m, readings in samples.items()}
            if last:
                found.alone[subject] = own
            else:
                own.clear()
            if flag == _FAILED:
                found.failed.append(subject)
            elif flag == _LATE:
                found.late.append(subject)
            elif flag in _CHANGED or self._after[position] > self._before[position]:
                (found.witnesses if flag == _WITNESS else found.grown).append(subject)
                self._take_off(found, samples, position, last)
            else:
                self._take_off(found, samples, position, last - 1)
                (found.steady if last and not self._has_moved(own) else found.level).append(subject)
        self._reads_all = _MANY * self._looked_again > len(subjects)
        return found

    def _take_off(self, found: Stretch, samples: Mapping[Metric, Sequence[int]], position: int, last: int) -> None:
        """Of a test with readings of its own: all that its repetitions have added until that reading."""
        if self._readings[position]:
            for metric, readings in samples.items():
                found.moved[metric] -= readings[last] - readings[self._first[position]]

    def _has_moved(self, own: Mapping[Metric, int]) -> bool:
        """Whether more may be retained than these readings show: the heap at all, or pages gained."""
        floors = self._confirmer.policy.floors
        return any(by != 0 if metric == "heap" else by >= floors.of(metric) for metric, by in own.items())

    def _scan(self, subjects: Sequence[Subject], *, knows_causes: bool) -> int:
        """Repeat the subjects one after the other, reading blocks between them; how many were reached.

        Ends early where many retain something: once one is proved, the rest may be recognised.
        """
        settler, meter = self._confirmer.settler, self._confirmer.meter
        before, after = self._before, self._after  # no reading is kept in a variable: it would be a block
        position = 0
        count = len(subjects)
        settler.light()
        before[0] = self._read_blocks()
        fresh, unknown, much = True, 0, False
        self._looked_again = 0
        while position < count:
            subject = subjects[position]
            if self._spent() or unknown >= _ENOUGH or (much and self._confirmer.retained_much()):
                return position
            alone = self._reads_all or subject.duration_s >= _SLOW_S
            if alone and not fresh:
                self._read_all()
            self._first[position] = meter.used - 1
            self._repeat(subject, position, alone=alone)
            if self._flags[position] == _FIXTURE:  # what that holds is no growth: the next repetition finds it there
                before[position] = after[position]
                self._repeat(subject, position, alone=alone)
            before[position + 1] = after[position]
            if not self._flags[position] and self._may_retain(position, alone=alone):
                self._look_again(subject, position, knows_causes=knows_causes, alone=alone)
            if self._gained(position) > 0 and self._flags[position] != _WITNESS:
                unknown += 1
            self._readings[position] = meter.used - 1 if alone else 0
            fresh = alone
            # What takes so little time cannot fill much memory; reading the pages takes as long as the rest here.
            much = alone or not (position + 1) % _SOME
            position += 1
            del subject
        return position

    def _repeat(self, subject: Subject, position: int, *, alone: bool) -> None:
        """One round of a test, its readings, and a flag for what keeps it from being judged."""
        setups = self._repetitions.fixture_setups
        passed = self._round_of(subject)
        self._flags[position] = _FAILED if not passed else _FIXTURE if self._repetitions.fixture_setups != setups else 0
        del setups
        self._read(position)
        if self._grace.is_needed():
            if not self._flags[position] and self._after[position] > self._before[position]:
                self._flags[position] = _LATE
            self._grace.wait()  # or what its threads free later would hide what the next tests retain
            self._read(position)
        if alone:
            self._read_all()

    def _read_all(self) -> None:
        """Leaves some in free lists until the next settling: blocks are not read after it."""
        self._confirmer.settler.saturate()
        self._confirmer.meter.read()

    def _read(self, position: int) -> None:
        self._confirmer.settler.light()
        self._after[position] = self._read_blocks()

    def _look_again(self, subject: Subject, position: int, *, knows_causes: bool, alone: bool) -> None:
        """Repeat it in place: the first repetition may only have put back what another test has cleared.

        What retains exactly what known causes explain is a witness; what retains nothing the next time, or the one
        after it, is cleared. ``alone``: of the other metrics, too, only the last repetition counts.
        """
        self._looked_again += 1
        if knows_causes and self._gained(position) > 0:
            self._mark(position)
            self._repeat(subject, position, alone=alone)
            if not self._flags[position] and self._prover.witness(subject, self._gained(position)):
                self._flags[position] = _WITNESS
        # Not settled again before it: what one settling has finalized the next frees, and a repetition gains it back.
        looks = _LOOKS_AGAIN - knows_causes
        while looks and not self._flags[position] and self._may_retain(position, alone=alone):
            looks -= 1
            self._before[position] = self._after[position]
            self._repeat(subject, position, alone=alone)
            if subject.takes_long and self._gained(position) > 0:
                break  # its rounds will tell, with fewer repetitions
        if not self._flags[position] and self._gained(position) < 0:
            self._flags[position] = _RESTLESS
        self._before[position + 1] = self._after[position]

    def _may_retain(self, position: int, *, alone: bool) -> bool:
        """Whether the last repetition may have kept something, by the readings taken around it."""
        if self._gained(position) > 0 or not alone:
            return self._gained(position) > 0
        meter = self._confirmer.meter
        return self._has_moved({metric: meter.last_step(metric) for metric in meter.metrics if metric != "blocks"})

    def _gained(self, position: int) -> int:
        return self._after[position] - self._before[position]

    def _mark(self, position: int) -> None:
        self._confirmer.freeze()
        self._prover.mark()
        self._confirmer.settler.light()
        self._before[position] = self._read_blocks()

    def narrow(self, subjects: Sequence[Subject]) -> list[tuple[Subject, bool]]:
        """Repeat each once more, and say whether the heap grew by it, twice in a row; as many as time allows.

        Where it moved by less than the floor, or a little down, something else may have freed what the test retains: it
        is asked again, a few times at most.
        """
        flags, position, confirmer = self._flags, 0, self._confirmer
        repeats = [partial(self._round_of, subject) for subject in subjects]
        confirmer.baseline()
        for repeat in repeats:
            if self._spent():
                break
            flags[position] = 0
            tries = _LOOKS
            while tries and flags[position] < _GROWTHS:
                if not confirmer.round(repeat):
                    flags[position] = _GROWTHS
                elif confirmer.heap_still_growing():
                    flags[position] += 1
                else:
                    flags[position] = 0
                    tries = tries - 1 if self.wavered() else 0
                confirmer.go_on()
            position += 1
        return [(subject, flag == _GROWTHS) for subject, flag in zip(subjects, flags[:position], strict=False)]

    def wavered(self) -> bool:
        """Whether the heap moved so little in the last round that something else may have freed what a test retains."""
        step = self._confirmer.meter.last_step("heap")
        return step != 0 and -_LITTLE < step < _LITTLE
