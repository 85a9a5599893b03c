"""In which order pass 2 takes the tests, and with which ones the next run begins. Pure."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

_MOST_REMEMBERED = 200_000


class _Placed(Protocol):
    @property
    def index(self) -> int: ...

    @property
    def nodeid(self) -> str: ...

    @property
    def module(self) -> Hashable: ...


P = TypeVar("P", bound=_Placed)


def order(
    subjects: Iterable[P], *, marked: Container[int], suspects: Sequence[int], overdue: Mapping[str, int]
) -> list[list[P]]:
    """Modules in the order in which to check them, each with its tests in theirs.

    First the marked, then what pass 1 suspects, then what earlier runs did not reach (``overdue``: node id to how
    long ago, oldest 0), then the rest in the suite's own order. A module comes as early as its first test.
    """
    suspicion = {index: rank for rank, index in enumerate(suspects)}

    def rank(subject: P) -> tuple[int, int, int]:
        if subject.index in marked:
            return (0, subject.index, 0)
        if subject.index in suspicion:
            return (1, suspicion[subject.index], 0)
        if subject.nodeid in overdue:
            return (2, overdue[subject.nodeid], 0)
        return (3, subject.index, 0)

    modules: dict[Hashable, list[P]] = {}
    for subject in subjects:
        modules.setdefault(subject.module, []).append(subject)
    # Within a module the suite's own order stays: it is the one in which its fixtures are set up least often.
    return sorted(modules.values(), key=lambda module: min(map(rank, module)))


def overdue_after(before: Sequence[str], *, unchecked: Sequence[str], checked: Container[str]) -> list[str]:
    """What the next run should begin with, oldest first.

    What was overdue before and has not been checked since keeps its place, also where this run did not select it;
    behind it comes what this run did not reach.
    """
    still = [nodeid for nodeid in before if nodeid not in checked]
    known = set(still)
    return [*still, *(nodeid for nodeid in unchecked if nodeid not in known)][:_MOST_REMEMBERED]


class _Related(Protocol):
    @property
    def parent(self) -> object: ...


R = TypeVar("R", bound=_Related)


def stretches(subjects: Sequence[R], *, longest: int) -> Iterator[Sequence[R]]:
    """Split into stretches of one parent, none longer than ``longest``."""
    start = 0
    for position in range(1, len(subjects) + 1):
        last = position == len(subjects)
        if last or subjects[position].parent is not subjects[start].parent or position - start >= longest:
            yield subjects[start:position]
            start = position
