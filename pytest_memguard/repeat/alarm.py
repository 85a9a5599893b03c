"""Stop a repetition that hangs, without a thread."""

from __future__ import annotations

import signal
import threading


class RepetitionTimeoutError(BaseException):
    """A repetition took far longer than the test's own run; raised in the main thread by a timer signal."""


class Alarm:
    """Stops a repetition that hangs, by a timer signal in the main thread, where nobody else uses that signal."""

    def __init__(self) -> None:
        self._usable = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
        self._armed = False

    def arm(self, seconds: float) -> None:
        """Raise ``RepetitionTimeoutError`` in ``seconds``, and again if the teardown hangs too."""
        if self._usable and self._free():
            signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
            self._armed = True

    def disarm(self) -> None:
        """Give the signal back, unless the test has taken it over meanwhile."""
        if self._armed:
            self._armed = False
            if signal.getsignal(signal.SIGALRM) == self._ring:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
                signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _free(self) -> bool:
        return signal.getsignal(signal.SIGALRM) == signal.SIG_DFL and signal.getitimer(signal.ITIMER_REAL)[0] == 0.0

    def _ring(self, *_signal: object) -> None:
        raise RepetitionTimeoutError("the repetition took many times longer than the test's own run")
