"""The background sampler: looks at memory while a long test runs, and not at all while tests are short.

Nothing runs beside a short test: a timer is set when it begins, and set anew by the first test that begins when half
of its time is over, so that it does not ring where tests are short. Only when it rings is a thread started, one that
``threading`` does not list; it is gone again when that test has ended, and while a process forks, because Python warns
of forks beside threads. Far from the limit the thread looks by itself. Near it the main
thread does, by the timer, and the thread only where that is busy in C code: a thread that reads waits for the
interpreter lock up to 5 ms at every file, in which a test takes megabytes.
"""

from __future__ import annotations

import _thread
import os
import threading
import time
import weakref
from array import array
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple

from pytest_memguard.probes.collections import CollectionWatch
from pytest_memguard.sampler.bell import Bell, BellError

__all__ = ["ASKED", "FRESH", "BellError", "Look", "Sampler"]

_SHORTEST_S = 0.005
# Where the next look is due so soon, the main thread takes it; the thread does if it has not come this much later.
_NEAR_S = 0.25
_PATIENCE_S = 0.05
_AFTER_FORK_S = 0.1
_AGAIN_S = 0.001
_JOIN_S = 1.0
WAIT, ASKED, FRESH = range(3)  #: places in the ``times`` of a sampler


class Look(NamedTuple):
    """What a look has shown: when the next one is due, and whether the running test must be interrupted."""

    wait_s: float
    acute: bool = False


class Sampler:
    """One per process. ``begin`` and ``end`` around each test, in the main thread; released by ``close``.

    ``look`` reads and judges; it is called in the main thread or in the background, never in both at once.
    ``interrupt`` is called in the main thread when a look was acute, with the frame that runs there, and may raise out
    of the test. ``on_fault`` gets what goes wrong here; nothing more is looked at then. Raises ``BellError`` where
    there is no timer.

    ``cost_s``: CPU seconds that looking in the background has taken. ``running``: a test is. ``times``: when the next
    look is due, what the timer was set to when a test began, and until when it need not be set anew: who calls very
    often may look there, set ``running`` and leave ``begin`` out.
    """

    def __init__(
        self,
        *,
        interval_s: float,
        look: Callable[[], Look],
        interrupt: Callable[[FrameType | None], None],
        on_fault: Callable[[BaseException], None],
    ) -> None:
        self.looks = 0
        self.cost_s = 0.0
        self._interval_s = interval_s
        self._look_outside = look
        self._interrupt = interrupt
        self._on_fault = on_fault
        self._bell = Bell(self._rung)
        self.running = False
        self._thread: _Thread | None = None
        self._looking = _thread.allocate_lock()
        self._acute = False
        self._interrupting = False
        # In an array: they change while tests are measured, which must see no objects come and go.
        self.times = array("d", (interval_s, 0.0, 0.0))
        self._broken = False
        _follow_forks(self)

    def begin(self, wait_s: float, now: float) -> None:
        """A test begins; look when it has run for the interval, or for *wait_s* if that is shorter, or a little before.

        *now* by any clock in seconds, always the same one.
        """
        self.running = True
        if now < self.times[FRESH] and wait_s >= self.times[ASKED]:
            return
        self._acute = False
        wait_s = self.times[WAIT] = self.times[ASKED] = max(min(wait_s, self._interval_s), _SHORTEST_S)
        self.times[FRESH] = now + wait_s / 2
        if not self._broken:
            self._bell.set(wait_s)

    def end(self) -> None:
        """The test has ended: nobody looks any more when this returns."""
        self.running = False
        if self._thread is not None:
            self._stop_thread()

    def look_now(self) -> None:
        """Take a look at once, in the main thread and in a test, unless one is being taken."""
        if self.running and self._look() and self._acute:
            self._bell.set(_SHORTEST_S)

    def close(self) -> None:
        """Stop for good; may be called again."""
        self.end()
        self._broken = True
        self._bell.close()

    # -- in the main thread

    def _rung(self, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        self.times[FRESH] = 0.0
        if not self.running or self._broken or self._interrupting:
            return
        if self._thread is None:
            self._thread = _Thread(self._watch)
        if not self._look():
            return  # one is being taken, and will ring if it has to
        if self._acute:
            self._interrupt_at(frame)
        elif self.times[WAIT] < _NEAR_S:
            self._bell.set(self.times[WAIT])

    def _interrupt_at(self, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        if _would_be_lost(frame):
            self._bell.set(_AGAIN_S)
            return
        self._acute = False
        self._interrupting = True  # what is tried first takes its time, and must not be interrupted itself
        try:
            self._interrupt(frame)
        finally:
            self._interrupting = False
            if self.running:
                self._bell.set(_SHORTEST_S)  # in case somebody swallows it

    def _stop_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()
            self.cost_s += thread.cost_s

    # -- around forks

    def before_fork(self) -> None:
        """No thread may be there."""
        self._stop_thread()

    def after_fork(self) -> None:
        """Back in the parent: start again a little later, when the warning about threads is behind us."""
        self.times[FRESH] = 0.0
        if self.running and not self._broken:
            self._bell.set(max(self.times[WAIT], _AFTER_FORK_S))

    def in_child(self) -> None:
        """The child is a process of the user's: nothing is looked at there."""
        self.running = False
        self._broken = True

    # -- in the background

    def _watch(self, stopped: Callable[[float], bool]) -> None:
        seen = self.looks
        while not stopped(self.times[WAIT] if self.times[WAIT] >= _NEAR_S else self.times[WAIT] + _PATIENCE_S):
            if self.looks == seen or self.times[WAIT] >= _NEAR_S:
                self._look()
                if self._acute or self.times[WAIT] < _NEAR_S:
                    self._bell.call()
            seen = self.looks

    def _look(self) -> bool:
        """Take a look, unless one is being taken, or one has failed."""
        if self._broken or not self._looking.acquire(blocking=False):
            return False
        try:
            wait_s, acute = self._look_outside()
            self.looks += 1
            self.times[WAIT] = max(min(wait_s, self._interval_s), _SHORTEST_S)
            self._acute = self._acute or acute
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._broken = True
            self._on_fault(error)
        finally:
            self._looking.release()
        return True


def _would_be_lost(frame: FrameType | None) -> bool:
    """Whether an exception would be swallowed there: Python prints those of finalizers and of callbacks of gc."""
    while frame is not None:
        if frame.f_code is _LISTENER or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


_LISTENER = CollectionWatch.listen.__code__  # runs within any allocation


class _Thread:
    """A thread that is gone when ``stop`` returns, for the system too. ``watch`` gets what to wait by."""

    def __init__(self, watch: Callable[[Callable[[float], bool]], None]) -> None:
        self.cost_s = 0.0
        self._watch = watch
        self._go = _thread.allocate_lock()
        self._done = _thread.allocate_lock()
        self._cpu = time.thread_time
        self._stat, self._native_id = os.stat, 0
        self._own_id = threading.get_native_id
        self._go.acquire()
        self._done.acquire()
        _thread.start_new_thread(self._run, ())

    def stop(self) -> None:
        """End it; waits until the kernel no longer lists it, as the warning about forks counts what is listed."""
        self._go.release()
        if not self._done.acquire(timeout=_JOIN_S):
            return
        pause = _thread.allocate_lock()
        pause.acquire()
        for _ in range(200):
            try:
                self._stat(f"/proc/self/task/{self._native_id}")
            except OSError:
                return
            pause.acquire(timeout=0.0005)

    def _run(self) -> None:
        try:
            self._native_id = self._own_id()
            self._watch(self._stopped)
            self.cost_s = self._cpu()
        finally:
            self._done.release()

    def _stopped(self, seconds: float) -> bool:
        return self._go.acquire(timeout=max(seconds, 0.0))


def _follow_forks(sampler: Sampler) -> None:
    """Handlers of forks cannot be taken back: they hold no more than a weak reference."""
    reference = weakref.ref(sampler)

    def told(method: Callable[[Sampler], None]) -> Callable[[], None]:
        def tell() -> None:
            live = reference()
            if live is not None:
                method(live)

        return tell

    os.register_at_fork(
        before=told(Sampler.before_fork),
        after_in_parent=told(Sampler.after_fork),
        after_in_child=told(Sampler.in_child),
    )
