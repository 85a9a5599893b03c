"""``dataclass`` for values with slots and keywords, without the code that it writes and compiles for each class.

The one of the standard library takes 0.45 ms a class for that (0.06 without it), and sixty of them are loaded before
the first test of every process: a quarter of the start. Here the methods are written once. An instance takes a
microsecond longer to make, so that what is made by the thousand is better off with the other one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

__all__ = ["dataclass"]


class _Field(NamedTuple):
    name: str
    put: Callable[[object, object], None]
    default: object
    factory: Callable[[], object] | None


_FIELDS: dict[type, tuple[_Field, ...]] = {}  # of each class of which there was an instance


def _fields_of(cls: type[Any]) -> tuple[_Field, ...]:
    found = _FIELDS.get(cls)
    if found is None:
        found = _FIELDS[cls] = tuple(
            _Field(
                field.name,
                getattr(cls, field.name).__set__,
                field.default,
                None if field.default_factory is dataclasses.MISSING else field.default_factory,
            )
            for field in dataclasses.fields(cls)
        )
    return found


def _init(self: Any, **given: object) -> None:
    cls = type(self)
    taken = 0
    for name, put, default, factory in _fields_of(cls):
        if name in given:
            put(self, given[name])
            taken += 1
        elif default is not dataclasses.MISSING:
            put(self, default)
        elif factory is not None:
            put(self, factory())
        else:
            raise TypeError(f"{cls.__name__}() needs {name!r}")
    if taken < len(given):
        unknown = sorted(given.keys() - {field.name for field in _fields_of(cls)})
        raise TypeError(f"{cls.__name__}() has no {', '.join(map(repr, unknown))}")
    if hasattr(cls, "__post_init__"):
        self.__post_init__()


def _values(self: object) -> list[object]:
    return [getattr(self, field.name) for field in _fields_of(type(self))]


def _equal(self: object, other: object) -> bool:
    return _values(self) == _values(other) if type(self) is type(other) else NotImplemented


def _hash(self: object) -> int:
    return hash(tuple(_values(self)))


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_setting(self: object, name: str, _: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r} of {type(self).__name__}")


def _refuse_deleting(self: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r} of {type(self).__name__}")


def _set_state(self: object, state: list[object]) -> None:
    for field, value in zip(_fields_of(type(self)), state, strict=True):
        field.put(self, value)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - what it is for whoever reads types
else:

    def dataclass(
        *,
        slots: bool,
        kw_only: bool,
        frozen: bool = False,
        eq: bool = True,
        repr: bool = True,  # noqa: A002
    ) -> Callable[[type], type]:
        """A class of values. Raises ``TypeError`` for one without slots, or whose fields are given by position."""
        if not (slots and kw_only):
            raise TypeError("for other than slots and keywords take the one of the standard library")
        methods: dict[str, object] = {"__init__": _init}
        if repr:
            methods["__repr__"] = _repr
        if eq:
            methods |= {"__eq__": _equal, "__hash__": _hash if frozen else None}
        if frozen:
            methods |= {"__setattr__": _refuse_setting, "__delattr__": _refuse_deleting}
            methods |= {"__getstate__": _values, "__setstate__": _set_state}

        def decorate(cls: type) -> type:
            for name, method in methods.items():
                if name not in cls.__dict__:
                    setattr(cls, name, method)
            return dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=True)(cls)

        return decorate
