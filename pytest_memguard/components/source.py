"""Where the containers of a component come from: a reference, an object that was handed over, or a function."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from typing import Any

from pytest_memguard import peek
from pytest_memguard.components.deadline import within
from pytest_memguard.components.reference import Reference

__all__ = ["Source", "held", "made", "referred"]

_CALL_S = 1.0


class Source:
    """One tracked container under the name that limits use."""

    __slots__ = ("_find", "found", "name", "reference")

    def __init__(self, name: str, find: Callable[[], Any], reference: Reference | None = None) -> None:
        self.name = name
        self.reference = reference
        self.found = False  # at least once
        self._find = find

    def container(self) -> Any:
        """The container as it is now; raises what finding it raises."""
        container = self._find()
        self.found = True
        return container


class GoneError(Exception):
    """A container that was handed over, and that nobody keeps any more."""


def referred(reference: str, name: str | None = None) -> Source:
    """What ``module:attribute`` leads to."""
    found = Reference(reference)
    return Source(name or found.name, found.container, found)


def made(name: str, function: Callable[[], Any]) -> Source:
    """What ``function()`` gives."""
    return Source(name, lambda: within(_CALL_S, function))


def held(name: str, container: Any) -> Source:
    """An object; kept alive only where its type does not let itself be referred to weakly, as builtin ones do not."""
    if peek.is_a(container, types.FunctionType) or peek.is_a(container, types.MethodType):
        return made(name, container)
    try:
        reference: Callable[[], Any] = weakref.ref(container)
    except TypeError:
        return Source(name, lambda: container)

    def find() -> Any:
        found = reference()
        if found is None:
            raise GoneError("the object was freed")
        return found

    return Source(name, find)
