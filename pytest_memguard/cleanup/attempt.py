"""One try of one strategy: whatever it does (raise, hang, fork, lie), what comes back is a value."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from threading import get_ident
from time import sleep as _sleep
from typing import NamedTuple

from pytest_memguard.cleanup.registry import Outcome, Strategy
from pytest_memguard.components.deadline import TookTooLongError, within
from pytest_memguard.errors import shown

__all__ = ["Attempt", "attempt"]

# Bound here: a test may have replaced any of these by the time they are needed.
_getpid, _exit = os.getpid, os._exit
_waitid, _waitpid = getattr(os, "waitid", None), os.waitpid
_register_at_fork = getattr(os, "register_at_fork", None)

# The exit status of a child that came back out of a strategy and was stopped there.
_CAME_BACK = 86
_WAITS_S = (0.001, 0.01, 0.05, 0.2)
_MOST_ENTRIES = 1 << 62
_MOST_WORDS = 300


class Attempt(NamedTuple):
    """What came of it. ``hung``: it was stopped, and would only hang again. A tuple: a few are made after each test."""

    entries: int | None
    note: str | None
    error: str | None
    duration_s: float
    hung: bool


def attempt(strategy: Strategy, *, clock: Callable[[], float]) -> Attempt:
    """Run *strategy* within its time limit. Raises ``KeyboardInterrupt`` and nothing else."""
    start = clock()
    note = error = None
    returned: object = None
    hung = False
    try:
        if strategy.time_limit_s is None:
            returned = strategy.run()
        else:
            returned, error = _watched(strategy.run, strategy.time_limit_s)
    except KeyboardInterrupt:
        raise
    except TookTooLongError as stopped:
        error, hung = str(stopped), True
    except BaseException as raised:  # noqa: BLE001 - somebody else's code, and sys.exit() in it ends no test run
        error = _words(raised)
    duration_s = clock() - start
    if type(returned) is int:
        entries = returned if 0 <= returned <= _MOST_ENTRIES else None
    else:
        entries, note, error = _told(returned, error)
    return Attempt(entries, note, error, duration_s, hung)


def _told(returned: object, error: str | None) -> tuple[int | None, str | None, str | None]:
    if type(returned) is Outcome:
        return returned.entries, returned.note, error or returned.error
    if type(returned) is types.CoroutineType:
        returned.close()
        return None, None, "it returned a coroutine: a strategy is called, not awaited"
    return None, None, error


def _watched(run: Callable[[], object], time_limit_s: float) -> tuple[object, str | None]:
    """What *run* returned, and an error where it forked."""
    _forks.watch()
    before = _forks.count

    def call() -> object:
        _forks.thread = get_ident()
        pid = _getpid()
        try:
            return run()
        finally:
            _forks.thread = None
            if _getpid() != pid:
                _exit(_CAME_BACK)  # a child that went on from here would run the rest of the suite a second time

    returned = within(time_limit_s, call)
    if _forks.count == before:
        return returned, None
    _reap()
    return returned, "it forked; a child that came back from it was stopped"


class _Forks:
    """Counts the forks that strategies make. The hook is there to stay: Python cannot take one back."""

    def __init__(self) -> None:
        self.count = 0
        self.thread: int | None = None
        self._watching = _register_at_fork is None

    def watch(self) -> None:
        if not self._watching:
            self._watching = True
            _register_at_fork(after_in_parent=self._seen)  # type: ignore[misc]

    def _seen(self) -> None:
        if self.thread == get_ident():
            self.count += 1


_forks = _Forks()


def _reap() -> None:
    """Take the status of a child that was stopped, and of no other: those belong to whoever started them."""
    if _waitid is None:
        return
    for wait_s in _WAITS_S:
        try:
            found = _waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except OSError:
            return
        if found is not None and found.si_status == _CAME_BACK and found.si_code == os.CLD_EXITED:
            _waitpid(found.si_pid, 0)
            return
        _sleep(wait_s)


def _words(error: BaseException) -> str:
    name = type(error).__name__
    try:
        said = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - the text of somebody else's exception
        said = shown(error)
    return f"{name}: {said}"[:_MOST_WORDS] if said else name
