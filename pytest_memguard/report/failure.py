"""The detailed text of one leak or exceeded limit, as it stands among the failures of the run."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_memguard.events import PressureFailure
from pytest_memguard.model import Finding, GrownTest, LimitExceeded
from pytest_memguard.report import describe
from pytest_memguard.report.blocks import also_seen
from pytest_memguard.report.layout import INDENT, LABEL, field, fields, lines, repeat
from pytest_memguard.report.tables import drawn, rounds_table
from pytest_memguard.report.text import Line, harmless, line, shell_quoted
from pytest_memguard.units import format_bytes

__all__ = ["accepting", "grown_text", "leak_text", "limit_text", "pressure_text"]

_ALL = 1_000_000
_RETAINERS = 3
_TYPES = 10
_WITNESSES = 10
_SITES = 5
_MEMORY = ("python", "native")
_UNITS = (("MiB", 2**20), ("KiB", 2**10), ("B", 1))


def leak_text(finding: Finding, width: int, *, whole: bool = False) -> Iterator[Line]:
    """Headline, evidence by round, what stays and who keeps it, and what to do; lists are cut unless *whole*."""
    steady = describe.evidence(finding)
    runs = f" in {steady}" if steady else ""
    amount = describe.amount(finding)
    yield from lines(
        f"{finding.kind} leak confirmed: {amount}{runs} (confidence {describe.two_decimals(finding.confidence)})",
        width,
        "red",
        "bold",
    )
    yield from field("test", finding.nodeid, width)
    yield from field("expired", (finding.reason or "") if finding.gates else "", width)
    yield from field("phase", describe.where(finding), width)
    yield from rounds_table(finding.rounds, whole=whole)
    diagnosis = finding.diagnosis
    yield from fields("leaks", finding.resources, harmless, width, most=_ALL if whole else _SITES)
    yield from field("types", describe.types_text(finding, limit=_ALL if whole else _TYPES), width)
    yield from fields("allocated", diagnosis.sites, describe.site_text, width, most=_ALL if whole else _SITES)
    yield from fields("retained", describe.retained_elsewhere(diagnosis), describe.site_text, width, most=1)
    for index, retainer in enumerate(diagnosis.retainers[: _ALL if whole else _RETAINERS]):
        yield from drawn("kept by" if index == 0 else "and by", retainer, width)
    yield from field("component", diagnosis.component or "", width)
    yield from field("signature", diagnosis.signature, width)
    yield from also_seen(finding, width, most=_ALL if whole else _WITNESSES)
    for note in diagnosis.notes:
        yield from field("note", note, width)
    yield from field("advice", finding.advice or "", width)
    yield repeat(describe.rerun_nodeid(finding))
    yield from field("accept", f"@pytest.mark.memguard({accepting(finding)}, reason=...) on the test", width)


def limit_text(limit: LimitExceeded, width: int) -> Iterator[Line]:
    """Headline, the numbers, who set the limit, and what to do."""
    yield from lines(f"memory limit exceeded: {describe.peak(limit)}", width, "red", "bold")
    yield from field("test", limit.nodeid, width)
    yield from field("peak", f"{format_bytes(limit.peak_growth_bytes)} above what the test started with", width)
    yield from field("set by", limit.origin, width)
    yield repeat(limit.nodeid)


def grown_text(grown: GrownTest, width: int) -> Iterator[Line]:
    """Headline, what it took before and takes now, and where to see the course of it."""
    yield from lines(f"memory has grown: {describe.grown_headline(grown)}", width, "red", "bold")
    yield from field("test", grown.nodeid, width)
    what = "above what the test started with" if grown.metric == "peak" else "more in use after the test than before"
    yield from field(grown.metric, f"{format_bytes(grown.bytes)} {what}", width)
    yield from field("usually", f"{format_bytes(grown.usual_bytes)}, the median of {grown.runs} earlier runs", width)
    yield line(f"{INDENT}{'history'.ljust(LABEL)}memguard history {shell_quoted(grown.nodeid)}")


def pressure_text(failure: PressureFailure, width: int) -> Iterator[Line]:
    """Headline, what happened after which test, and what to do."""
    headline = "the run was stopped before memory ran out" if failure.stopped else "memory pressure"
    yield from lines(headline, width, "red", "bold")
    yield from field("after" if failure.stopped else "at", failure.nodeid, width)
    yield from field("because", failure.reason, width)
    yield from field("worker", "" if failure.worker == "main" else failure.worker, width)
    if failure.stopped:
        advice = "run the tests named above by themselves with --memguard to find what stays, or raise the limit"
        yield from field("advice", advice, width)


def accepting(finding: Finding) -> str:
    """The marker keyword that accepts this finding: its size rounded up, or no check where a size means nothing."""
    size = finding.bytes_per_run
    if finding.kind not in _MEMORY or size <= 0:
        return "leak=False"
    unit, factor = next((unit, factor) for unit, factor in _UNITS if size >= factor)
    return f'leak="{-(-size // factor)} {unit}"'
