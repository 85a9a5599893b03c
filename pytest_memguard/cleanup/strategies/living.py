"""Find the living instances of classes of others without a registry of them, and without running their code."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from typing import Any

from pytest_memguard.cleanup.registry import Outcome

__all__ = ["each", "instances", "loaded"]

_referrers = gc.get_referrers
_objects = gc.get_objects
_subclasses = type.__subclasses__
_flags: Callable[[type], int] = type.__dict__["__flags__"].__get__
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: instances of the others do not refer to their type
_modules = sys.modules
_MOST_ERRORS = 3


def loaded(module: str, *path: str) -> Any:
    """What stands at *path* in *module*, or None: nothing is imported for it."""
    found: Any = _modules.get(module)
    for name in path:
        found = getattr(found, name, None)
    return found


def instances(*classes: Any) -> list[Any]:
    """All objects that the collector tracks whose real type is one of *classes* or derives from them.

    Every instance of a class that was made while running refers to it, so asking for referrers finds them in one pass
    in C (60 ns an object) that needs no list of all objects: the process may be short of memory. Values that are no
    classes are passed over.
    """
    family = _family(classes)
    if not family:
        return []
    ids = {id(cls) for cls in family}
    made_while_running = all(_flags(cls) & _HEAP_TYPE for cls in family)
    candidates = _referrers(*family) if made_while_running else _objects()
    return [candidate for candidate in candidates if id(type(candidate)) in ids]


def each(objects: Iterable[Any], clean: Callable[[Any], int]) -> Outcome:
    """The sum of what ``clean`` gives for each of them; one that fails does not keep the others from being cleaned."""
    entries = 0
    errors: list[str] = []
    for found in objects:
        try:
            entries += clean(found)
        except Exception as error:  # noqa: BLE001 - a subclass, a mock, something half made by another thread
            errors.append(f"{type(found).__name__}: {type(error).__name__}")
    return Outcome(entries=entries, error=", ".join(errors[:_MOST_ERRORS]) or None)


def _family(classes: tuple[Any, ...]) -> list[type]:
    family: list[type] = []
    seen: set[int] = set()
    waiting = [cls for cls in classes if isinstance(cls, type)]
    while waiting:
        cls = waiting.pop()
        if id(cls) not in seen:
            seen.add(id(cls))
            family.append(cls)
            waiting.extend(_subclasses(cls))
    return family
