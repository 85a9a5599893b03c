"""The event loops of asyncio that are open. Only where asyncio is loaded; nothing is imported for it."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable
from typing import Any

from pytest_memguard.peek import namespace


class Loops:
    """Remembers loops weakly, so that those that were frozen out of the collector's sight are known."""

    def __init__(self) -> None:
        self._known: dict[int, weakref.ref[Any]] = {}

    def may_exist(self) -> bool:
        """Whether asyncio is loaded at all."""
        return _base() is not None

    def look(self, objects: Iterable[Any]) -> None:
        """Note the loops among these objects."""
        base = _base()
        if base is None:
            return
        for obj in objects:
            if issubclass(type(obj), base) and id(obj) not in self._known:
                try:
                    self._known[id(obj)] = weakref.ref(obj)
                except TypeError:
                    continue

    def open(self) -> list[Any]:
        """Those that are still there and not closed."""
        found = []
        for address, reference in list(self._known.items()):
            loop = reference()
            if loop is None:
                del self._known[address]
            elif not _is_closed(loop):
                found.append(loop)
        return found


def _base() -> type | None:
    base = getattr(sys.modules.get("asyncio.events"), "AbstractEventLoop", None)
    return base if isinstance(base, type) else None


def _is_closed(loop: Any) -> bool:
    closed = namespace(loop).get("_closed")
    if closed is None:  # one that is written in C
        try:
            closed = loop.is_closed()
        except Exception:  # noqa: BLE001 - somebody else's loop
            return True
    return closed is True
