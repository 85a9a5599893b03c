"""Repeat tests once each, and see which of them may retain something: most are cleared by that single repetition.

Allocated blocks are read after each test, the heap around a stretch of tests, because saturating the C library's chunk
caches costs as much as a small test. Where the heap of a stretch has moved, its tests can be looked at one by one.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pytest_memguard.confirm import Confirmer
from pytest_memguard.grace import Grace
from pytest_memguard.judge import Floors, Metric
from pytest_memguard.subjects import Repetitions, Subject

LONGEST = 48  #: tests of one stretch
_LOOKS = 4
_GROWTHS = 2
_LITTLE = 1024
_FIXTURE = 1
_FAILED = 2
_LATE = 3


@dataclass(slots=True, kw_only=True)
class Stretch:
    """Tests of one class or module after a repetition of each, and by how much the metrics in bytes have moved.

    ``level``: what retained no block. ``grown``: what may have. ``late``: what was freed when its threads had ended.
    ``failed``: what could not be repeated.
    """

    level: list[Subject]
    grown: list[Subject]
    late: list[Subject]
    failed: list[Subject]
    moved: dict[Metric, int]

    @property
    def count(self) -> int:
        """How many tests were repeated; fewer than asked for where time was up, or they retained very much."""
        return len(self.level) + len(self.grown) + len(self.late) + len(self.failed)

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
        self._blocks = array("q", bytes(8 * (LONGEST + 1)))
        self._flags = bytearray(LONGEST)

    def screen(self, subjects: Sequence[Subject]) -> Stretch:
        """Repeat each once, or as many as time allows."""
        meter = self._confirmer.meter
        self._confirmer.baseline()
        count = self._scan(subjects)
        self._confirmer.settler.full()
        meter.read()
        found = Stretch(level=[], grown=[], late=[], failed=[], moved={})
        for metric, readings in meter.samples().items():
            if metric != "blocks":
                found.moved[metric] = readings[1] - readings[0]
        for position, subject in enumerate(subjects[:count]):
            flag = self._flags[position]
            if flag == _FAILED:
                found.failed.append(subject)
            elif self._blocks[position + 1] > self._blocks[position] or flag == _FIXTURE:
                found.grown.append(subject)
            elif flag == _LATE:
                found.late.append(subject)
            else:
                found.level.append(subject)
        return found

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
            if self._spent() or (position and self._confirmer.retained_much()):
                return position
            before = repetitions.fixture_setups
            passed = self._round_of(subject)
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
