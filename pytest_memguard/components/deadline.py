"""Run code of others for a limited time, and stop it where that is possible.

In the main thread a timer signal ends it (a sleep and a lock that is waited for, too; not a loop in C code). A timer of
somebody else's keeps ringing meanwhile, and has the time that is left to it afterwards. In other threads, and where
there is no such signal, the code runs in a daemon thread of its own, which is left behind if it does not end.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from functools import partial
from signal import getsignal
from signal import signal as set_handler
from time import perf_counter
from types import FrameType
from typing import Any, TypeVar

__all__ = ["TookTooLongError", "within"]

_T = TypeVar("_T")

# Bound here: a test may have replaced any of these by the time they are needed. Frozen time is put into every module
# that has the function itself, hence the wrapper.
_now = partial(perf_counter)
_SIGNAL: Any = getattr(signal, "SIGALRM", None)
_TIMER: Any = getattr(signal, "ITIMER_REAL", None)
_set_timer: Any = getattr(signal, "setitimer", None)
_thread_id = threading.get_ident
_MAIN = threading.main_thread().ident
_Thread = threading.Thread
# A signal is swallowed where it meets a __del__ or a callback, so it is sent again.
_AGAIN_S = 0.05


class TookTooLongError(BaseException):
    """Somebody's code was stopped. No ``Exception``, so that a handler in that code does not swallow it."""


def within(seconds: float, function: Callable[..., _T], *args: object) -> _T:
    """What ``function(*args)`` gives or raises; ``TookTooLongError`` after that many seconds."""
    if _SIGNAL is None or _set_timer is None or _thread_id() != _MAIN:
        return _in_thread(seconds, function, args)
    previous = getsignal(_SIGNAL)
    if previous is None:  # a handler that C code has set: it could not be put back
        return _in_thread(seconds, function, args)
    return _by_signal(seconds, function, args)


def _by_signal(seconds: float, function: Callable[..., _T], args: tuple[object, ...]) -> _T:
    over = False
    left = interval = 0.0  # of the timer that was there before
    start = _now()

    def ring(number: int, frame: FrameType | None) -> None:
        nonlocal left
        if over:
            return
        passed = _now() - start
        if 0.0 < left <= passed:
            left = passed + interval if interval else 0.0
            if callable(previous):
                previous(number, frame)  # whose time is up may be somebody around us
        if passed >= seconds:
            raise TookTooLongError(f"took more than {seconds:g} s")

    previous = set_handler(_SIGNAL, ring)
    left, interval = _set_timer(_TIMER, seconds, _AGAIN_S)
    if 0.0 < left < seconds:
        _set_timer(_TIMER, left, _AGAIN_S)
    try:
        try:
            return function(*args)
        finally:
            over = True
    finally:
        _set_timer(_TIMER, 0.0)
        set_handler(_SIGNAL, previous)
        if left > 0.0:
            _set_timer(_TIMER, max(left - (_now() - start), 1e-6), interval)


def _in_thread(seconds: float, function: Callable[..., _T], args: tuple[object, ...]) -> _T:
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function(*args))
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            errors.append(error)

    thread = _Thread(target=run, name="memguard-deadline", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TookTooLongError(f"took more than {seconds:g} s, and still runs in a thread of its own")
    return results[0]
