"""The compact block of one leak or exceeded limit, and the list of what does not fail the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pytest_memguard.model import Finding, GrownTest, LimitExceeded, SessionGrowth
from pytest_memguard.report import describe
from pytest_memguard.report.layout import INDENT, LABEL, LISTED, field, fields, head, lines, more, repeat
from pytest_memguard.report.text import Line, counted, harmless, line, listed, shortened
from pytest_memguard.units import format_bytes

__all__ = [
    "also_seen",
    "by_weight",
    "grown_head",
    "grown_tests",
    "growth_sentence",
    "leak_block",
    "limit_block",
    "not_gating",
    "session_growth",
]

_ROUNDS = 8


def by_weight(findings: Iterable[Finding]) -> list[Finding]:
    """Largest first; the id settles ties, so that the same run always reads the same."""
    return sorted(findings, key=lambda f: (-f.bytes_per_run, -f.count_per_run, -f.blocks_per_run, f.nodeid))


def leak_block(finding: Finding, width: int, *, verbose: bool) -> Iterator[Line]:
    """All that a user needs to start with; *verbose* adds the rounds, the notes and more of each list."""
    facts = [
        describe.amount(finding),
        describe.evidence(finding),
        f"confidence {describe.two_decimals(finding.confidence)}",
    ]
    signature = describe.short_signature(finding, before="   ")
    yield from head(f"LEAK {finding.kind}", finding.nodeid, ", ".join(filter(None, facts)) + signature, width)
    diagnosis = finding.diagnosis
    most = 5 if verbose else 1
    yield from field("expired", finding.reason or "", width)
    yield from field("phase", describe.where(finding), width)
    yield from fields("leaks", finding.resources, harmless, width, most=most)
    yield from field("types", describe.types_text(finding, limit=10 if verbose else 4), width)
    yield from fields("allocated", diagnosis.sites, describe.site_text, width, most=most)
    yield from fields("retained", describe.retained_elsewhere(diagnosis), describe.site_text, width, most=1)
    yield from fields("kept by", diagnosis.retainers, describe.kept_by, width, most=most)
    yield from field("component", diagnosis.component or "", width)
    yield from also_seen(finding, width, most=10 if verbose else 3)
    if verbose:
        for series in finding.rounds:
            yield from field("rounds", f"{series.metric} {_deltas(series.deltas)}", width)
    if verbose or not (diagnosis.sites or diagnosis.retainers):
        for note in diagnosis.notes:
            yield from field("note", note, width)
    yield from field("advice", finding.advice or "", width)
    yield repeat(describe.rerun_nodeid(finding))


def also_seen(finding: Finding, width: int, *, most: int) -> Iterator[Line]:
    """The other tests that show the same leak, at most *most* of them by name."""
    others = describe.other_tests(finding)
    if others:
        names = listed(map(harmless, others), len(others), limit=most)
        yield from field("also seen", f"in {counted(len(others), 'other test')}: {names}", width)


def limit_block(limit: LimitExceeded, width: int) -> Iterator[Line]:
    """The peak, the limit, and who set it."""
    yield from head("LIMIT", limit.nodeid, describe.peak(limit), width)
    yield from field("set by", limit.origin, width)
    yield repeat(limit.nodeid)


def grown_tests(grown: Sequence[GrownTest], width: int) -> Iterator[Line]:
    """Tests that take more than in earlier runs, and whether the run fails for them."""
    if not grown:
        return
    yield grown_head(grown)
    for entry in grown[:LISTED]:
        yield line(INDENT + shortened(entry.nodeid, width - len(INDENT)))
        yield from lines(describe.grown_headline(entry), width, first=INDENT * 2, rest=INDENT * 2)
    yield from more(len(grown) - LISTED)


def grown_head(grown: Sequence[GrownTest]) -> Line:
    """How many tests take more than in earlier runs, and what makes them fail where they do not."""
    gates = any(entry.gates for entry in grown)
    note = "" if gates else "; --memguard-fail-on=growth makes them fail"
    text = f"more memory than in earlier runs ({counted(len(grown), 'test')}{note})"
    return line(text, "red" if gates else "yellow", *(("bold",) if gates else ()))


def session_growth(growth: SessionGrowth, width: int) -> Iterator[Line]:
    """That memory grew over the session, where, and how to find out why."""
    yield from growth_sentence(growth, width)
    advice = "check all tests with --memguard-confirm=all --memguard-budget=unlimited; where none of them leaks, what "
    yield from lines(f"{advice}grows belongs to what they share", width, first=INDENT, rest=INDENT)


def growth_sentence(growth: SessionGrowth, width: int) -> Iterator[Line]:
    """That memory grew over the session, and where."""
    text = growth.reason or f"{format_bytes(growth.slope_per_test, signed=True)} a test"
    if growth.first_nodeid and growth.last_nodeid:
        text += f", from {growth.first_nodeid} to {growth.last_nodeid}"
    confidence = f"confidence {describe.two_decimals(growth.confidence)}"
    yield from lines(f"memory grew over the session: {text} ({confidence})", width, "yellow", rest=INDENT)


def not_gating(findings: Sequence[Finding], limits: Sequence[LimitExceeded], width: int) -> Iterator[Line]:
    """What is listed without failing the run, each with the reason why."""
    entries: list[Finding | LimitExceeded] = [*by_weight(findings), *limits]
    if entries:
        whom = "it" if len(entries) == 1 else "them"
        yield line(f"not gating ({len(entries)}): the run does not fail for {whom}", "yellow")
        for entry in entries[:LISTED]:
            yield from _not_gating_entry(entry, width)
        yield from more(len(entries) - LISTED)


def _not_gating_entry(entry: Finding | LimitExceeded, width: int) -> Iterator[Line]:
    if isinstance(entry, LimitExceeded):
        label, facts, reason = "limit", describe.peak(entry), f"set by {entry.origin}"
    else:
        label = describe.standing(entry)
        facts = describe.headline(entry, kind=True)
        reason = entry.reason or entry.suppressed_by or "no reason given"
    label = f"{INDENT}{label.ljust(LABEL)} "
    yield line(label + shortened(entry.nodeid, width - len(label)))
    yield from lines(f"{facts}: {reason}", width, first=" " * len(label), rest=" " * len(label))


def _deltas(deltas: Sequence[int]) -> str:
    shown = " ".join(f"{delta:+d}" for delta in deltas[:_ROUNDS])
    return shown + (f" .. {deltas[-1]:+d} ({len(deltas)} rounds)" if len(deltas) > _ROUNDS else "")
