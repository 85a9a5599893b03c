"""Callbacks that an event loop is to call at some time and that nobody has cancelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pytest_memguard.peek import namespace
from pytest_memguard.resources.loops import Loops
from pytest_memguard.resources.names import callable_name
from pytest_memguard.resources.plain import member
from pytest_memguard.resources.resource import Key, Resource

_TABLES = ("_scheduled", "_ready")


class Handles:
    """Those of all open loops, without what asyncio itself schedules: that serves a task."""

    def __init__(self, loops: Loops) -> None:
        self._loops = loops

    def keys(self) -> Iterator[Key]:
        """One for each."""
        return (Key("timer", ("handle", id(handle))) for handle, _ in self._all())

    def describe(self, key: Key, born: Iterable[Any]) -> Resource | None:  # noqa: ARG002 - loops know their handles
        """What is to be called."""
        found = next(((h, name) for h, name in self._all() if ("handle", id(h)) == key.identity), None)
        if found is None:
            return None
        handle, name = found
        return Resource(kind="timer", name=f"call of {name} by an event loop", stable=name, obj=handle, head=handle)

    def _all(self) -> Iterator[tuple[Any, str]]:
        for loop in self._loops.open():
            for table in _TABLES:
                for handle in _entries(namespace(loop).get(table)):
                    callback = member(handle, "_callback")
                    name = callable_name(callback)
                    own = name.startswith(("asyncio.", "_asyncio.")) or type(callback).__module__ == "_asyncio"
                    if callback is not None and not own and member(handle, "_cancelled") is False:
                        yield handle, name


def _entries(table: Any) -> list[Any]:
    try:
        return list(table or ())
    except RuntimeError:  # the loop runs in another thread
        return []
