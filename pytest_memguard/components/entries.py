"""How many entries a container has: by the builtin it is made of, else by what it says itself."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Iterator
from typing import Any

from pytest_memguard import peek
from pytest_memguard.components.deadline import within

__all__ = ["count", "is_bounded"]

_LENGTH_S = 1.0
_MAXLEN = vars(deque)["maxlen"].__get__


def count(container: Any) -> int | None:
    """The number of entries; that of all containers among its attributes for an object without a length of its own.

    A subclass of a builtin container is asked past a ``__len__`` of its own; None where there is nothing to count.
    What somebody's ``__len__`` raises comes through.
    """
    known = peek.length(container)
    if known is not None:
        return known
    if peek.class_attribute(type(container), "__len__") is not peek.MISSING:
        return within(_LENGTH_S, len, container)
    lengths = [length for length in map(peek.length, _attributes(container)) if length is not None]
    return sum(lengths) if lengths else None


def is_bounded(container: Any) -> bool:
    """Whether it cannot grow without end: a ``deque`` with ``maxlen``, an ``lru_cache`` with ``maxsize``."""
    if peek.is_lru(container):
        return peek.lru_info(container)[1] is not None
    return peek.is_a(container, deque) and _MAXLEN(container) is not None


def _attributes(obj: Any) -> Iterator[Any]:
    yield from list(peek.namespace(obj).values())
    for base in peek.bases(type(obj)):
        for name, member in list(vars(base).items()):
            if type(member) is types.MemberDescriptorType:
                found = peek.attribute(obj, name)
                # A type made in C may have its attributes as a member of that name, such as SimpleNamespace.
                yield from list(found.values()) if name == "__dict__" and type(found) is dict else (found,)
