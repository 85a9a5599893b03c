"""The bytes of a component from test to test, at a small share of the time that passes.

Walking over all objects after each test would cost more than the tests. So a component is walked over again only when
the walk before has become a small part of the time since; meanwhile what was appended is weighed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import index
from typing import Any, NamedTuple

from pytest_memguard import peek
from pytest_memguard.components.action import Action
from pytest_memguard.components.size import ORDERED, newest, size_of

__all__ = ["Asked", "Contents", "Scale", "Weight", "WrongMeasureError"]

Contents = Sequence[tuple[Any, int | None]]

# A walk is made again when it has cost at most a hundredth of the time since, or next to nothing.
_SHARE = 100
_CHEAP_S = 30e-6
_MOST_APPENDED = 256
_MOST_OBJECTS_APPENDED = 1_000
_MOST_S_APPENDED = 0.001
_NEIGHBOURS = 4
_SLOT = 8
_ASK_S = 1.0
_MOST = 2**63


class Weight(NamedTuple):
    """Bytes now, and by how much the last test has changed them; None for what is not known of that test alone.

    ``entries``: as a measure of the user's own has them.
    """

    bytes: int | None
    grown: int | None
    entries: int | None = None


class _Pace:
    """When something is due that costs time."""

    __slots__ = ("_at", "_cost", "clock")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._at = self._cost = 0.0

    def due(self) -> bool:
        return self._cost <= _CHEAP_S or self.clock() - self._at >= _SHARE * self._cost

    def spent(self, since: float) -> None:
        self._at = self.clock()
        self._cost = self._at - since


class Scale:
    """Weighs containers object by object; what cannot be followed test by test is weighed when it is due."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._walks = _Pace(clock)
        self._looks = _Pace(clock)  # at what was appended
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Begin again: the next weight is the first."""
        self._bytes: int | None = None
        self._exact = False
        self._current = False  # whether the last weight includes all that happened before the last test
        self._shape: list[tuple[int, int | None]] = []

    def weigh(self, contents: Contents, anyway: bool = False) -> Weight:
        """The weight after a test; *anyway*: walk, whatever it costs."""
        try:
            return self._weighed(contents, anyway)
        except RuntimeError:  # a thread changes a container faster than it can be read
            self._current = False
            return Weight(self._bytes, None)

    def _weighed(self, contents: Contents, anyway: bool) -> Weight:
        shape = [(id(container), entries) for container, entries in contents]
        before, changed = self._bytes, shape != self._shape
        if not (changed or anyway) and self._current and not any(entries != 0 for _, entries in shape):
            return Weight(before, 0)  # empty, and it was before: nothing can have grown inside
        appended = self._appended(contents, shape) if changed and before is not None and self._looks.due() else None
        walked = before is None or anyway or self._walks.due()
        if walked:
            known = self._walked([container for container, _ in contents])
            appended = known if known is not None or before is None else appended
        elif changed and before is not None:
            self._bytes = before + appended if appended is not None else self._scaled(before, shape)
        self._shape, self._current = shape, walked
        return Weight(self._bytes, appended)

    def _scaled(self, before: int, shape: Sequence[tuple[int, int | None]]) -> int:
        """What it may weigh now, if entries weigh what they did."""
        old, new = (sum(entries or 0 for _, entries in each) for each in (self._shape, shape))
        return round(before * new / old) if old else before

    def _walked(self, containers: Sequence[Any]) -> int | None:
        """Walk; gives the growth where both walks have counted every object, and nothing lay between them."""
        start = self._clock()
        size = size_of(containers, clock=self._clock)
        self._walks.spent(start)
        before, comparable = self._bytes, self._current and self._exact and size.exact
        self._bytes, self._exact = size
        return size.bytes - before if comparable and before is not None else None

    def _appended(self, contents: Contents, shape: Sequence[tuple[int, int | None]]) -> int | None:
        """Bytes of the entries at the end of containers that have become longer; None where that is not all."""
        if [key for key, _ in shape] != [key for key, _ in self._shape]:
            return None
        added: list[tuple[Any, int]] = []
        for (container, now), (_, before) in zip(contents, self._shape, strict=True):
            if now == before:
                continue
            if now is None or before is None or now < before or not any(peek.is_a(container, c) for c in ORDERED):
                return None
            added.append((container, now - before))
        number = sum(more for _, more in added)
        if number > _MOST_APPENDED:
            return None
        start = self._clock()
        grown = self._marginal(added)
        self._looks.spent(start)
        return None if grown is None else grown + _SLOT * number

    def _marginal(self, added: Sequence[tuple[Any, int]]) -> int | None:
        """Bytes of the last entries beyond what they share with those before; None where that takes too long."""
        sizes = []
        before = [newest(container, _NEIGHBOURS, before=more) for container, more in added]
        last = [newest(container, more) for container, more in added]
        for entries in (before, [*before, *last]):
            parts = chain.from_iterable(entries)
            size = size_of(parts, most_objects=_MOST_OBJECTS_APPENDED, most_s=_MOST_S_APPENDED, clock=self._clock)
            if not size.exact:
                return None
            sizes.append(size.bytes)
        return sizes[1] - sizes[0]


class WrongMeasureError(Exception):
    """A measure of the user's own that gives what is no measure."""


class Asked:
    """Weighs by a measure of the user's own: gets the tracked containers, gives bytes, or a mapping of both."""

    def __init__(self, measure: Action, clock: Callable[[], float]) -> None:
        self._measure = measure
        self._pace = _Pace(clock)
        self.forget()

    def forget(self) -> None:
        """Begin again: the next weight is the first."""
        self._last = Weight(None, None)
        self._current = False

    def weigh(self, contents: Contents, anyway: bool = False) -> Weight:
        """The weight after a test. Raises ``WrongMeasureError``, and what the measure raises."""
        if not (anyway or self._pace.due()):
            self._current = False
            return self._last._replace(grown=None)
        start = self._pace.clock()
        try:
            found = self._measure.run(_ASK_S, *(container for container, _ in contents))
        finally:
            self._pace.spent(start)
        size, entries = _numbers(found)
        before = self._last.bytes if self._current else None
        grown = None if before is None or size is None else size - before
        self._last, self._current = Weight(size, grown, entries), True
        return self._last


def _numbers(found: Any) -> tuple[int | None, int | None]:
    if not peek.is_a(found, dict):
        return _number(found), None
    given = dict.copy(found)
    known = {name: _number(given.pop(name)) for name in ("bytes", "entries") if name in given}
    if given or not known:
        raise WrongMeasureError("measure has to give bytes, or a mapping with bytes, entries or both, and nothing else")
    return known.get("bytes"), known.get("entries")


def _number(value: Any) -> int:
    if peek.is_a(value, bool) or peek.class_attribute(type(value), "__index__") is peek.MISSING:
        raise WrongMeasureError(f"measure gave a {peek.qualname_of(type(value))}, where a whole number is wanted")
    number = index(value)
    if not 0 <= number < _MOST:
        raise WrongMeasureError(f"measure gave {number if abs(number) < _MOST else 'a number without end'}: 0 or more")
    return number
