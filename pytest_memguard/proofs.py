"""The confirmed leaks of one process, each with the tests that show it, told apart by where in a test they happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from pytest_memguard.diagnosis import Cause, Paths, Watched, by_both
from pytest_memguard.model import Diagnosis, Finding, Origin
from pytest_memguard.subjects import Subject

_MOST_TRACED_S = 0.1
# So many witnesses in a row that show a leak where it is known say that the rest do, too: there may be a thousand.
_AGREEING = 8
# A diagnosis takes a hundred times as long as a repetition: few of them have to do.
_WEIGHT_OF_DIAGNOSIS = 3

#: File and line.
Place = tuple[str, int]


@dataclass(slots=True, kw_only=True)
class Proof:
    """A confirmed leak with the tests that show it; findings are made of it when the run is over."""

    finding: Finding
    witnesses: list[str]


class Placed(NamedTuple):
    """What a test retains, and where in its life."""

    diagnosis: Diagnosis
    origin: Origin


class Proofs:
    """A cause is proved once; a test that is recognised by it is a witness, and placed where it shows it later on.

    ``diagnose`` says what a repetition retains, or None where that fails.
    """

    def __init__(
        self, watched: Watched | None, diagnose: Callable[[Subject, Callable[[], bool]], Placed | None], paths: Paths
    ) -> None:
        self.all: list[Proof] = []
        self._watched = watched
        self._diagnose = diagnose
        self._paths = paths
        self._of: dict[Cause, list[Proof]] = {}
        self._waiting: list[tuple[Cause, Subject]] = []
        self._agreeing: dict[Cause, int] = {}

    def add(self, finding: Finding, cause: Cause | None = None) -> None:
        """Keep a leak, and what it is recognised by."""
        proof = Proof(finding=finding, witnesses=list(finding.witnesses))
        self.all.append(proof)
        if cause is not None:
            self._of[cause] = [proof]

    def of(self, cause: Cause) -> Finding:
        """The leak that was proved to have this cause."""
        return self._of[cause][0].finding

    def witness(self, cause: Cause, subject: Subject) -> None:
        """Another test that shows it."""
        self._of[cause][0].witnesses.append(subject.nodeid)
        self._waiting.append((cause, subject))

    def place(self, repeat: Callable[[Subject], bool], spent: Callable[[], bool]) -> bool:
        """Repeat the latest witnesses once more, to see in which phase and fixture each shows it; whether any was.

        One that does so elsewhere than the test that was proved is a proof of its own.
        """
        waiting, self._waiting = self._waiting, []
        watched, placed = self._watched, False
        if watched is None:
            return False
        for cause, subject in waiting:
            if spent():
                break
            agreeing = self._agreeing.get(cause, 0)
            if agreeing < _AGREEING:
                placed = True
                weight = self._place(cause, subject, partial(repeat, subject), watched)
                self._agreeing[cause] = agreeing + weight if weight else 0
        return placed

    def _place(self, cause: Cause, subject: Subject, repeat: Callable[[], bool], watched: Watched) -> int:
        """How much it says that the test shows its leak where that is known already; 0: it does so elsewhere."""
        grown, line = self._where(cause, subject, repeat, watched)
        if line is not None and line[0] == subject.nodeid.partition("::")[0]:
            line = None  # its own: that it is another than another test's says nothing
        found: Placed | None = None
        if len(grown) > 1:  # there is more coming and going than what stays
            found = self._diagnose(subject, repeat)
        weight = 1 if len(grown) <= 1 else _WEIGHT_OF_DIAGNOSIS
        origin = found.origin if found is not None else max(grown, key=grown.__getitem__, default=None)
        first, *others = self._of[cause]
        if origin is None or _is_of(first, origin, line):
            return weight
        _remove_last(first.witnesses, subject.nodeid)  # another cause may have put it there as well, before
        known = next((proof for proof in others if _is_of(proof, origin, line)), None)
        if known is not None:
            known.witnesses.append(subject.nodeid)
            return weight
        found = found or self._diagnose(subject, repeat)
        finding = replace(
            first.finding,
            nodeid=subject.nodeid,
            witnesses=(subject.nodeid,),
            phase=origin.phase,
            fixture=origin.fixture,
            diagnosis=found.diagnosis if found is not None else first.finding.diagnosis,
        )
        self.add(finding)
        self._of[cause].append(self.all[-1])
        return 0

    def _where(
        self, cause: Cause, subject: Subject, repeat: Callable[[], bool], watched: Watched
    ) -> tuple[Mapping[Origin, int], Place | None]:
        """In which phases the holder grows, and by which line; nothing where it does not, or the repetition fails."""
        passed = False

        def note_whether_passed() -> None:
            nonlocal passed
            passed = repeat()

        traces = subject.duration_s < _MOST_TRACED_S
        read = cause.whereabouts.length
        grown, line = by_both(watched, read, note_whether_passed, self._paths if traces else None)
        return (grown, line) if passed else ({}, None)


def _is_of(proof: Proof, origin: Origin, line: Place | None) -> bool:
    finding = proof.finding
    if (finding.phase, finding.fixture) != (origin.phase, origin.fixture):
        return False
    diagnosis = finding.diagnosis
    return line is None or line in {(site.file, site.line) for site in diagnosis.retained_at or diagnosis.sites}


def _remove_last(names: list[str], name: str) -> None:
    del names[len(names) - 1 - names[::-1].index(name)]
