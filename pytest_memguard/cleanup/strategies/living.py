"""Find the living instances of classes of others without a registry of them, and without running their code.

A pass over the heap takes as long as it is large, so one cleanup makes one, for all that its strategies look for.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import compress
from typing import Any

from pytest_memguard.cleanup.registry import Outcome
from pytest_memguard.settings import CLEANUP_LEVELS, CleanupLevel

__all__ = ["Sought", "each", "instances", "loaded", "one_scan"]

_referrers = gc.get_referrers
_objects = gc.get_objects
_subclasses = type.__subclasses__
_flags: Callable[[type], int] = type.__dict__["__flags__"].__get__
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: instances of the others do not refer to their type
_weak_offset: Callable[[type], int] = type.__dict__["__weakrefoffset__"].__get__
_ref = weakref.ref
_modules = sys.modules
_MOST_ERRORS = 3


def loaded(module: str, *path: str) -> Any:
    """What stands at *path* in *module*, or None: nothing is imported for it."""
    found: Any = _modules.get(module)
    for name in path:
        found = getattr(found, name, None)
    return found


class Sought:
    """Classes whose instances a strategy of *level* goes through; each is ``(module, name)``."""

    def __init__(self, *names: tuple[str, str], level: CleanupLevel) -> None:
        self._names = names
        self.level = CLEANUP_LEVELS.index(level)
        _sought.append(self)

    def classes(self) -> list[Any]:
        """Those that are loaded."""
        return [loaded(module, name) for module, name in self._names]

    def instances(self) -> list[Any]:
        """All of them that are alive; within :func:`one_scan` those that were when the first were asked for."""
        return instances(*self.classes())


class _Scan:
    """What one pass has found, by type, without keeping it alive; made when it is first asked."""

    def __init__(self, level: CleanupLevel) -> None:
        self._level = CLEANUP_LEVELS.index(level)
        self._found: dict[int, list[Callable[[], Any]]] | None = None

    def take(self, family: Iterable[type]) -> list[Any] | None:
        """The instances of exactly these types; None where the pass has not looked for one of them."""
        if self._found is None:
            classes = [cls for sought in _sought if sought.level <= self._level for cls in sought.classes()]
            wanted = [cls for cls in _family(classes) if _weak_offset(cls)]
            self._found = {id(cls): [] for cls in wanted}
            for found in _living(wanted):
                self._found[id(type(found))].append(_ref(found))
        if any(id(cls) not in self._found for cls in family):
            return None
        there = (reference() for cls in family for reference in self._found[id(cls)])
        return [found for found in there if found is not None]


_sought: list[Sought] = []
_scans: list[_Scan] = []  # of the cleanup that is running, if one is


@contextmanager
def one_scan(level: CleanupLevel) -> Iterator[None]:
    """While entered, everything that strategies up to *level* look for is found in one pass.

    What cannot be referred to weakly is looked for by itself: kept, it would not be freed by who lets go of it.
    """
    scan = _Scan(level)
    _scans.append(scan)
    try:
        yield
    finally:
        _scans.remove(scan)


def instances(*classes: Any) -> list[Any]:
    """All objects that the collector tracks whose real type is one of *classes* or derives from them.

    Values that are no classes are passed over.
    """
    family = _family(classes)
    shared = _scans[-1].take(family) if _scans and family else None
    return _living(family) if shared is None else shared


def _living(family: list[type]) -> list[Any]:
    """Every instance of exactly these types.

    Each instance of a class that was made while running refers to it, so asking for referrers finds them in one pass
    in C (20 ns an object, and 1 more for each class) that needs no list of all objects: the process may be short of
    memory. Those of other classes do not: all objects are listed for them (90 ns an object).
    """
    if not family:
        return []
    ids = {id(cls) for cls in family}
    if all(_flags(cls) & _HEAP_TYPE for cls in family):
        return [candidate for candidate in _referrers(*family) if id(type(candidate)) in ids]
    objects = _objects()
    return list(compress(objects, map(ids.__contains__, map(id, map(type, objects)))))


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


def _family(classes: Iterable[Any]) -> list[type]:
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
