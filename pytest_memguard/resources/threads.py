"""Threads by name and target: those of ``threading``, timers among them, and those that other code has started."""

from __future__ import annotations

import os
import re
import sys
import threading
import types
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_memguard.model import Kind
from pytest_memguard.peek import namespace
from pytest_memguard.resources.names import callable_name, class_name, code_name
from pytest_memguard.resources.plain import text
from pytest_memguard.resources.resource import Key, Resource

_FOLDER = "/proc/self/task"
_OWN_NAME = "/proc/self/comm"
_NUMBERS = re.compile(r"\d+")
_COMMON = frozenset({threading.Thread, threading.Timer})
_MACHINERY = "threading."
#: What begins the stable name of a thread that runs no Python code.
NATIVE = "native"


class Threads:
    """``active`` is the table of ``threading``; what the system lists beyond that has been started by others."""

    def __init__(self, active: Mapping[Any, Any] | None = None) -> None:
        self._active = active if active is not None else getattr(threading, "_active", {})
        self._listdir = os.listdir
        self._frames = sys._current_frames  # noqa: SLF001 - documented for debuggers
        self._open = open
        self._native: dict[int, str | None] = {}  # what it runs of Python's, by its number
        self._by_hand: frozenset[int] = frozenset()

    def keys(self) -> Iterator[Key]:
        """Living threads, without the stand-ins for foreign ones, which outlive them before 3.13."""
        known = set()
        for thread in list(self._active.values()):
            values = namespace(thread)
            known.add(values.get("_native_id"))
            if not isinstance(thread, threading._DummyThread):  # noqa: SLF001 - has no public name
                kind: Kind = "timer" if issubclass(type(thread), threading.Timer) else "thread"
                yield Key(kind, id(thread))
        native = [number for number in self._listed() if number not in known]
        self._follow(native)
        yield from (Key("thread", ("native", number)) for number in native)

    def _follow(self, native: Sequence[int]) -> None:
        """Note what new threads run that ``threading`` does not know: the frames that are new when they are.

        A thread may be listed a moment before its first frame is.
        """
        frames = {ident: frame for ident, frame in self._frames().items() if ident not in self._active}
        youngest = next((frame for ident, frame in frames.items() if ident not in self._by_hand), None)
        self._by_hand = frozenset(frames)
        names: dict[int, str] = {}
        if youngest is not None:  # CPython lists the youngest first
            new = [number for number in native if number not in self._native]
            late = [number for number in native if self._native.get(number) is None]
            names = dict.fromkeys(new or late[-1:], _outermost(youngest))
        self._native = {number: self._native.get(number) or names.get(number) for number in native}

    def _listed(self) -> Iterable[int]:
        try:
            return map(int, self._listdir(_FOLDER))
        except OSError:
            return ()

    def describe(self, key: Key, born: Iterable[Any]) -> Resource | None:  # noqa: ARG002 - threads are in a table
        """Name and target; of a worker of an executor the executor."""
        if isinstance(key.identity, tuple):
            return self._of_system(key.identity[1])
        thread = next((each for each in list(self._active.values()) if id(each) == key.identity), None)
        return None if thread is None else _of_threading(thread, key.kind)

    def _of_system(self, number: int) -> Resource | None:
        """One that ``threading`` does not know; it may run Python code all the same."""
        name, own_name = self._name_in(f"{_FOLDER}/{number}/comm"), self._name_in(_OWN_NAME)
        if name is None:
            return None
        running = self._native.get(number)
        if running:
            return Resource(kind="thread", name=f"{running}, not of threading", stable=running)
        # One without a name has that of the program, which is another one for each way to start it.
        stable = NATIVE if name == own_name else f"{NATIVE} {_NUMBERS.sub('#', name)}"
        return Resource(kind="thread", name=f"native thread {name!r}", stable=stable)

    def _name_in(self, path: str) -> str | None:
        try:
            with self._open(path, encoding="utf-8", errors="replace") as stream:
                return stream.read().strip()
        except OSError:
            return None


def _outermost(frame: types.FrameType) -> str:
    while frame.f_back is not None:
        frame = frame.f_back
    return code_name(frame.f_code, frame.f_globals)


def _of_threading(thread: Any, kind: Kind) -> Resource:
    values = namespace(thread)
    name = text(values.get("_name"))
    executor = _executor(values)
    if executor is not None:
        bound = namespace(executor).get("_max_workers")
        made = f"{class_name(type(executor))} worker"
        return Resource(
            kind=kind,
            name=f"{name}, a worker of {class_name(type(executor))}",
            stable=made,
            obj=thread,
            head=executor,
            owner=executor,
            bound=bound if type(bound) is int else None,
        )
    target = _target(thread, values)
    return Resource(kind=kind, name=f"{name}, target {target}", stable=target, obj=thread)


def _target(thread: Any, values: Mapping[str, Any]) -> str:
    function = values.get("function") if issubclass(type(thread), threading.Timer) else values.get("_target")
    if function is not None:
        return callable_name(function)
    return class_name(type(thread)) if type(thread) not in _COMMON else "unknown"


def _executor(values: Mapping[str, Any]) -> Any:
    """The executor that a worker of ``concurrent.futures`` knows by a weak reference."""
    if not callable_name(values.get("_target")).startswith("concurrent.futures."):
        return None
    arguments = values.get("_args")
    first = arguments[0] if type(arguments) is tuple and arguments else None
    return first() if type(first) is weakref.ref else None
