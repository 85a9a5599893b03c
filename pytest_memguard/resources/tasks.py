"""Asyncio tasks that are not done: the coroutine, and the line where it waits."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

from pytest_memguard.resources.loops import Loops
from pytest_memguard.resources.names import coroutine_name
from pytest_memguard.resources.plain import member
from pytest_memguard.resources.resource import Key, Resource

_DEEPEST = 50


class Tasks:
    """Those of all open loops."""

    def __init__(self, loops: Loops) -> None:
        self._loops = loops

    def keys(self) -> Iterator[Key]:
        """One for each."""
        return (Key("task", id(task)) for task in self._all())

    def describe(self, key: Key, born: Iterable[Any]) -> Resource | None:  # noqa: ARG002 - loops know their tasks
        """The coroutine and where it waits."""
        task = next((task for task in self._all() if id(task) == key.identity), None)
        if task is None:
            return None
        coroutine = _coroutine(task)
        name = coroutine_name(coroutine)
        waits = _waits_at(coroutine)
        return Resource(kind="task", name=f"{name}{waits}", stable=name, obj=task, head=task)

    def _all(self) -> list[Any]:
        list_tasks: Any = getattr(sys.modules.get("asyncio.tasks"), "all_tasks", None)
        found: list[Any] = []
        for loop in self._loops.open():
            try:
                found.extend(list_tasks(loop))
            except Exception:  # noqa: BLE001, S112 - tasks may be of anybody's class, and another thread may be at it
                continue
        return found


def _coroutine(task: Any) -> Any:
    found = member(task, "_coro")
    if found is None:
        try:
            found = task.get_coro()
        except Exception:  # noqa: BLE001 - a task of anybody's class
            return None
    return found


def _waits_at(coroutine: Any) -> str:
    """Innermost first: the line of the last frame that is a coroutine's, outside asyncio where there is one."""
    place = ""
    for _ in range(_DEEPEST):
        frame = member(coroutine, "cr_frame") or member(coroutine, "gi_frame")
        if type(frame) is not types.FrameType:
            break
        folder, name = os.path.split(frame.f_code.co_filename)
        if not place or os.path.basename(folder) != "asyncio":
            place = f", waits at {name}:{frame.f_lineno}"
        coroutine = member(coroutine, "cr_await") or member(coroutine, "gi_yieldfrom")
        if coroutine is None:
            break
    return place
