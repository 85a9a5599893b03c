"""Calls a function in the main thread, in the middle of what runs there, when the kernel says that a letter has come.

``SIGWINCH`` is the signal for it: by default it is ignored, so that a test that resets all handlers is not ended by it,
and whoever handles it takes it for a window of another size, and draws. It interrupts what waits in the kernel: Python
goes on waiting by itself (PEP 475), and a test that hangs in ``read`` or ``wait`` can be asked where it hangs, which
with restarted calls, as the sampler's signal has them, it could not be.
"""

from __future__ import annotations

import importlib
import signal
import threading
from collections.abc import Callable
from types import FrameType

__all__ = ["Ring", "RingError"]


class RingError(Exception):
    """The signal cannot be used here; the message says why."""


class Ring:
    """Released by ``close``. What *visit* raises is raised where the main thread is. Raises ``RingError``.

    ``number`` and ``thread``: the signal, and whom to send it to.
    """

    def __init__(self, visit: Callable[[], object]) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RingError("tests do not run in the main thread")
        self.number = int(signal.SIGWINCH)
        self.thread = threading.get_native_id()
        self._visit = visit
        self._handler = self._rung  # one object for good, to be found again
        # The one in C: signal.getsignal makes an enum of what it finds.
        self._get: Callable[[int], object] = importlib.import_module("_signal").getsignal
        self._set = signal.signal
        if self._get(self.number) != signal.SIG_DFL:
            raise RingError("SIGWINCH is in use")
        self._set(self.number, self._handler)

    def be_found(self) -> None:
        """Take the signal back where a test has reset it."""
        if self._get(self.number) == signal.SIG_DFL:
            self._set(self.number, self._handler)

    def close(self) -> None:
        """Give the signal back; may be called again."""
        if self._get(self.number) is self._handler:
            self._set(self.number, signal.SIG_DFL)

    def _rung(self, _number: int, _frame: FrameType | None) -> None:
        __tracebackhide__ = True
        self._visit()
