"""Find the clean tests that make a container longer: growth in steps shows in no single round's blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from pytest_memguard.census import ContainerCensus
from pytest_memguard.confirm import Confirmer
from pytest_memguard.model import Verdict
from pytest_memguard.subjects import Judge, Repetitions, Subject

_MOST_CONTAINERS = 50
_OPEN = frozenset({"clean", "unchecked"})
_MARKS = 2  #: measuring costs about twice as much as only taking the lengths
_SHARE = 40  #: measuring takes at most one part in so many of the time


class StepSearch:
    """Lengths of all containers over the whole of pass 2, between ``start`` and ``end``."""

    def __init__(
        self,
        repetitions: Repetitions,
        confirmer: Confirmer,
        prover: Judge,
        *,
        repeat: Callable[[Subject], bool],
        spent: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self._repetitions = repetitions
        self._confirmer = confirmer
        self._prover = prover
        self._repeat = repeat
        self._spent = spent
        self._clock = clock
        self._census = ContainerCensus()
        self._waiting: list[Subject] = []
        self._found: list[tuple[list[Subject], list[object]]] = []
        self._last = clock()
        self._cost = 0.0

    def start(self) -> None:
        """Measure for the first time; the heap must not be frozen."""
        self._census.take()
        self._waiting = []  # another one, which is not counted

    def end(self) -> None:
        """Let go of all containers."""
        self._census.release()
        self._found.clear()

    def add(self, subjects: Sequence[Subject]) -> None:
        """These have been repeated since the last measurement."""
        self._waiting.extend(subjects)

    def measure(self, verdicts: Mapping[int, Verdict], *, in_any_case: bool = False) -> None:
        """See which containers are longer than they were, if that keeps to its share of the time."""
        if not (in_any_case or self._clock() - self._last >= self._cost * _SHARE):
            return
        waiting = [subject for subject in self._waiting if verdicts[subject.index].name in _OPEN]
        most = max((subject.repetitions for subject in waiting), default=0)
        # What leaks got about as much from the run of the suite as from each repetition since. What was empty, or
        # nearly, is filled for the first time; to find out by whom would take a repetition of every test.
        longer = self._census.grown(most_times=most)
        if longer:
            self._found.append((waiting, [each.container for each in longer[:_MOST_CONTAINERS]]))
        self._waiting = []
        start = self._clock()
        self._census.mark()
        self._last = self._clock()
        self._cost = _MARKS * (self._last - start)

    def search(self, verdicts: Mapping[int, Verdict]) -> Iterator[tuple[int, Verdict]]:
        """Prove what made a container longer: index and verdict of each test, which may be ``clean`` again."""
        found, self._found = self._found, []
        if not found:
            return
        self._confirmer.freeze()  # the census has made a large set, which each collection would go through
        for subjects, grown in found:
            if clean := [subject for subject in subjects if verdicts[subject.index].name == "clean"]:
                yield from self._among(clean, grown)
        self._census.mark()

    def _among(self, clean: Sequence[Subject], grown: list[object]) -> Iterator[tuple[int, Verdict]]:
        """Repeat these tests once more, and prove those after which one of these containers is longer."""
        light = self._confirmer.settler.light
        wanted = set(map(id, grown))
        with ContainerCensus(lambda: grown) as census:
            for subject in clean:
                if self._spent():
                    break
                self._repetitions.enter(subject.parent)
                census.mark()
                if not self._repeat(subject):
                    continue
                light()
                longer = next((g.container for g in census.grown() if id(g.container) in wanted), None)
                if longer is not None:
                    repeat = partial(self._repeat, subject)
                    yield subject.index, self._prover.prove_steps(subject, repeat, census, longer)
