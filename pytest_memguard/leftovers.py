"""Objects that a test has watched: those that are still there when it is over make one more error of that test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from pytest_memguard.entries import Crash, Terminal
from pytest_memguard.gone import Remaining, Watched, remaining, still_there
from pytest_memguard.report.layout import field, lines
from pytest_memguard.report.tables import drawn
from pytest_memguard.report.text import Line, counted, harmless

__all__ = ["Leftovers", "remaining_text"]

_NAME = "memguard-leftovers"
_WIDTH = 100
_NARROWEST = 40

Location = tuple[str, int | None, str]


@dataclass(slots=True, kw_only=True)
class _Expectation:
    """What is to be gone after a test. ``passes``: nothing has gone wrong in it so far."""

    location: Location
    watched: Sequence[Watched]
    passes: bool = True


class Leftovers:
    """A plugin of its own, registered when the first object is watched: other runs have nothing of it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._expected: dict[str, _Expectation] = {}

    @classmethod
    def of(cls, config: pytest.Config) -> Leftovers:
        """The one of this run."""
        found = config.pluginmanager.getplugin(_NAME)
        if found is None:
            found = cls(config)
            config.pluginmanager.register(found, _NAME)
        return cast("Leftovers", found)

    def expect(self, nodeid: str, location: Location, watched: Sequence[Watched]) -> None:
        """These are to be gone when that test, which is running, is over; in place of what it watched before."""
        self._expected[nodeid] = _Expectation(location=location, watched=watched)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The traceback of a test that fails keeps its objects."""
        expected = self._expected.get(report.nodeid)
        if expected is not None and (report.outcome != "passed" or hasattr(report, "wasxfail")):
            expected.passes = False

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """The test is over, and pytest has let go of its fixtures."""
        expected = self._expected.pop(nodeid, None)
        if expected is None or not expected.passes:
            return
        alive = still_there(expected.watched)
        found = remaining(alive, rootdir=str(self._config.rootpath)) if alive else []
        if found:
            report = _error(nodeid, expected.location, found, total=len(alive))
            self._config.hook.pytest_runtest_logreport(report=report)


@dataclass(frozen=True, slots=True)
class _Text:
    """What pytest shows of the error, for a terminal of any width."""

    found: Sequence[Remaining]
    total: int
    reprcrash: Crash

    def toterminal(self, tw: Terminal) -> None:
        """Write it; called by pytest."""
        for entry in remaining_text(self.found, self.total, max(tw.fullwidth, _NARROWEST)):
            tw.line(entry.text, **dict.fromkeys(entry.markup, True))

    def __str__(self) -> str:
        return "\n".join(entry.text for entry in remaining_text(self.found, self.total, _WIDTH))


def remaining_text(found: Sequence[Remaining], total: int, width: int) -> Iterator[Line]:
    """Headline, then each object with the path that keeps it."""
    yield from lines(_headline(found, total), width, "red", "bold")
    for each in found:
        yield from field("object", each.type, width)
        if each.retainer is not None:
            yield from drawn("kept by", each.retainer, width)
        for note in each.notes:
            yield from field("note", note, width)


def _headline(found: Sequence[Remaining], total: int) -> str:
    types = ", ".join(dict.fromkeys(harmless(each.type) for each in found))
    are = "is" if total == 1 else "are"
    return f"{counted(total, 'watched object')} {are} still there after the teardown of the test: {types}"


def _error(nodeid: str, location: Location, found: Sequence[Remaining], *, total: int) -> pytest.TestReport:
    crash = Crash(harmless(location[0]), (location[1] or 0) + 1, _headline(found, total))
    longrepr: Any = _Text(found, total, crash)
    return pytest.TestReport(
        nodeid=nodeid, location=location, keywords={}, outcome="failed", when="teardown", longrepr=longrepr
    )
