"""Which kinds of resources every one of several repetitions leaves behind. Pure arithmetic on censuses."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_memguard.model import Kind
from pytest_memguard.resources.inventory import Census
from pytest_memguard.resources.resource import KINDS, Key


class Rounds:
    """Censuses, one before the first repetition and one after each. ``births``: what each repetition added, by kind.

    Something may be added and taken away again: a leak is what is still there when all is over, from every one of the
    repetitions, and takes the place of nothing older: a pool that has as many as it may opens one and closes another.
    """

    def __init__(self, first: Census) -> None:
        self._first = self._last = first
        self._births: list[Census] = []

    @property
    def count(self) -> int:
        """Repetitions so far."""
        return len(self._births)

    def add(self, census: Census) -> None:
        """What there was after one more repetition."""
        self._births.append(census - self._last)
        self._last = census

    def adding(self) -> set[Kind]:
        """The kinds of which every repetition so far has added some."""
        if not self._births:
            return set()
        return {kind for kind in KINDS if all(_some(births, kind) for births in self._births)}

    def keeping(self) -> set[Kind]:
        """The kinds of which some of every repetition is still there."""
        return {kind for kind in self.adding() if self._stays(kind, self._last)}

    def leaking(self, final: Census) -> list[Kind]:
        """The kinds that leak, by what there is after a little patience.

        Of what was there before, something may have ended meanwhile that has nothing to do with it.
        """
        adding = self.adding()
        return [
            kind
            for kind in KINDS
            if kind in adding and self._stays(kind, final) and 2 * _number(self._first - final, kind) <= self.count
        ]

    def _stays(self, kind: Kind, census: Census) -> bool:
        return all(_some(births & census, kind) for births in self._births)

    def deferred(self, final: Census) -> bool:
        """Whether what the last repetition left was given back a little later, of a kind that each one added."""
        last = {kind for kind in self.adding() if _some(self._births[-1], kind)}
        return any(not _some(self._births[-1] & final, kind) for kind in last)

    def lasting(self, kind: Kind, final: Census) -> list[Key]:
        """What the repetitions left of that kind and is still there."""
        return [key for births in self._births for key in births & final if key.kind == kind]

    def deltas(self, kind: Kind, final: Census) -> tuple[int, ...]:
        """How many of that kind each repetition left for good."""
        return tuple(sum(key.kind == kind for key in births & final) for births in self._births)


def most_telling(kinds: Sequence[Kind]) -> Kind:
    """Of several kinds that one line makes, the one that it is about."""
    return min(kinds, key=KINDS.index)


def _some(census: Census, kind: Kind) -> bool:
    return any(key.kind == kind for key in census)


def _number(census: Census, kind: Kind) -> int:
    return sum(key.kind == kind for key in census)
