"""How a test ended, put together from the reports of its phases."""

from __future__ import annotations

from typing import Any


def outcome_after(outcome: str, report: Any) -> str:
    """The outcome of a test, ``passed`` at first, after one more of its reports (a ``pytest.TestReport``)."""
    is_expected = hasattr(report, "wasxfail")
    if report.outcome == "passed" and not is_expected:
        return outcome
    if report.outcome == "rerun":  # of pytest-rerunfailures: what comes next counts
        return "passed"
    if report.outcome == "failed":
        return "failed" if report.when == "call" else "error"
    if outcome != "passed":
        return outcome
    if not is_expected:
        return "skipped"
    return "xpassed" if report.outcome == "passed" else "xfailed"
