"""Find a container again without keeping it alive."""

from __future__ import annotations

import itertools
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_memguard.diagnosis import anatomy

_MOST_REFERENTS = 1_000


@dataclass(frozen=True, slots=True)
class _Hop:
    """One reference to follow: by a key or the name of an attribute, or else to the object with that address."""

    address: int
    type_address: int
    key: str | int | None = None

    def follow(self, owner: Any) -> Any:
        """The object referred to; None where there is another one now."""
        if self.key is not None:
            return next((each for each in _values(owner, self.key) if self._is(each)), None)
        referents = anatomy.referents(owner)
        if len(referents) > _MOST_REFERENTS:
            return None
        return next((each for each in referents if self._is(each)), None)

    def _is(self, obj: object) -> bool:
        return id(obj) == self.address and id(type(obj)) == self.type_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """The nearest object that can be referred to weakly (or a module's name), and the references from there on.

    The address of what is found at each step must be the one remembered, so that a container that was replaced is not
    taken for the old one.
    """

    identity: int
    start: Callable[[], Any] = field(repr=False)
    hops: tuple[_Hop, ...] = field(repr=False)

    def length(self) -> int:
        """The container's length now; -1 where it is not found any more."""
        found = self.start()
        for hop in self.hops:
            if found is None:
                return -1
            found = hop.follow(found)
        if found is None:
            return -1
        length = anatomy.length(found)
        return -1 if length is None else length


def locate(chain: Sequence[Any], holder: Any) -> Whereabouts | None:
    """Where ``holder``, one of the objects of a retainer path, is to be found; None where that cannot be said."""
    place = next((index for index, obj in enumerate(chain) if obj is holder), None)
    if place is None:
        return None
    for index in range(place, -1, -1):
        start = _start(chain[index])
        if start is not None:
            hops = tuple(_hop(chain[at], chain[at + 1]) for at in range(index, place))
            found = Whereabouts(identity=id(holder), start=start, hops=hops)
            return found if found.length() >= 0 else None
    return None


def _start(obj: Any) -> Callable[[], Any] | None:
    try:
        return weakref.ref(obj)
    except TypeError:
        pass
    if type(obj) is not dict:
        return None
    name = anatomy.exact_str(obj.get("__name__"))
    if name is None or anatomy.module_namespace(sys.modules.get(name)) is not obj:
        return None

    def globals_now() -> dict[str, Any] | None:
        return anatomy.module_namespace(sys.modules.get(name))

    return globals_now


def _hop(owner: Any, target: Any) -> _Hop:
    return _Hop(address=id(target), type_address=id(type(target)), key=_key(owner, target))


def _key(owner: Any, target: Any) -> str | int | None:
    """The key or attribute under which ``owner`` has it; None where it has it under none that can be looked up."""
    attributes: dict[str, Any] = anatomy.instance_dict(owner) or {}
    entries = dict.items(owner) if issubclass(type(owner), dict) else ()
    for key, value in itertools.chain(entries, attributes.items()):
        if value is target and (type(key) is str or type(key) is int):
            return key
    return None


def _values(owner: Any, key: str | int) -> Iterator[Any]:
    """What is there now under that key, and under that attribute."""
    if issubclass(type(owner), dict):
        yield dict.get(owner, key)
    attributes: dict[Any, Any] = anatomy.instance_dict(owner) or {}
    yield attributes.get(key)
