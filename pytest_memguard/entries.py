"""Confirmed leaks and exceeded limits as failing entries of their tests, besides the entries that the tests have.

The test itself keeps its outcome. The entry is a pair of reports that are logged after the run has ended: a failed
``call``, which is what the summaries, ``--lf`` and the exit status go by, and a passed ``teardown``, which is what
JUnit XML waits for before it writes the entry with its properties.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import pytest

from pytest_memguard.events import PressureFailure
from pytest_memguard.model import Finding, GrownTest, LimitExceeded, SessionGrowth
from pytest_memguard.report import describe
from pytest_memguard.report.blocks import session_growth
from pytest_memguard.report.failure import grown_text, leak_text, limit_text, pressure_text
from pytest_memguard.report.text import Line, harmless

__all__ = ["Entry", "failing_reports", "in_order", "log"]

_TEXT_WIDTH = 100
_WORD = "memguard_word"
_LOGGED = "memguard_logged"
_STATUS = "memguard-entries"
_NOT_TOLD = ("nodeid", "gates")  # both are what the entry is

Entry = Finding | LimitExceeded | GrownTest | SessionGrowth | PressureFailure
_WORDS = {
    Finding: "LEAK",
    LimitExceeded: "LIMIT",
    GrownTest: "GROWTH",
    SessionGrowth: "GROWTH",
    PressureFailure: "PRESSURE",
}


class Terminal(Protocol):
    """What is used of pytest's terminal writer."""

    fullwidth: int

    def line(self, s: str = "", **markup: bool) -> None:
        """Write *s* as a line."""


@dataclass(frozen=True, slots=True)
class Crash:
    """Where and what, in one line each: for the short summary, ``--tb=line``, JUnit XML and annotations."""

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


@dataclass(frozen=True, slots=True)
class EntryText:
    """The text of a failing entry, for a terminal of any width; pytest calls such a thing a ``longrepr``."""

    entry: Entry
    reprcrash: Crash
    brief: bool

    def toterminal(self, tw: Terminal) -> None:
        """Write the evidence; nothing with ``--tb=line``, where pytest adds the one line that is wanted."""
        if not self.brief:
            for entry in self._lines(tw.fullwidth):
                tw.line(entry.text, **dict.fromkeys(entry.markup, True))

    def __str__(self) -> str:
        return "\n".join(entry.text for entry in self._lines(_TEXT_WIDTH))

    def _lines(self, width: int) -> Iterable[Line]:
        width = max(width, 40)
        if isinstance(self.entry, LimitExceeded):
            return limit_text(self.entry, width)
        if isinstance(self.entry, GrownTest):
            return grown_text(self.entry, width)
        if isinstance(self.entry, SessionGrowth):
            return session_growth(self.entry, width)
        if isinstance(self.entry, PressureFailure):
            return pressure_text(self.entry, width)
        return leak_text(self.entry, width)


def failing_reports(
    entry: Entry, *, locations: Mapping[str, tuple[str, int | None, str]] | None = None, tbstyle: str = "auto"
) -> list[pytest.TestReport]:
    """The two reports that make *entry* a failure of its test, to be passed to :func:`log`.

    *locations* has, by node id, the ``location`` of the tests that ran; an entry without one is placed by its id.
    *tbstyle* is the value of ``--tb``. A finding on a fixture becomes a failure of the first test that shows it.
    """
    nodeid = _nodeid(entry)
    location = (locations or {}).get(nodeid) or _location(nodeid)
    text = EntryText(entry, _crash(entry, location), tbstyle == "line")
    common: dict[str, Any] = {"nodeid": nodeid, "location": location, "keywords": {}, _WORD: _WORDS[type(entry)]}
    return [
        pytest.TestReport(**common, outcome="failed", when="call", longrepr=cast("Any", text)),
        pytest.TestReport(
            **common, outcome="passed", when="teardown", longrepr=None, user_properties=_properties(entry)
        ),
    ]


def in_order(entries: Iterable[Entry], *, position: Mapping[str, int], stepwise: bool) -> list[Entry]:
    """*entries* in the order in which to log them: that of their tests in the run, *position* by node id.

    With ``--stepwise`` in reverse: pytest continues at the failure that it saw last, which has to be the first.
    """

    def place(entry: Entry) -> int:
        return position.get(_nodeid(entry), len(position))

    return sorted(entries, key=place, reverse=stepwise)


def log(config: pytest.Config, reports: Sequence[pytest.TestReport]) -> None:
    """Hand *reports* to every plugin that follows the run, without a letter in the progress, which is complete."""
    if not config.pluginmanager.has_plugin(_STATUS):  # only now: it would be asked about each report of the run
        config.pluginmanager.register(_Status(), _STATUS)
    for report in reports:
        config.hook.pytest_runtest_logreport(report=report)
        setattr(report, _LOGGED, True)


class _Status:
    """What our own reports are called."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str | tuple[str, dict[str, bool]]] | None:
        """``None``, for pytest to decide, for all other reports.

        While :func:`log` is at work there is no letter and no word, so that nothing is printed; after that, the word
        which the short summary shows.
        """
        word = getattr(report, _WORD, None)
        if word is None:
            return None
        if not report.failed:
            return "", "", ""
        return "failed", "", (word, {"red": True}) if getattr(report, _LOGGED, False) else ""


def _nodeid(entry: Entry) -> str:
    if isinstance(entry, SessionGrowth):
        return entry.last_nodeid or entry.first_nodeid or ""
    return describe.rerun_nodeid(entry) if isinstance(entry, Finding) else entry.nodeid


def _location(nodeid: str) -> tuple[str, int | None, str]:
    path, _, domain = nodeid.partition("::")
    return path, None, domain.replace("::", ".") or path


def _crash(entry: Entry, location: tuple[str, int | None, str]) -> Crash:
    """The allocation site where one is known, the test otherwise: pytest's line numbers start at 0 there."""
    if isinstance(entry, (PressureFailure, SessionGrowth)):
        message = harmless(entry.reason or "memory grew over the session")
        path, line = location[0], (location[1] or 0) + 1
    elif isinstance(entry, LimitExceeded):
        path, line, message = location[0], (location[1] or 0) + 1, describe.limit_headline(entry)
    elif isinstance(entry, GrownTest):
        path, line, message = location[0], (location[1] or 0) + 1, describe.grown_headline(entry)
    elif entry.diagnosis.sites:
        site = entry.diagnosis.sites[0]
        path, line, message = site.file, site.line, describe.headline(entry)
    else:
        path, line, message = location[0], (location[1] or 0) + 1, describe.headline(entry)
    return Crash(harmless(path), line, message)


def _properties(entry: Entry) -> list[tuple[str, object]]:
    """What JUnit XML gets as ``<properties>``: builtins only, and nothing that is not known."""
    if isinstance(entry, PressureFailure):
        return [("memguard.pressure", harmless(entry.reason)), ("memguard.stopped", entry.stopped)]
    if isinstance(entry, LimitExceeded):
        return [
            ("memguard.limit_bytes", entry.limit_bytes),
            ("memguard.peak_growth_bytes", entry.peak_growth_bytes),
            ("memguard.limit_origin", harmless(entry.origin)),
        ]
    if isinstance(entry, SessionGrowth):
        return [(f"memguard.{name}", value) for name, value in entry.to_json().items() if value is not None]
    if isinstance(entry, GrownTest):
        return [(f"memguard.{name}", value) for name, value in entry.to_json().items() if name not in _NOT_TOLD]
    diagnosis = entry.diagnosis
    values: dict[str, object] = {
        "kind": entry.kind,
        "bytes_per_run": entry.bytes_per_run,
        "blocks_per_run": entry.blocks_per_run,
        "count_per_run": entry.count_per_run,
        "confidence": describe.two_decimals(entry.confidence),
        "phase": entry.phase,
        "fixture": entry.fixture,
        "types": describe.types_text(entry, limit=10),
        "site": describe.site_place(diagnosis.sites[0]) if diagnosis.sites else None,
        "retainer": harmless(diagnosis.retainers[0].path) if diagnosis.retainers else None,
        "component": diagnosis.component,
        "signature": diagnosis.signature,
        "witnesses": len(entry.witnesses),
    }
    return [
        (f"memguard.{name}", harmless(value) if isinstance(value, str) else value)
        for name, value in values.items()
        if value not in (None, "")
    ]
