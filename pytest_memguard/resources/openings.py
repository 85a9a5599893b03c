"""Which lines make what no Python object stands for: descriptors, temporary files, forks, bare threads.

A profile function asks after each call of C code whether there is one more descriptor, and after calls of certain
names whether there is one more of what these make. What appears between such calls is a child process's: the line that
started it is shown, if there is only one. It costs a microsecond or two for each call, so it is there for one
repetition of a test that is known to leak. An audit hook would know more and could never be taken away again.
"""

from __future__ import annotations

import os
import sys
import threading
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pytest_memguard.model import Kind
from pytest_memguard.resources.resource import Key

Stack = tuple[tuple[str, int], ...]
_MOST_FRAMES = 40
_TASKS = "/proc/self/task"
#: Calls of C code that wait: what appears meanwhile may be another thread's.
_WAITING = frozenset(
    {"acquire", "sleep", "wait", "select", "poll", "recv", "recv_into", "recvfrom", "read", "readinto", "send"}
    | {"sendall", "waitpid", "join", "get", "put", "readline", "write", "flush"}
)
#: Calls of C code that may make something of a kind.
_MAKING: dict[Kind, frozenset[str]] = {
    "tempfile": frozenset(
        {"open", "mkdir", "mkfifo", "mknod", "symlink", "link", "rename", "replace", "bind", "connect"}
    ),
    "process": frozenset({"fork", "forkpty", "fork_exec", "posix_spawn", "posix_spawnp"}),
    "thread": frozenset({"start_new_thread", "start_new", "start_joinable_thread"}),
}
#: Calls of C code within which a child process gets on with its work.
_CHILDS_TURN = frozenset({"waitpid", "wait", "wait4", "waitid", "system", "poll", "select", "read", "sleep", "acquire"})
#: The kinds that are watched for.
WATCHED: frozenset[Kind] = frozenset({"fd", "socket", *_MAKING})
_SYSTEM = Key("process", "system()")


class Openings:
    """Stacks, innermost frame first, of what was opened while :meth:`watching`.

    ``count``: open descriptors; ``list_kind``: what there is of a kind, slower; ``kinds``: what to watch for.
    """

    def __init__(
        self,
        count: Callable[[], int | None],
        list_kind: Callable[[Kind], Iterable[Key]],
        kinds: Collection[Kind],
    ) -> None:
        self._count = count if {"fd", "socket"} & set(kinds) else _nothing
        self._list = list_kind
        self._number = 0
        self._known: dict[Kind, set[Key]] = {kind: set() for kind in ("fd", *_MAKING) if kind in kinds}
        self._known.setdefault("fd", set())
        self._found: dict[Key, Stack] = {}
        self._made_by = {name: kind for kind in self._known for name in _MAKING.get(kind, ())}
        self._stat, self._threads = os.stat, 0
        self._counts_threads = "thread" in self._known
        self._follows_children = "tempfile" in self._known
        self._children: dict[Key, Stack] = {}
        self._by_children: set[Key] = set()

    def stacks_of(self, key: Key) -> tuple[Stack, ...]:
        """Where it was opened: one, if that was seen."""
        return (self._found[key],) if key in self._found else ()

    def is_by_child(self, key: Key) -> bool:
        """Whether a child process has made it; its stack is that of the line that started the child."""
        return key in self._by_children

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the present thread; where somebody else has a profile function, nothing is watched."""
        if sys.getprofile() is not None:
            yield
            return
        for kind, known in self._known.items():
            known.update(self._list(kind))
        self._number = self._count() or 0
        self._threads = self._thread_count()
        sys.setprofile(self._event)
        try:
            yield
        finally:
            if sys.getprofile() == self._event:
                sys.setprofile(None)
            if self._follows_children:
                self._note_childs()

    def _event(self, frame: types.FrameType, event: str, argument: Any) -> None:
        number = self._count() or 0
        if number != self._number:
            in_doubt = number < self._number or self._is_in_doubt(event, argument)
            self._note_new(frame if event != "call" else frame.f_back, "fd", in_doubt=in_doubt)
            self._number = number
        if event == "c_return":
            kind = self._made_by.get(getattr(argument, "__name__", ""))
            if kind is not None:
                self._note_new(frame, kind)
                self._threads = self._thread_count()
        if self._counts_threads and event != "return":
            self._note_threads(frame, event, argument)
        if self._follows_children and event in ("c_call", "c_return"):
            self._follow_children(frame, event, getattr(argument, "__name__", ""))

    def _thread_count(self) -> int:
        """Threads of this process, those of C code included, by the links of the folder that has one for each."""
        try:
            return self._stat(_TASKS).st_nlink if self._counts_threads else 0
        except OSError:
            return 0

    def _note_threads(self, frame: types.FrameType, event: str, argument: Any) -> None:
        """One more after a call of C code was started there; another thread may have done so while it waited."""
        number = self._thread_count()
        if number != self._threads:
            sure = number > self._threads and event == "c_return"
            self._note_new(frame, "thread", in_doubt=not sure or getattr(argument, "__name__", "") in _WAITING)
            self._threads = number

    def _follow_children(self, frame: types.FrameType, event: str, name: str) -> None:
        if name == "system":
            self._note_childs({_SYSTEM: _stack(frame)} if event == "c_return" else None)
        elif event == "c_call" and (name in _MAKING["tempfile"] or name in _MAKING["process"]):
            self._note_childs()
        elif event == "c_return" and name in _MAKING["process"]:
            for key in set(self._list("process")) - self._children.keys():
                self._children[key] = _stack(frame)
        elif event == "c_return" and name in _CHILDS_TURN and self._children:
            self._note_childs()

    def _note_childs(self, started: Mapping[Key, Stack] | None = None) -> None:
        """What is new, and no call of this process has made."""
        children = self._children if started is None else started
        now, known = set(self._list("tempfile")), self._known["tempfile"]
        self._known["tempfile"] = now
        new = now - known
        if not children:
            return  # somebody else's altogether
        self._by_children.update(new)
        stacks = set(children.values())
        if len(stacks) == 1:
            self._found.update(dict.fromkeys(new, stacks.pop()))
        if started is None:
            living = set(self._list("process"))
            self._children = {key: stack for key, stack in children.items() if key in living}

    @staticmethod
    def _is_in_doubt(event: str, argument: Any) -> bool:
        """Whether another thread may have opened it."""
        if event == "c_return":
            return getattr(argument, "__name__", "") in _WAITING
        return threading.active_count() > 1

    def _note_new(self, frame: types.FrameType | None, kind: Kind, *, in_doubt: bool = False) -> None:
        now, known = set(self._list(kind)), self._known[kind]
        for key in () if in_doubt else now - known:
            self._found[key] = _stack(frame)
        self._known[kind] = now


def _nothing() -> int:
    return 0


def _stack(frame: types.FrameType | None) -> Stack:
    found: list[tuple[str, int]] = []
    while frame is not None and len(found) < _MOST_FRAMES:
        found.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return tuple(found)
