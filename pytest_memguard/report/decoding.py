"""Values out of data that nobody vouches for: a dataclass is filled, field by field, with what is of the right kind.

Nothing here raises for what the data holds. Keys may be missing, of another type, or of any length: a value is taken if
it is what its field should be, cut to a bearable size, and otherwise the field gets its default, or else what stands
for nothing (``None``, 0, an empty text or tuple, the first of several words). Keys without a field are passed over: a
newer version may have added them.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["decoded", "decoded_all"]

T = TypeVar("T")

_LONGEST = 10_000
_MOST_ENTRIES = 1_000
_HIGHEST = 2**63
# Beyond these no time or share of ours can lie, and a quotient of two of them is still a number.
_LARGEST_FLOAT, _SMALLEST_FLOAT = 1e18, 1e-12

_WRONG: Any = object()
Convert = Callable[[object], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class _Slot:
    """One field: how to read it, and what it is without a value."""

    name: str
    convert: Convert
    nothing: Callable[[], Any]


def decoded(cls: type[T], data: Mapping[str, Any], **given: object) -> T:
    """A *cls*, which is a dataclass, of what *data* has; the fields in *given* are taken from there."""
    values = dict(given)
    fields: Sequence[_Slot] = _slots(cls)  # type: ignore[arg-type] # every class is hashable
    for slot in fields:
        if slot.name not in given:
            value = slot.convert(data[slot.name]) if slot.name in data else _WRONG
            values[slot.name] = slot.nothing() if value is _WRONG else value
    return cls(**values)


def decoded_all(cls: type[T], found: object, *, most: int = _MOST_ENTRIES) -> tuple[T, ...]:
    """A *cls* of each object in the list *found*; empty where it is none."""
    return tuple(decoded(cls, entry) for entry in _objects(found, most))


def _objects(found: object, most: int) -> Iterable[Mapping[str, Any]]:
    return (entry for entry in found[:most] if isinstance(entry, dict)) if isinstance(found, list) else ()


@cache
def _slots(cls: type[Any]) -> tuple[_Slot, ...]:
    hints = get_type_hints(cls)
    slots = []
    for entry in dataclasses.fields(cls):
        convert, nothing = _reader(hints[entry.name])
        if entry.default is not dataclasses.MISSING:
            nothing = _always(entry.default)
        elif entry.default_factory is not dataclasses.MISSING:
            nothing = entry.default_factory
        slots.append(_Slot(entry.name, convert, nothing))
    return tuple(slots)


def _always(value: object) -> Callable[[], Any]:
    return lambda: value


def _reader(hint: Any) -> tuple[Convert, Callable[[], Any]]:
    """How to read a value of that type, and what stands for none."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in parts if part is not type(None))
        convert, _ = _reader(inner)
        return _optional(convert), _always(None)
    if origin is Literal:
        return _one_of(parts), _always(parts[0])
    if origin is tuple:
        return _several(_reader(parts[0])[0]), tuple
    if origin is not None:  # Mapping[str, ..]
        return _by_name(_reader(parts[1])[0]), dict
    return _PLAIN.get(hint) or (_object_of(hint), lambda: decoded(hint, {}))


def _optional(convert: Convert) -> Convert:
    def read(value: object) -> Any:
        found = convert(value)
        return None if found is _WRONG or found == "" else found

    return read


def _one_of(words: tuple[Any, ...]) -> Convert:
    return lambda value: value if isinstance(value, str) and value in words else _WRONG


def _several(convert: Convert) -> Convert:
    def read(value: object) -> Any:
        if not isinstance(value, list):
            return _WRONG
        found = map(convert, value[:_MOST_ENTRIES])
        return tuple(entry for entry in found if entry is not _WRONG)

    return read


def _by_name(convert: Convert) -> Convert:
    def read(value: object) -> Any:
        if not isinstance(value, dict):
            return _WRONG
        found = ((_text(name), convert(entry)) for name, entry in list(value.items())[:_MOST_ENTRIES])
        return {name: entry for name, entry in found if entry is not _WRONG}

    return read


def _object_of(cls: type[Any]) -> Convert:
    return lambda value: decoded(cls, value) if isinstance(value, dict) else _WRONG


def _text(value: object) -> Any:
    if not isinstance(value, str):
        return _WRONG
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}.. ({len(value)} characters)"


def _whole(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - NaN
        return _WRONG
    return int(max(-_HIGHEST, min(value, _HIGHEST)))


def _real(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _LARGEST_FLOAT:
        return _WRONG
    number = float(value)
    return number if abs(number) >= _SMALLEST_FLOAT else math.copysign(0.0, number)


def _truth(value: object) -> Any:
    return value if isinstance(value, bool) else _WRONG


_PLAIN: dict[type, tuple[Convert, Callable[[], Any]]] = {
    str: (_text, str),
    int: (_whole, int),
    float: (_real, float),
    bool: (_truth, bool),
}
