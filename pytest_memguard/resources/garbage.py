"""What the collector found unreachable and could not free, or was told to keep: ``gc.garbage``."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterable, Iterator
from typing import Any

from pytest_memguard.resources.names import class_name
from pytest_memguard.resources.resource import Key, Resource

#: What is hardly ever garbage on its own account.
_SERVANTS = frozenset({dict, list, tuple, set, types.FunctionType, types.CellType, types.MethodType})


class Garbage:
    """One entry for each object in the list."""

    def keys(self) -> Iterator[Key]:
        """By address."""
        return (Key("garbage", id(obj)) for obj in list(gc.garbage))

    def describe(self, key: Key, born: Iterable[Any]) -> Resource | None:  # noqa: ARG002 - the list has them
        """The type of the object."""
        obj = next((obj for obj in list(gc.garbage) if id(obj) == key.identity), None)
        if obj is None:
            return None
        name = class_name(type(obj))
        serves = type(obj) in _SERVANTS
        return Resource(kind="garbage", name=f"{name} in gc.garbage", stable=name, obj=obj, is_helper=serves)
