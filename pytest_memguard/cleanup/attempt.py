"""One try of one strategy: whatever it does (raise, hang, fork, lie), what comes back is a value."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import get_ident
from time import sleep as _sleep

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of it. ``hung``: it was stopped, and would only hang again."""

    outcome: Outcome
    duration_s: float
    hung: bool = False


def attempt(strategy: Strategy, *, clock: Callable[[], float]) -> Attempt:
    """Run *strategy* within its time limit. Raises ``KeyboardInterrupt`` and nothing else."""
    start = clock()
    hung = False
    try:
        if strategy.time_limit_s is None:
            outcome = _outcome(strategy.run())
        else:
            outcome = _watched(strategy.run, strategy.time_limit_s)
    except KeyboardInterrupt:
        raise
    except TookTooLongError as error:
        outcome, hung = Outcome(error=str(error)), True
    except BaseException as error:  # noqa: BLE001 - somebody else's code, and sys.exit() in it ends no test run
        outcome = Outcome(error=_words(error))
    return Attempt(outcome=outcome, duration_s=clock() - start, hung=hung)


def _watched(run: Callable[[], object], time_limit_s: float) -> Outcome:
    _forks.watch()
    before = _forks.count

    def call() -> Outcome:
        _forks.thread = get_ident()
        pid = _getpid()
        try:
            return _outcome(run())
        finally:
            _forks.thread = None
            if _getpid() != pid:
                _exit(_CAME_BACK)  # a child that went on from here would run the rest of the suite a second time

    outcome = within(time_limit_s, call)
    if _forks.count > before:
        _reap()
        return replace(outcome, error=outcome.error or "it forked; a child that came back from it was stopped")
    return outcome


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


def _outcome(returned: object) -> Outcome:
    if type(returned) is Outcome:
        return returned
    if type(returned) is int:
        return Outcome(entries=returned if 0 <= returned <= _MOST_ENTRIES else None)
    if type(returned) is types.CoroutineType:
        returned.close()
        return Outcome(error="it returned a coroutine: a strategy is called, not awaited")
    return Outcome()


def _words(error: BaseException) -> str:
    name = type(error).__name__
    try:
        said = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - the text of somebody else's exception
        said = shown(error)
    return f"{name}: {said}"[:_MOST_WORDS] if said else name
