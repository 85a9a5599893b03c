"""A little patience with threads that end soon after the test that started them: what they hold is not retained."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Seconds to wait, one after the other, until what a test left behind counts as left: half a second in all.
GRACE_STEPS_S = (0.01, 0.05, 0.15, 0.3)


class Grace:
    """Waits for the threads that a repetition left behind. Those that stay are not waited for a second time."""

    def __init__(
        self, *, threads: Callable[[], int] = threading.active_count, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._threads = threads
        self._sleep = sleep
        self._resting = threads()

    def is_needed(self) -> bool:
        """Whether there are more threads than there were."""
        now = self._threads()
        self._resting = min(self._resting, now)
        return now > self._resting

    def wait(self) -> None:
        """Until they have ended, for half a second at most."""
        for pause in GRACE_STEPS_S:
            self._sleep(pause)
            if not self.is_needed():
                return
        self._resting = self._threads()
