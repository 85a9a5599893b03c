"""Stop a repetition that hangs, without a thread."""

from __future__ import annotations

import math
import signal
import threading
import time

_LOOK_S = 1.0


class RepetitionTimeoutError(BaseException):
    """A repetition took far longer than the test's own run; raised in the main thread by a timer signal."""


class Alarm:
    """Stops a repetition that hangs, by a timer signal in the main thread, where nobody else uses that signal.

    The timer stays set between repetitions and looks at the time when it rings: setting it for each would cost as much
    as a hundredth of a small test. Once a second it is made sure that no test has taken the signal over.
    """

    def __init__(self) -> None:
        self._usable = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
        self._handler = self._ring
        self._now = time.monotonic  # what a test makes of the module is none of our business
        self._patience_s = 0.0
        self._deadline = math.inf
        self._look_at = self._now()

    def arm(self, seconds: float) -> None:
        """Raise ``RepetitionTimeoutError`` in ``seconds``, and again if the teardown hangs too."""
        if self._usable:
            now = self._now()
            self._patience_s = seconds
            self._deadline = now + seconds
            if now >= self._look_at:
                self._look_at = now + _LOOK_S
                self._set(seconds)

    def disarm(self) -> None:
        """The repetition has ended."""
        self._deadline = math.inf

    def close(self) -> None:
        """Give the signal back, unless a test has taken it over meanwhile."""
        self.disarm()
        if self._usable and signal.getsignal(signal.SIGALRM) == self._handler:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _set(self, seconds: float) -> None:
        present = signal.getsignal(signal.SIGALRM)
        if present == signal.SIG_DFL and signal.getitimer(signal.ITIMER_REAL)[0] == 0.0:
            signal.signal(signal.SIGALRM, self._handler)
            present = self._handler
        if present == self._handler:
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def _ring(self, *_signal: object) -> None:
        left = self._deadline - self._now()
        if left <= 0.0:
            self._deadline += self._patience_s
            signal.setitimer(signal.ITIMER_REAL, self._patience_s)
            raise RepetitionTimeoutError("the repetition took many times longer than the test's own run")
        if left < math.inf:
            signal.setitimer(signal.ITIMER_REAL, left)
        else:
            self._look_at = -math.inf
