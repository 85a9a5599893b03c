"""The history of runs: figures of each test, kept in one SQLite file for many runs, branches and environments.

``logbook`` is the history as one run sees it, ``reading`` what a command or a report asks it, ``database`` the file and
what can be wrong with it, ``comparison`` what counts as growth. SQLite is loaded only by who opens a file.
"""

from __future__ import annotations

from pytest_memguard.history.header import HistoryError
from pytest_memguard.history.logbook import Logbook, open_logbook
from pytest_memguard.history.values import Course, EnvironmentKey, Figures, PastFinding, PastRun, Rise

__all__ = [
    "Course",
    "EnvironmentKey",
    "Figures",
    "HistoryError",
    "Logbook",
    "PastFinding",
    "PastRun",
    "Rise",
    "open_logbook",
]
