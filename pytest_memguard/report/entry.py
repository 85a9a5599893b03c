"""What other programs are told of one failing entry: its test, its place in the code, one line, and its properties."""

from __future__ import annotations

from pytest_memguard.events import PressureFailure
from pytest_memguard.model import Finding, GrownTest, LimitExceeded, RunReport, SessionGrowth
from pytest_memguard.report import describe
from pytest_memguard.report.blocks import by_weight, session_growth
from pytest_memguard.report.failure import grown_text, leak_text, limit_text, pressure_text
from pytest_memguard.report.text import Line, harmless, listed

__all__ = ["Entry", "failing", "headline", "lines_of", "nodeid_of", "properties", "site_of", "test_address"]

Entry = Finding | LimitExceeded | GrownTest | SessionGrowth | PressureFailure

_RESOURCES = 5
_NOT_TOLD = ("nodeid", "gates")  # both are what the entry is


def failing(report: RunReport) -> list[Entry]:
    """What fails the run: the leaks, largest first, the exceeded limits, what has grown, and pressure."""
    leaks = by_weight(finding for finding in report.leaks if finding.gates)
    limits = (limit for limit in report.limits if limit.gates)
    session = [report.session.growth] if report.session.growth.gates else []
    return [*leaks, *limits, *(grown for grown in report.grown if grown.gates), *session, *report.failures]


def nodeid_of(entry: Entry) -> str:
    """The test that the entry is a failure of: of a fixture's finding the first one that shows it."""
    if isinstance(entry, SessionGrowth):
        return entry.last_nodeid or entry.first_nodeid or ""
    return describe.rerun_nodeid(entry) if isinstance(entry, Finding) else entry.nodeid


def site_of(entry: Entry) -> tuple[str, int] | None:
    """File and line of the allocation, where one is known."""
    if isinstance(entry, Finding) and entry.diagnosis.sites:
        return entry.diagnosis.sites[0].file, entry.diagnosis.sites[0].line
    return None


def headline(entry: Entry) -> str:
    """One line: how much, where, who keeps it; the peak and its limit; what pressure came to."""
    if isinstance(entry, (PressureFailure, SessionGrowth)):
        return harmless(entry.reason or "memory grew over the session")
    if isinstance(entry, GrownTest):
        return describe.grown_headline(entry)
    return describe.limit_headline(entry) if isinstance(entry, LimitExceeded) else describe.headline(entry)


def lines_of(entry: Entry, width: int) -> list[Line]:
    """All evidence, for a page of *width* columns."""
    if isinstance(entry, LimitExceeded):
        return list(limit_text(entry, width))
    if isinstance(entry, GrownTest):
        return list(grown_text(entry, width))
    if isinstance(entry, SessionGrowth):
        return list(session_growth(entry, width))
    if isinstance(entry, PressureFailure):
        return list(pressure_text(entry, width))
    return list(leak_text(entry, width))


def test_address(nodeid: str) -> tuple[str, str]:
    """Class name and name in JUnit XML, as pytest makes them of a node id."""
    path, bracket, parameters = nodeid.partition("[")
    names = path.split("::")
    names[0] = names[0].replace("/", ".").removesuffix(".py")
    names[-1] += bracket + parameters
    return ".".join(names[:-1]), names[-1]


def properties(entry: Entry) -> list[tuple[str, object]]:
    """What JUnit XML gets as ``<properties>``: builtins only, and nothing that is not known."""
    if isinstance(entry, PressureFailure):
        return [("memguard.pressure", harmless(entry.reason)), ("memguard.stopped", entry.stopped)]
    if isinstance(entry, LimitExceeded):
        return [
            ("memguard.limit_bytes", entry.limit_bytes),
            ("memguard.peak_growth_bytes", entry.peak_growth_bytes),
            ("memguard.limit_origin", harmless(entry.origin)),
        ]
    if isinstance(entry, (SessionGrowth, GrownTest)):
        values = {name: value for name, value in entry.to_json().items() if name not in _NOT_TOLD}
    else:
        values = _of_leak(entry)
    return [
        (f"memguard.{name}", harmless(value) if isinstance(value, str) else value)
        for name, value in values.items()
        if value not in (None, "")
    ]


def _of_leak(leak: Finding) -> dict[str, object]:
    diagnosis = leak.diagnosis
    retained = describe.retained_elsewhere(diagnosis)[:1]
    return {
        "kind": leak.kind,
        "bytes_per_run": leak.bytes_per_run,
        "blocks_per_run": leak.blocks_per_run,
        "count_per_run": leak.count_per_run,
        "evidence": describe.evidence(leak),
        "confidence": describe.two_decimals(leak.confidence),
        "phase": leak.phase,
        "fixture": leak.fixture,
        "types": describe.types_text(leak, limit=10),
        "resources": listed(leak.resources, len(leak.resources), limit=_RESOURCES),
        "site": describe.site_place(diagnosis.sites[0]) if diagnosis.sites else None,
        "retained_at": describe.site_place(retained[0]) if retained else None,
        "retainer": diagnosis.retainers[0].path if diagnosis.retainers else None,
        "component": diagnosis.component,
        "signature": diagnosis.signature,
        "witnesses": len(leak.witnesses),
        "advice": leak.advice,
        "repeat": describe.repeat_command(describe.rerun_nodeid(leak)),
    }
