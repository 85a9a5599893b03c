"""Immutable values that get longer: ``_TEXT += line``, ``_SEEN = (*_SEEN, entry)``.

No object stays and no container grows; each repetition puts a longer value in the place of the last one.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_memguard.diagnosis import anatomy
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.diagnosis.roots import Root
from pytest_memguard.model import Retainer
from pytest_memguard.values import dataclass

_LENGTHS: tuple[tuple[type, Callable[[Any], int]], ...] = (
    (str, str.__len__),
    (bytes, bytes.__len__),
    (tuple, tuple.__len__),
    (frozenset, frozenset.__len__),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Longer:
    """A value that is longer after each repetition, and where it stands."""

    root: Root
    retainer: Retainer
    per_run: int


class Values:
    """Lengths of the values that the user's globals, classes and global instances have, and of context variables."""

    __slots__ = ("_lengths", "_owners")

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._lengths = {place: length for place, _, length in self._read()}

    def longer(self, repetitions: int) -> list[Longer]:
        """What grew by the same amount in each of the repetitions since then, the fastest first."""
        found = []
        for place, value, length in self._read():
            more = length - self._lengths.get(place, length)
            if more >= repetitions and more % repetitions == 0:
                found.append(_longer(place, value, more // repetitions))
        return sorted(found, key=lambda longer: (-longer.per_run, longer.retainer.path))

    def length(self, path: str) -> int:
        """The length of the value at that path now; 0 where there is none."""
        return next((length for (_, found), _, length in self._read() if found == path), 0)

    def _read(self) -> Iterator[tuple[tuple[str, str], Any, int]]:
        for module, path, value in self._places():
            for cls, length in _LENGTHS:
                if type(value) is cls:
                    yield (module, path), value, length(value)

    def _places(self) -> Iterator[tuple[str, str, Any]]:
        for variable, value in contextvars.copy_context().items():
            yield "", f"context variable {anatomy.exact_str(variable.name)!r}", value
        for module, loaded in list(sys.modules.items()):
            if type(module) is str and self._owners.of(module) == "user":
                for name, value in _named(anatomy.module_namespace(loaded) or {}):
                    yield module, f"{module}.{name}", value
                    yield from self._attributes(module, f"{module}.{name}", value)

    def _attributes(self, module: str, path: str, obj: Any) -> Iterator[tuple[str, str, Any]]:
        """What a class of that module itself has, or an instance of one of the user's classes."""
        cls = type(obj)
        if issubclass(cls, type):
            if anatomy.module_of(obj) == module:
                yield from ((module, f"{path}.{name}", value) for name, value in _named(anatomy.class_namespace(obj)))
        elif self._owners.of_type(cls) == "user":
            attributes = (*anatomy.slots(obj), *_named(anatomy.instance_dict(obj) or {}))
            yield from ((module, f"{path}.{name}", value) for name, value in attributes)


def _named(namespace: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in list(namespace.items()) if type(name) is str]


def _longer(place: tuple[str, str], value: Any, per_run: int) -> Longer:
    module, path = place
    name = anatomy.type_name(type(value))
    root = Root(kind="module" if module else "context", name=module or path, module=module)
    retainer = Retainer(path=path, root=path, type=name, steps=(f"{path} ({name})",), suspect=0)
    return Longer(root=root, retainer=retainer, per_run=per_run)
