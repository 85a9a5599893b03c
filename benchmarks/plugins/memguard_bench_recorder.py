"""A pytest plugin that writes down, in order and in full, everything that a run reports about its tests.

Loaded with ``-p memguard_bench_recorder``; the file is named by the environment variable RECORD_TO. One JSON object
a line: reports of collection and of each phase with their sections and texts, warnings, deselections, exit status.

With RECORD_GC=file the automatic garbage collection is off and each test file ends with a full one. Otherwise it comes
at a moment that every allocation of anybody shifts, and with it the test in which a forgotten file is found.
With RECORD_SHIFT=N each test begins with N more objects alive than the one before: it comes at other moments.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

# The controller of pytest-xdist records what its workers report. In a worker a file of ours that is open until the end
# would be one more that warnings tell of.
_sink = (
    None
    if "PYTEST_XDIST_WORKER" in os.environ
    else open(os.environ["RECORD_TO"], "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - until exit
)
_by_file = os.environ.get("RECORD_GC") == "file"
_shift = int(os.environ.get("RECORD_SHIFT", "0"))
_shifting: list[list[Any]] = []
if _by_file:
    gc.set_threshold(0)  # gc.disable() would last until the first test that enables it


def _write(**event: Any) -> None:
    if _sink is not None:
        _sink.write(json.dumps(event, default=repr) + "\n")
        _sink.flush()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """One line for each collector."""
    _write(event="collect", nodeid=report.nodeid, outcome=report.outcome, text=report.longreprtext)


def pytest_collection_finish(session: pytest.Session) -> None:
    """The order of the tests."""
    _write(event="collected", nodeid="", nodeids=[item.nodeid for item in session.items])


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """What was deselected."""
    _write(event="deselected", nodeid="", nodeids=[item.nodeid for item in items])


def pytest_runtest_logstart(nodeid: str, location: tuple[str, int | None, str]) -> None:
    """A test begins."""
    _write(event="start", nodeid=nodeid, location=location)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Some objects that stay."""
    _shifting.extend([] for _ in range(_shift))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One line for each phase, and for each subtest."""
    _write(
        event="report",
        nodeid=report.nodeid,
        when=report.when,
        outcome=report.outcome,
        sections=report.sections,
        text=report.longreprtext,
        wasxfail=getattr(report, "wasxfail", None),
        properties=report.user_properties,
        context=repr(getattr(report, "context", None)),
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """The last thing of a file: what it left behind dies here."""
    yield
    if _by_file and (nextitem is None or nextitem.path != item.path):
        gc.collect()


def pytest_runtest_logfinish(nodeid: str, location: tuple[str, int | None, str]) -> None:
    """A test has ended."""
    _write(event="finish", nodeid=nodeid, location=location)


def pytest_warning_recorded(
    warning_message: Any, when: str, nodeid: str, location: tuple[str, int, str] | None
) -> None:
    """A warning, wherever it came from."""
    text = f"{warning_message.category.__name__}: {warning_message.message}"
    source = f"{warning_message.filename}:{warning_message.lineno}"
    _write(event="warning", nodeid=nodeid, when=when, text=text, source=source, location=location)


def pytest_internalerror(excrepr: Any) -> None:
    """A failure of pytest itself."""
    _write(event="internal error", nodeid="", text=str(excrepr))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(exitstatus: int) -> None:
    """The status of the run, after every other plugin had its say."""
    _write(event="exit", nodeid="", status=int(exitstatus))
