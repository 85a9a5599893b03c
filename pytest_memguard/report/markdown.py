"""The report for a pull request, or the summary of a job: what a reader who knows nothing of memguard has to know.

The verdict comes first, then each finding with what to do, then everything else, collapsed. The text is never longer
than a comment on GitHub may be: what does not fit is counted, and is in the JSON report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pytest_memguard.events import PressureFailure
from pytest_memguard.model import Finding, GrownTest, LimitExceeded, RunReport, SessionGrowth
from pytest_memguard.report import around, describe
from pytest_memguard.report.acceptances import acceptance_table
from pytest_memguard.report.blocks import by_weight
from pytest_memguard.report.components import component_table
from pytest_memguard.report.counts import Counts, count_tests
from pytest_memguard.report.entry import Entry, failing, headline, lines_of
from pytest_memguard.report.prose import code, collapsed, fenced, said
from pytest_memguard.report.terminal import result
from pytest_memguard.report.text import counted, percent, shortened
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["render", "verdict"]

# A comment on GitHub holds 65,536 characters; the rest is for what somebody may want to say around the report.
_LONGEST = 60_000
_RESERVE = 4_000  # for what is said after the findings, however many there are
_WIDTH = 100
_FINDINGS = 25
_LISTED = 10
_EVIDENCE_LINES = 60
_LONGEST_EVIDENCE = 300
_HAPPENED = 100
_ALL_IN_JSON = "all of them are in the JSON report (`--memguard-json`)"
_LEAK = (
    "The tests concerned have passed. After the run they were repeated many times, and every repetition left something "
    "behind that stays in memory (or open, or running): it adds up for as long as the program runs."
)
_LEFT_OUT = "\nThere is more than fits here: see the JSON report (`--memguard-json`).\n"


def render(report: RunReport) -> Iterator[str]:
    """The text of *report* in Markdown as GitHub reads it, at most 60,000 characters."""
    counts = count_tests(report.tests, limit=_LISTED)
    text = "\n\n".join([*verdict(report, counts), *_findings(failing(report))])
    yield text + "\n"
    room = _LONGEST - len(text) - len(_LEFT_OUT)
    left_out = False
    for part in [*_listed(report), *_acted_on(report, counts), *_details(report, counts)]:
        if len(part) + 2 <= room:
            room -= len(part) + 2
            yield f"\n{part}\n"
        else:
            left_out = True
    if left_out:
        yield _LEFT_OUT


def verdict(report: RunReport, counts: Counts | None = None) -> Iterator[str]:
    """The heading, and what it means, for somebody who has not heard of leaks in tests."""
    counts = counts or count_tests(report.tests, limit=_LISTED)
    entries = failing(report)
    mark = ":x:" if entries else ":warning:" if report.leaks or report.limits or report.grown else ":white_check_mark:"
    found = result(report)
    listed = len(report.leaks) + len(report.limits)
    if listed and not entries:
        found = f"{counted(listed, 'finding')} in {counted(report.session.tests, 'test')}, not failing the run"
    yield f"## {mark} memguard: {found}"
    yield " ".join(_meaning(report, counts, entries))


def _meaning(report: RunReport, counts: Counts, entries: Sequence[Entry]) -> Iterator[str]:
    leaks = sum(isinstance(entry, Finding) for entry in entries)
    if leaks:
        blamed = "what follows" if leaks < len(entries) else "this leak" if leaks == 1 else "these leaks"
        yield f"**The run fails because of {blamed}.** {_LEAK}"
    elif entries:
        yield "**The run fails because of memory.** What the tests themselves check is not concerned."
    elif report.leaks or report.limits:
        yield f"{'It is' if len(report.leaks) + len(report.limits) == 1 else 'They are'} listed below, with the reason."
    elif report.session.checked:
        yield "No test leaves something behind each time it runs."
    checked = f"{report.session.checked} of {counted(report.session.tests, 'test')}"
    undecided = f", {counts.undecided_total} without a decision" if counts.undecided_total else ""
    yield f"Repeated: {checked}{undecided}."
    if counts.failed:
        told = "it" if counts.failed == 1 else "them"
        yield f"{counted(counts.failed, 'test')} failed by other causes: see what pytest says of {told}."


def _findings(entries: Sequence[Entry]) -> Iterator[str]:
    room = _LONGEST - 2 * _RESERVE
    for number, entry in enumerate(entries):
        text = "\n\n".join(_finding(number + 1, entry))
        room -= len(text) + 2
        if number == _FINDINGS or room < 0:
            yield f"**And {counted(len(entries) - number, 'more finding')}:** {_ALL_IN_JSON}."
            return
        yield text


def _finding(number: int, entry: Entry) -> Iterator[str]:
    yield f"### {number}. {_heading(entry)}"
    yield "\n".join(f"- **{label}:** {text}" for label, text in _facts(entry))
    lines = [line.text for line in lines_of(entry, _WIDTH)]
    if len(lines) > _EVIDENCE_LINES:
        lines = [*lines[:_EVIDENCE_LINES], f".. and {len(lines) - _EVIDENCE_LINES} more lines"]
    yield collapsed("All evidence", fenced(shortened(line, _LONGEST_EVIDENCE) for line in lines))


def _heading(entry: Entry) -> str:
    if isinstance(entry, PressureFailure):
        return "The run was stopped before memory ran out" if entry.stopped else "Memory pressure"
    if isinstance(entry, LimitExceeded):
        return f"{code(entry.nodeid)} goes over its memory limit"
    if isinstance(entry, SessionGrowth):
        return "Memory grew over the session"
    if isinstance(entry, GrownTest):
        return f"{code(entry.nodeid)} takes more memory than in earlier runs"
    return f"{code(entry.nodeid)} leaks {said(describe.amount(entry))}"


def _facts(entry: Entry) -> Iterator[tuple[str, str]]:
    if isinstance(entry, PressureFailure):
        yield "what happened", said(entry.reason)
        yield "test", code(entry.nodeid)
    elif isinstance(entry, LimitExceeded):
        yield "how much", f"{describe.peak(entry)}, above what the test started with"
        yield "set by", code(entry.origin)
        yield "repeat", code(describe.repeat_command(entry.nodeid), most=2_000)
    elif isinstance(entry, (GrownTest, SessionGrowth)):
        yield "how much", said(headline(entry))
    else:
        yield from _facts_of_leak(entry)


def _facts_of_leak(leak: Finding) -> Iterator[tuple[str, str]]:
    diagnosis = leak.diagnosis
    types = [f"{entry.count:+d} {code(entry.type)}" for entry in diagnosis.types[:4]]
    stays = [*types, *map(code, leak.resources[:3])]
    if stays:
        yield "what stays", ", ".join(stays)
    for site in diagnosis.sites[:1]:
        yield "allocated at", _site(describe.site_place(site), site.function, site.source)
    for site in describe.retained_elsewhere(diagnosis)[:1]:
        yield "put there at", _site(describe.site_place(site), site.function, site.source)
    for retainer in diagnosis.retainers[:1]:
        yield "kept by", code(describe.kept_by(retainer))
    if leak.fixture:
        yield "in", f"{leak.phase} of fixture {code(leak.fixture)}"
    others = describe.other_tests(leak)
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""  # noqa: PLR2004 - as many as are named
        yield "also seen in", ", ".join(map(code, others[:3])) + more
    if not (diagnosis.sites or diagnosis.retainers):
        yield from (("note", said(note)) for note in diagnosis.notes[:3])
    if leak.advice:
        yield "what to do", said(leak.advice)
    yield "repeat", code(describe.repeat_command(describe.rerun_nodeid(leak)), most=2_000)
    sure = [f"grew in {text}" for text in [describe.evidence(leak)] if text]
    yield "how sure", ", ".join([*sure, f"confidence {describe.two_decimals(leak.confidence)}"])


def _site(place: str, function: str, source: str) -> str:
    inside = f" in {code(function)}" if function else ""
    return f"{code(place)}{inside}" + (f": {code(source.strip())}" if source.strip() else "")


def _listed(report: RunReport) -> Iterator[str]:
    """What was found without failing the run."""
    entries: list[Finding | LimitExceeded | GrownTest] = [*by_weight(leak for leak in report.leaks if not leak.gates)]
    entries += [limit for limit in report.limits if not limit.gates]
    entries += [grown for grown in report.grown if not grown.gates]
    if entries:
        items = (_item(entry) for entry in entries)
        yield collapsed(f"Found, without failing the run ({len(entries)})", _list(items, len(entries)))


def _item(entry: Finding | LimitExceeded | GrownTest) -> str:
    if isinstance(entry, GrownTest):
        return f"{code(entry.nodeid)}: more memory than in earlier runs, {describe.grown_headline(entry)}"
    if isinstance(entry, LimitExceeded):
        return f"{code(entry.nodeid)}: {describe.peak(entry)}, set by {code(entry.origin)}"
    reason = entry.reason or entry.suppressed_by or "no reason given"
    place = f", {code(describe.site_place(entry.diagnosis.sites[0]))}" if entry.diagnosis.sites else ""
    return f"{code(entry.nodeid)}: {said(describe.amount(entry))} ({entry.kind}){place}: {said(reason)}"


def _acted_on(report: RunReport, counts: Counts) -> Iterator[str]:
    """Warnings, what grew over the session, alerts, and what was not checked."""
    growth = report.session.growth
    told = growth.suspected and growth.reason and not growth.gates
    grew = [f"memory grew over the session: {growth.reason}"] if told else []
    warnings = [*grew, *report.warnings, *(f"memguard error: {error}" for error in report.errors)]
    if warnings:
        yield f"**Worth knowing ({len(warnings)}):**\n\n" + _list(map(said, warnings), len(warnings))
    undecided = [f"{code(nodeid)}: {said(reason or 'no reason given')}" for nodeid, reason in counts.undecided]
    if undecided:
        yield collapsed(
            f"Repeated without a decision ({counts.undecided_total})", _list(undecided, counts.undecided_total)
        )
    if counts.unchecked_passed:
        reasons = [f"{number} {said(reason)}" for reason, number in counts.unchecked_reasons.most_common(_LISTED)]
        title = f"Passed, but not repeated ({counts.unchecked_passed})"
        yield collapsed(title, _list(reasons, len(reasons)) or "No reason was recorded.")


def _details(report: RunReport, counts: Counts) -> Iterator[str]:
    """The run in figures, and what happened around the tests."""
    yield collapsed(
        "The run in figures", "\n".join(f"- **{label}:** {text}" for label, text in _figures(report, counts))
    )
    table = [line.text for line in component_table(report.components, _WIDTH)]
    if table:
        yield collapsed("Components", fenced(table))
    accepted = [line.text for line in acceptance_table(report.accepted, _WIDTH)]
    if accepted:
        yield collapsed("Accepted leaks", fenced(accepted))
    happened = [line.text for line in (*around.news(report, _WIDTH), *around.details(report, _WIDTH))]
    if happened:
        yield collapsed("Pressure, cleanups and collections", fenced(happened[:_HAPPENED]))


def _figures(report: RunReport, counts: Counts) -> Iterator[tuple[str, str]]:
    session, environment = report.session, report.environment
    verdicts = ", ".join(f"{number} {name}" for name, number in counts.verdicts.items() if number)
    yield "tests by verdict", verdicts or "none"
    if session.peak_rss_bytes is not None:
        where = f" in {code(session.peak_nodeid)}" if session.peak_nodeid else ""
        yield "highest memory", f"{format_bytes(session.peak_rss_bytes)}{where}"
    suite = session.duration_s - session.own_cost_s
    share = f" ({percent(session.watching_cost_s / suite)} of the tests' time)" if suite > 0 else ""
    watching = f"watching {format_duration(session.watching_cost_s)}{share}"
    checking = f"checking {format_duration(session.checking_cost_s)} ({counted(session.repetitions, 'repetition')})"
    yield "cost", f"{watching}, {checking}"
    yield "environment", said(f"Python {environment.python or '(unknown)'} on {environment.platform or '(unknown)'}")
    if environment.limit_bytes is not None:
        source = f" ({said(environment.limit_source)})" if environment.limit_source else ""
        yield "memory limit", f"{format_bytes(environment.limit_bytes)}{source}"
    yield (
        "made by",
        said(f"pytest-memguard {report.version or '(unknown)'}, run started {session.started or '(unknown)'}"),
    )


def _list(items: Iterable[str], total: int) -> str:
    shown = [f"- {item}" for item, _ in zip(items, range(_LISTED), strict=False)]
    left = total - len(shown)
    return "\n".join([*shown, f"- and {left} more: {_ALL_IN_JSON}"] if left > 0 else shown)
