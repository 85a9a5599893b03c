"""What the terminal shows while tests are repeated: one line that is rewritten, or now and then a line in a log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

_FIRST_S = 1.0
_EVERY_S = 0.2
_EVERY_IN_A_LOG_S = 30.0


class Progress:
    """Says how far checking has come, once it takes longer than a moment.

    ``shown``: a context manager; what is written within it reaches the terminal.
    """

    def __init__(
        self,
        config: pytest.Config,
        *,
        total: int,
        clock: Callable[[], float],
        shown: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._reporter: Any = config.pluginmanager.getplugin("terminalreporter")
        self._total = total
        self._clock = clock
        self._within = shown
        self._start = clock()
        self._rewrites = self._reporter is not None and self._reporter.isatty
        self._next = self._start + (_FIRST_S if self._rewrites else _EVERY_IN_A_LOG_S)
        self._shown = False
        if self._reporter is not None and (hasattr(config, "workerinput") or config.get_verbosity() < 0):
            self._reporter = None

    def show(self, done: int) -> None:
        """``done`` tests have been checked."""
        if self._reporter is None:
            return
        now = self._clock()
        if now < self._next:
            return
        self._next = now + (_EVERY_S if self._rewrites else _EVERY_IN_A_LOG_S)
        text = f"memguard: checked {done} of {self._total} tests for leaks, {now - self._start:.0f} s"
        with self._within():
            if self._rewrites:
                self._reporter.rewrite(text, erase=True)
            else:
                self._reporter.ensure_newline()
                self._reporter.write_line(text)
        self._shown = True

    def end(self) -> None:
        """Take the line away again."""
        if self._shown and self._rewrites:
            self._reporter.rewrite("", erase=True)
