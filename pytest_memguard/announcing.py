"""Lines that another program reads from the output of pytest: printed once, each where a line begins."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import pytest

__all__ = ["Announcement"]


class Announcement:
    """Prints its lines below the summary, or at the very end where there is none (``-p no:terminal``)."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The usual place."""
        if self.lines:
            terminalreporter.ensure_newline()
        for line in self._taken():
            terminalreporter.write_line(line)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """The last one."""
        lines = self._taken()
        if not lines:
            return
        # Tests may have closed or replaced it; there is nobody left to tell.
        with contextlib.suppress(OSError, ValueError, AttributeError, TypeError, LookupError):
            encoding = sys.stdout.encoding or "ascii"
            # A test that wrote to the terminal may not have ended its line.
            sys.stdout.write("\n".join(["", *lines, ""]).encode(encoding, "backslashreplace").decode(encoding))
            sys.stdout.flush()

    def _taken(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines
