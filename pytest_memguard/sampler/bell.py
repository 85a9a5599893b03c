"""A timer that calls a function in the main thread, in the middle of whatever runs there, without a thread.

``SIGURG`` is the one signal for it: by default it is ignored, so that a test that resets all handlers is not killed by
our timer; nearly no program uses it; and debuggers pass it on. (The runtime of Go interrupts its threads by it for the
same reasons.) The timer is one of POSIX, of the wall clock that nobody can set, and aims at the main thread alone.

A handler raises where the main thread is, also out of a sleep or a lock that it waits for: the exception came 0.2 to
0.5 ms after the call in a busy loop, a sleep and a lock alike, where that of ``PyThreadState_SetAsyncExc`` came only
when the sleep was over (Python 3.11 and 3.13).
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["Bell", "BellError"]

_CLOCK_MONOTONIC = 1
_NOTIFY_THREAD = 4  # SIGEV_THREAD_ID: to this thread, and not to any one that does not block the signal
_SIGEVENT_REST = 12


class BellError(Exception):
    """There is no such timer here; the message says why."""


class Bell:
    """Calls ``ring`` in the main thread. Released by ``close``. Raises ``BellError`` where it cannot.

    ``ring`` is called between any two steps of any code, with the frame of that: it must be quick, and what it raises
    is raised there.
    """

    def __init__(self, ring: Callable[[FrameType | None], object]) -> None:
        if sys.platform != "linux":
            raise BellError(f"{sys.platform} has no timers for a thread")
        if threading.current_thread() is not threading.main_thread():
            raise BellError("tests do not run in the main thread")
        self._number = int(signal.SIGURG)
        self._ring = ring
        self._handler = self._rung  # one object for good, to be found again
        # The one in C: signal.getsignal makes an enum of what it finds, which takes longer than all the rest.
        self._get: Callable[[int], object] = importlib.import_module("_signal").getsignal
        self._set_handler, self._kill = signal.signal, signal.pthread_kill
        self._restart = signal.siginterrupt
        self._main = threading.get_ident()
        self._timer = _Timer(self._number, threading.get_native_id())
        if self._get(self._number) != signal.SIG_DFL:
            self._timer.close()
            raise BellError("SIGURG is in use")
        self._install()

    def set(self, seconds: float) -> None:
        """Ring once in so many seconds, and no longer when it was set to before. In the main thread only."""
        handler = self._get(self._number)
        if handler is self._handler:
            self._timer.set(seconds)
        elif handler == signal.SIG_DFL:  # somebody has reset all signals
            self._install()
            self._timer.set(seconds)

    def call(self) -> None:
        """Ring now; from any thread."""
        if self._get(self._number) is self._handler:
            self._kill(self._main, self._number)

    def silence(self) -> None:
        """Do not ring before it is set again."""
        self._timer.set(0.0)

    def close(self) -> None:
        """Give timer and signal back; may be called again."""
        self._timer.close()
        if self._get(self._number) is self._handler:
            self._set_handler(self._number, signal.SIG_DFL)

    def _install(self) -> None:
        self._set_handler(self._number, self._handler)
        self._restart(self._number, False)

    def _rung(self, _number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        self._ring(frame)


class _Timer:
    """``timer_create`` and its family, which Python does not offer; see timer_create(2)."""

    def __init__(self, number: int, thread: int) -> None:
        import ctypes  # noqa: PLC0415 - a megabyte that only this needs

        class Event(ctypes.Structure):
            """``struct sigevent``."""

            _fields_ = (
                ("value", ctypes.c_void_p),
                ("signal", ctypes.c_int),
                ("notify", ctypes.c_int),
                ("thread", ctypes.c_int),
                ("rest", ctypes.c_int * _SIGEVENT_REST),
            )

        library = _library(ctypes)
        found = ctypes.c_void_p()
        event = Event(signal=number, notify=_NOTIFY_THREAD, thread=thread)
        if library.timer_create(_CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(found)):
            raise BellError("the kernel gives no timer")
        self._id = found.value or 0  # 0 is an id like any other
        self._open = True
        # struct itimerspec: interval and first, both seconds and nanoseconds.
        self._times = (ctypes.c_long * 4)()
        self._where = ctypes.addressof(self._times)
        self._seconds = 0.0
        self._settime, self._delete = library.timer_settime, library.timer_delete
        self._settime.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        self._delete.argtypes = (ctypes.c_void_p,)

    def set(self, seconds: float) -> None:
        if not self._open:
            return
        if seconds != self._seconds:  # rarely: each test sets it, and mostly to the same
            self._seconds = seconds
            whole = int(seconds)
            self._times[2] = whole
            self._times[3] = int((seconds - whole) * 1_000_000_000)
        self._settime(self._id, 0, self._where, None)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._delete(self._id)


def _library(ctypes: Any) -> Any:
    for name in (None, "librt.so.1"):  # glibc before 2.34 has them there
        try:
            library = ctypes.CDLL(name)
            library.timer_create  # noqa: B018 - raises where there is none
        except (OSError, AttributeError):
            continue
        return library
    raise BellError("the C library has no timers")
