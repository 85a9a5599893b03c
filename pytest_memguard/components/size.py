"""How many bytes containers keep alive: counted object by object where that is quick, else estimated from a sample.

A deep size as ``objsize`` or ``pympler`` have it, made for use between two tests: it runs no code of the objects (both
of these ask ``__sizeof__`` and attributes), and it ends after a number of objects or a time, whatever hangs on them.
A component that wants either of these libraries has it as its ``measure``.
"""

from __future__ import annotations

import sys
import types
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from gc import get_referents
from itertools import chain, islice
from sys import getsizeof
from time import perf_counter
from typing import Any, NamedTuple

from pytest_memguard import peek

__all__ = ["ORDERED", "Size", "newest", "size_of"]

ORDERED = (dict, list, deque)
MOST_OBJECTS = 5_000
MOST_S = 0.01
_SAMPLE = 256
_SLOT = 8
_LOOK_EVERY = 128
_MOST_PENDING = 10_000
# What many objects refer to and none of them owns: code, modules, classes. Most of the program hangs on each.
_NOT_FOLLOWED = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.CodeType,
    types.FrameType,
    types.MappingProxyType,
    type(None),
    bool,
)


class Size(NamedTuple):
    """Bytes, and whether every object was counted; else they are an estimate."""

    bytes: int
    exact: bool


class _Pending(NamedTuple):
    """An object still to be counted. It stands for ``weight`` objects; ``origin``: the sampled entry that it is in."""

    obj: Any
    weight: float
    origin: int


def size_of(
    containers: Iterable[Any],
    *,
    most_objects: int = MOST_OBJECTS,
    most_s: float = MOST_S,
    clock: Callable[[], float] = perf_counter,
) -> Size:
    """Bytes of ``containers`` and of all that they keep alive, each object once.

    Of a container with more than a few hundred entries the oldest and the newest stand for the others; an object that
    is found in several of those is one that they share. Raises ``RuntimeError`` where a thread keeps changing one.
    """
    walk = _Walk()
    walk.pending.extend(_Pending(container, 1.0, 0) for container in containers)
    return walk.run(most_objects, clock() + most_s, clock)


def newest(container: Any, number: int, *, before: int = 0) -> Sequence[Any]:
    """``number`` entries of one of the ``ORDERED`` containers, keys of a mapping included: the last, or those *before*.

    ``before`` counts the entries at the end that are left out.
    """
    if peek.is_a(container, list):
        last: list[Any] = list.__getitem__(container, slice(-(number + before), -before or None))
        return last
    if peek.is_a(container, deque):
        return list(islice(deque.__reversed__(container), before, before + number))
    return list(chain.from_iterable(islice(reversed(dict.items(container)), before, before + number)))


class _Walk:
    """One walk over the objects; ``pending`` are those to begin with."""

    __slots__ = ("_inline", "_known", "_origins", "_sampled", "_sizers", "pending")

    def __init__(self) -> None:
        self.pending: list[_Pending] = []
        self._known: dict[int, tuple[float, int]] = {}
        self._sizers: dict[int, bool | None] = {}  # by the id of the class, whose hash may be somebody's code
        self._inline: dict[int, bool] = {}
        self._origins = 0
        self._sampled = False

    def run(self, most_objects: int, until: float, clock: Callable[[], float]) -> Size:
        """Count until nothing is pending, or one of the bounds is reached."""
        total = 0.0
        left = most_objects
        while self.pending and left > 0 and (left % _LOOK_EVERY or clock() < until):
            obj, weight, origin = self.pending.pop()
            own = self._size(obj)
            if own is None:
                continue
            left -= 1
            known = self._known.get(id(obj))
            if known is None:
                self._known[id(obj)] = (weight, origin)
                total += weight * own
            elif known[0] > 1.0 and known[1] != origin:
                # Found in another entry of the sample as well: there is one of it, however many entries there are.
                self._known[id(obj)] = (1.0, 0)
                total -= (known[0] - 1.0) * own
                weight, origin = 1.0, 0
            else:
                continue
            referents = self._follow(obj, weight, origin)
            if known is None and referents and self._keeps_values_inline(type(obj), referents):
                total += weight * _SLOT * len(referents)
        return Size(round(total + self._rest()), not self._sampled and not self.pending)

    def _rest(self) -> float:
        """Bytes of what is still pending, without what that refers to: the least that it can be."""
        entries = islice(reversed(self.pending), _MOST_PENDING)
        sizes = (entry.weight * (self._size(entry.obj) or 0) for entry in entries if id(entry.obj) not in self._known)
        return sum(sizes, 0.0)

    def _size(self, obj: Any) -> int | None:
        """Bytes of the object itself; None for what is not followed."""
        cls = type(obj)
        own = self._sizers.get(id(cls), peek.MISSING)
        if own is peek.MISSING:
            own = self._sizers[id(cls)] = _has_own_size(cls)
        if own is None:
            return None
        return object.__sizeof__(obj) if own else getsizeof(obj)

    def _keeps_values_inline(self, cls: type, referents: Sequence[Any]) -> bool:
        """Whether an instance has its attributes in an array that ``sys.getsizeof`` leaves out (CPython 3.11+)."""
        known = self._inline.get(id(cls))
        if known is None:
            slot = peek.class_attribute(cls, "__dict__")
            known = self._inline[id(cls)] = sys.version_info >= (3, 11) and type(slot) is types.GetSetDescriptorType
        return known and not any(type(referent) is dict for referent in referents)

    def _follow(self, obj: Any, weight: float, origin: int) -> Sequence[Any]:
        """Put what an object refers to among the pending; gives that, where it is all of it."""
        length = peek.length(obj)
        if length is None or length <= _SAMPLE or peek.is_lru(obj):
            referents = get_referents(obj)
            if len(referents) <= _SAMPLE:
                self.pending.extend(_Pending(referent, weight, origin) for referent in referents)
                return referents
            length = len(referents)
            entries: Iterator[tuple[Any, ...]] = zip(referents[:_SAMPLE])
        elif peek.is_a(obj, bytearray) or peek.is_a(obj, array):
            return ()
        else:
            entries = _sample(obj)
        self._sampled = True
        weight *= length / _SAMPLE
        for entry in entries:
            self._origins += 1
            self.pending.extend(_Pending(part, weight, self._origins) for part in entry)
        return ()


def _has_own_size(cls: type) -> bool | None:
    """Whether a class says its size by code of its own, which is not asked; None where objects are not followed."""
    if any(base in _NOT_FOLLOWED for base in peek.bases(cls)):
        return None
    return type(peek.class_attribute(cls, "__sizeof__")) is not types.MethodDescriptorType


def _sample(container: Any) -> Iterator[tuple[Any, ...]]:
    """The first and the last entries, each with all that belongs to it (key and value)."""
    half = _SAMPLE // 2
    if peek.is_a(container, dict):
        return chain(list(islice(dict.items(container), half)), list(islice(reversed(dict.items(container)), half)))
    if peek.is_a(container, deque):
        ends = chain(list(islice(deque.__iter__(container), half)), list(islice(deque.__reversed__(container), half)))
        return zip(ends)
    for sequence in (list, tuple):
        if peek.is_a(container, sequence):
            first, last = (sequence.__getitem__(container, part) for part in (slice(half), slice(-half, None)))
            return zip(chain(first, last))
    unordered: Any = set if peek.is_a(container, set) else frozenset
    return zip(list(islice(unordered.__iter__(container), _SAMPLE)))
