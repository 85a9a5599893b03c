"""Which containers grew over some repetitions: finds what retains objects that the garbage collector does not track.

Bytes, strings and numbers have no referrers that could be asked for; but whoever keeps more and more of them is a
container that gets longer.
"""

from __future__ import annotations

import gc
import itertools
import sys
import types
from array import array
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

from pytest_memguard.diagnosis import anatomy
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.model import TypeGrowth
from pytest_memguard.values import dataclass

_MOST = 64
_MOST_SAMPLED = 10_000
_MOST_REFERENTS = 1_000
_MANY_OBJECTS = 400_000
_INTERNED_INTS = range(-5, 257)
_CODE = (types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grown:
    """A container and by how many entries it grew in each repetition."""

    held: Held = field(repr=False)
    per_run: int


class Lengths:
    """The lengths of all containers at one moment. Refers to them, so they live until :meth:`forget`."""

    __slots__ = ("_containers", "_lengths")

    def __init__(self, owners: Owners) -> None:
        self._containers: list[Any] = []
        self._lengths = array("q")
        readers: dict[int, anatomy.Length | None] = {}
        ours = {id(self._containers), id(self._lengths), id(readers)}
        objects = gc.get_objects()
        for obj in itertools.chain(objects, _untracked(objects, owners)):
            cls = type(obj)
            key = id(cls)
            if key not in readers:
                readers[key] = anatomy.length_reader(cls)
            reader = readers[key]
            if reader is not None and id(obj) not in ours:
                self._containers.append(obj)
                self._lengths.append(reader(obj))

    def grown(self, repetitions: int) -> list[Grown]:
        """The containers that grew by the same amount in each of the repetitions since then, the fastest first."""
        found = []
        for obj, before in zip(self._containers, self._lengths, strict=True):
            more = (anatomy.length(obj) or 0) - before
            if more >= repetitions and more % repetitions == 0:
                found.append(Grown(held=Held(obj), per_run=more // repetitions))
        found.sort(key=lambda grown: -grown.per_run)
        return found[:_MOST]

    def forget(self) -> None:
        """Let go of everything; a list of ours would be found as a referrer."""
        self._containers.clear()


def _untracked(objects: Sequence[Any], owners: Owners) -> Iterator[Any]:
    """Containers that the collector does not track: byte arrays, and dictionaries of strings and numbers only.

    They are found with whoever refers to them; in a very large heap only with globals of the user's modules and with
    objects that these have.
    """
    if len(objects) > _MANY_OBJECTS:
        objects = [value for namespace in _user_globals(owners) for value in (namespace, *namespace.values())]
        objects += [inner for obj in objects for inner in _few_referents(obj) if type(inner) is dict]
    seen: set[int] = set()
    referents = itertools.chain.from_iterable(map(gc.get_referents, itertools.filterfalse(anatomy.is_module, objects)))
    for found in itertools.filterfalse(gc.is_tracked, referents):
        if (type(found) is dict or type(found) is bytearray) and id(found) not in seen:
            seen.add(id(found))
            yield found


def _user_globals(owners: Owners) -> list[dict[str, Any]]:
    modules = [(name, module) for name, module in list(sys.modules.items()) if type(name) is str]
    namespaces = (anatomy.module_namespace(module) for name, module in modules if owners.of(name) == "user")
    return [namespace for namespace in namespaces if namespace is not None]


def _few_referents(obj: object) -> list[Any]:
    """What a value refers to; nothing for code and for what refers to a great many."""
    found = [] if issubclass(type(obj), _CODE) else anatomy.referents(obj)
    return found if len(found) <= _MOST_REFERENTS else []


def contents(container: Any, per_run: int, repetitions: int) -> tuple[TypeGrowth, ...]:
    """Types of the entries that came last; per run. Empty where a container has no objects for entries."""
    newest = list(latest(container, min(per_run * repetitions, _MOST_SAMPLED)))
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for obj in itertools.chain.from_iterable(newest):
        name = anatomy.type_name(type(obj))
        counts[name] += 1
        sizes[name] += anatomy.shallow_size(obj)
    runs = len(newest) / per_run if newest and per_run else 1
    found = [
        TypeGrowth(type=name, count=max(1, round(count / runs)), bytes=round(sizes[name] / runs))
        for name, count in counts.items()
    ]
    return tuple(sorted(found, key=lambda growth: (-growth.bytes, growth.type)))


def latest(container: Any, count: int) -> Iterator[tuple[Any, ...]]:
    """The newest entries, where the container keeps an order; of a mapping what is not shared, keys included."""
    cls = type(container)
    if issubclass(cls, dict):
        for entry in itertools.islice(_reversed_items(container), count):
            yield tuple(each for each in entry if not _is_shared(each))
    elif issubclass(cls, list):
        yield from zip(list.__getitem__(container, slice(-count, None)))
    elif issubclass(cls, deque):
        yield from zip(itertools.islice(deque.__reversed__(container), count))
    elif issubclass(cls, set):
        yield from zip(itertools.islice(set.__iter__(container), count))


def _reversed_items(mapping: Any) -> Iterator[tuple[Any, Any]]:
    return iter(reversed(dict.items(mapping)))


def _is_shared(value: object) -> bool:
    """Whether it is one of the objects that exist once whatever a program does."""
    return value is None or type(value) is bool or (type(value) is int and value in _INTERNED_INTS)
