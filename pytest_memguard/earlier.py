"""The history of runs, for one session of pytest: compared with when its tests are over, written when it ends."""

from __future__ import annotations

import os

import pytest

from pytest_memguard import __version__, options
from pytest_memguard.guard import Guard
from pytest_memguard.history import Logbook, open_logbook
from pytest_memguard.model import RunReport
from pytest_memguard.settings import Resolved

__all__ = ["EarlierRuns", "open_earlier_runs"]


def open_earlier_runs(config: pytest.Config, resolved: Resolved, guard: Guard) -> EarlierRuns | None:
    """The history that the settings name; a file that can be none is a usage error. None where nothing is to be kept.

    With workers the controller keeps it.
    """
    if guard.role == "worker" or config.getoption("collectonly", False):
        return None
    with options.usage_errors():
        logbook = open_logbook(
            resolved.settings,
            version=__version__,
            distributed=guard.role == "controller",
            rootdir=str(config.rootpath),
            environ=os.environ,
            origin=resolved.origins.get("history", ""),
        )
    return None if logbook is None else EarlierRuns(logbook, guard)


class EarlierRuns:
    """What the guard gets from the history, and gives to it."""

    def __init__(self, logbook: Logbook, guard: Guard) -> None:
        self._logbook = logbook
        self._guard = guard

    def compare(self) -> None:
        """Find the tests that take more than in earlier runs."""
        guard = self._guard
        guard.grown = self._logbook.grown(guard.ledger.records(guard.verdicts.get))

    def remember(self, report: RunReport) -> None:
        """Add this run; what was wrong with the file is a warning."""
        try:
            self._logbook.write(report)
        finally:
            self._guard.warnings.extend(self._logbook.warnings)
