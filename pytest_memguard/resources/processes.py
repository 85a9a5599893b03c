"""Child processes, running or not yet waited for, by their command line."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from pytest_memguard.peek import namespace
from pytest_memguard.resources.names import holds
from pytest_memguard.resources.plain import text
from pytest_memguard.resources.resource import Key, Resource

_NUMBERS = re.compile(r"\d+")
#: Servants of multiprocessing: one of each for the whole process, for as long as it lives.
_SERVANTS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver", "multiprocessing.semaphore_tracker")
_LONGEST = 200
_TRIES = 20
_BETWEEN_S = 0.001


class Processes:
    """``children`` lists the numbers of all direct children."""

    def __init__(self, children: Callable[[], Iterable[int]]) -> None:
        self._children = children
        self._open, self._getpid, self._kill, self._sleep = open, os.getpid, os.kill, time.sleep
        self._ended: set[int] = set()

    def keys(self) -> Iterator[Key]:
        """One for each child, without those that were asked to end here: they may be zombies for long."""
        return (Key("process", pid) for pid in self._children() if pid not in self._ended)

    @staticmethod
    def reap() -> None:
        """Have the standard library wait for children that ended and that nobody holds: it does so for each new one."""
        for module in ("subprocess", "multiprocessing.process"):
            cleanup = getattr(sys.modules.get(module), "_cleanup", None)
            if callable(cleanup):
                with suppress(Exception):
                    cleanup()

    def end(self, numbers: Iterable[Hashable]) -> None:
        """Ask children to end that only repetitions have started: a dozen servers would outlive the run."""
        for number in numbers:
            if isinstance(number, int):
                self._ended.add(number)
                with suppress(OSError):
                    self._kill(number, signal.SIGTERM)

    def describe(self, key: Key, born: Iterable[Any]) -> Resource | None:
        """The command line; of a zombie, which has none any more, the name of its program."""
        pid = key.identity
        if pid not in set(self._children()):
            return None
        command = self._command(str(pid))
        if any(servant in command for servant in _SERVANTS):
            return None
        objects = list(born)
        obj = next((o for o in objects if holds(o, "pid", pid) or holds(o, "_pid", pid)), None)
        outer = None if obj is None else next((o for o in objects if holds(o, "_popen", obj)), None)
        program = text(namespace(outer).get("_name"), "") if outer is not None else ""
        if not command and self._ended_by_itself(str(pid)):
            name = f"zombie {self._comm(str(pid))}: it ended, and nobody waits for it"
        elif command == self._command(str(self._getpid())):
            name = f"fork of this process{f' ({program})' if program else ''}"
        else:
            name = command or self._comm(str(pid))
        head = outer if outer is not None else obj
        return Resource(kind="process", name=name, stable=_NUMBERS.sub("#", name), obj=head, head=head)

    def _command(self, pid: str) -> str:
        for _ in range(_TRIES):
            found = " ".join(self._read(pid, "cmdline").split("\0")).strip()[:_LONGEST]
            if found or self._ended_by_itself(pid):
                return found
            self._sleep(_BETWEEN_S)  # it is being started: the command comes a little after the program
        return ""

    def _ended_by_itself(self, pid: str) -> bool:
        """Whether it is a zombie, or gone; see proc_pid_stat(5)."""
        return self._read(pid, "stat").rpartition(")")[2].split()[:1] in ([], ["Z"])

    def _comm(self, pid: str) -> str:
        return self._read(pid, "comm").strip()

    def _read(self, pid: str, what: str) -> str:
        try:
            with self._open(f"/proc/{pid}/{what}", encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except OSError:
            return ""
