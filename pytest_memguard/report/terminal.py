"""The memguard section at the end of a run, as lines for a terminal of a given width."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_memguard.model import RunReport
from pytest_memguard.report import around, brief, describe
from pytest_memguard.report.acceptances import acceptance_table
from pytest_memguard.report.blocks import by_weight, grown_tests, leak_block, limit_block, not_gating, session_growth
from pytest_memguard.report.components import component_table
from pytest_memguard.report.counts import Counts, count_tests
from pytest_memguard.report.layout import INDENT, LISTED, bounded, field, lines
from pytest_memguard.report.text import Line, cells, counted, harmless, line, percent, shortened
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["result", "section"]

_BLOCKS = 10
_NARROWEST = 40
_SHORTEST_ID = 20


def section(report: RunReport, *, width: int, verbosity: int, color: bool) -> list[Line]:
    """The lines to print after the run, the title line included, for a terminal of *width* columns.

    A run without anything wrong gets one line. With a *verbosity* below 0 (``-q``) so does every other, and below it
    what it must not keep to itself: tests that were not checked, warnings, errors. Above 0 come the rounds, the
    components, the costs, and the tests that were not checked by name. Without *color* no line has markup.
    """
    width = max(width, _NARROWEST)
    # Making the records takes as long as half of the watching, and says nothing where nothing was to be checked.
    told = verbosity > 0 or report.session.checking_cost_s > 0
    counts = count_tests(report.tests if told else (), limit=LISTED)
    unchecked = list(_unchecked(report, counts, width))
    troubles = list(brief.troubles(report, width))
    if verbosity < 0:
        found = [_one_line(report, counts, width), *brief.notices(report, width), *troubles, *unchecked]
    else:
        news = [*_news(report, width, verbose=verbosity > 0), *troubles]
        found = [_one_line(report, counts, width), *unchecked]
        if news or verbosity > 0:
            details = _details(report, counts, width) if verbosity > 0 else ()
            found = [_title(report, width), *news, *unchecked, *details, *_closing(report, counts, width)]
    return found if color else [Line(text=entry.text) for entry in found]


def _news(report: RunReport, width: int, *, verbose: bool) -> Iterator[Line]:
    """What is wrong, most important first."""
    gating = by_weight(finding for finding in report.leaks if finding.gates)
    shown = len(gating) if verbose else _BLOCKS
    for finding in gating[:shown]:
        yield from leak_block(finding, width, verbose=verbose)
    if len(gating) > shown:
        yield line(f"{INDENT}and {counted(len(gating) - shown, 'more leak')}; all in the JSON report")
    for limit in report.limits:
        if limit.gates:
            yield from limit_block(limit, width)
    yield from around.news(report, width)
    yield from not_gating(
        [finding for finding in report.leaks if not finding.gates],
        [limit for limit in report.limits if not limit.gates],
        width,
    )
    yield from grown_tests(report.grown, width)
    if report.session.growth.suspected:
        yield from session_growth(report.session.growth, width)


def _unchecked(report: RunReport, counts: Counts, width: int) -> Iterator[Line]:
    """How many tests that passed were not checked, why, and what to do; nothing where that was the user's wish."""
    reasons = counts.unchecked_reasons
    budget = any("budget" in reason for reason in reasons)
    began = report.session.checked or report.session.checking_cost_s > 0  # and may have been stopped before a verdict
    if not counts.unchecked_passed or not (began or budget):
        return
    text = f"{counted(counts.unchecked_passed, 'test')} not checked"
    named = [f"{number} {reason}" if len(reasons) > 1 else reason for reason, number in reasons.most_common(4)]
    if named:
        text += f": {', '.join(named)}"
    if budget:
        text += " (--memguard-budget raises it; they go first next time)"
    yield from lines(text, width, rest=INDENT)


def _details(report: RunReport, counts: Counts, width: int) -> Iterator[Line]:
    """What ``-v`` adds to the news."""
    for name, number, tests in (
        ("unchecked", counts.verdicts["unchecked"], counts.unchecked),
        ("inconclusive", counts.undecided_total, counts.undecided),
    ):
        if number:
            yield line(f"{name} ({number})")
            texts = (f"{nodeid}: {reason or 'no reason given'}" for nodeid, reason in tests)
            yield from bounded(texts, number, width, before=INDENT)
    for record in counts.marked:
        text = f"{record.nodeid}: {describe.checkpoints_text(record.checkpoints)}"
        yield from field("points", text, width)
    yield from acceptance_table(report.accepted, width)
    yield from component_table(report.components, width)
    verdicts = ", ".join(f"{number} {name}" for name, number in counts.verdicts.items() if number)
    yield from field("verdicts", verdicts, width)
    yield from around.details(report, width)
    session = report.session
    watching = f"watching {format_duration(session.watching_cost_s)} ({_watching_share(report)})"
    repeated = f"{counted(session.repetitions, 'repetition')} of {counted(session.checked, 'test')}"
    checking = f"checking {format_duration(session.checking_cost_s)} ({repeated})"
    yield from field("cost", f"{watching}, {checking}", width)
    environment = report.environment
    yield from field("probes", ", ".join(f"{name}: {how}" for name, how in environment.probes.items()), width)
    if environment.limit_bytes is not None:
        source = f" ({environment.limit_source})" if environment.limit_source else ""
        yield from field("limit", format_bytes(environment.limit_bytes) + source, width)


def _title(report: RunReport, width: int) -> Line:
    """The title between ``=``, as pytest draws its own."""
    title = f" memguard: {result(report)} "
    side = "=" * max((width - cells(title)) // 2, 1)
    text = f"{side}{title}{side}"
    return line(text + "=" if cells(text) < width else text, _mood(report), "bold")


def result(report: RunReport) -> str:
    """``1 leak in 412 tests``, ``no leaks in 1 test``, ``2 leaks and 1 exceeded limit in 9 tests``."""
    leaks = sum(finding.gates for finding in report.leaks)
    limits = sum(limit.gates for limit in report.limits)
    if any(failure.stopped for failure in report.failures):
        return f"stopped under memory pressure after {counted(report.session.tests, 'test')}"
    grown = sum(entry.gates for entry in report.grown)
    named = ((leaks, "leak"), (limits, "exceeded limit"), (grown, "grown test"))
    parts = [counted(number, noun) for number, noun in named if number]
    if parts:
        found = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    elif report.session.tests and not report.session.checked and not report.leaks and not report.limits:
        return f"watched {counted(report.session.tests, 'test')}, checked none"
    else:
        # A leak that does not gate is one all the same: "no leaks" would be wrong.
        found = "no gating leaks" if report.leaks else "no leaks"
    return f"{found} in {counted(report.session.tests, 'test')}"


def _mood(report: RunReport) -> str:
    gating = (entry.gates for entries in (report.leaks, report.limits, report.grown) for entry in entries)
    if report.failures or any(gating):
        return "red"
    alerts = any(event.alert for event in report.pressure)
    worry = any(
        (
            *(alerts, report.leaks, report.limits, report.grown, report.warnings, report.errors),
            report.session.growth.suspected,
        )
    )
    return "yellow" if worry else "green"


def _one_line(report: RunReport, counts: Counts, width: int) -> Line:
    """The whole run in one line: the first wording that fits the width, or the shortest."""
    worst = by_weight(finding for finding in report.leaks if finding.gates)
    start = f"memguard: {result(report)}"
    if worst:
        tail = f" {describe.amount(worst[0])}" + (f", and {len(worst) - 1} more" if len(worst) > 1 else "")
        room = max(width - cells(start) - cells(tail) - 2, _SHORTEST_ID)
        wordings: list[tuple[str, ...]] = [(f"{start}: {shortened(worst[0].nodeid, room)}{tail}",)]
    else:
        peak, checked, cost = _facts(report, counts)
        size = _peak_size(report)
        brief = f"{report.session.checked} checked in {format_duration(report.session.checking_cost_s)}"
        wordings = [
            (start, peak, checked, cost),
            (start, size, checked, cost),
            (start, peak, brief),
            (start, size, brief),
            (start, size),
        ]
    texts = [harmless(" - ".join(filter(None, wording))) for wording in wordings]
    return line(next((text for text in texts if cells(text) <= width), start), _mood(report))


def _closing(report: RunReport, counts: Counts, width: int) -> Iterator[Line]:
    """``peak .. - .. tests checked .. - watching cost ..``, broken only between these parts."""
    current = ""
    for part in filter(None, _facts(report, counts)):
        fact = shortened(part, width)
        if current and cells(current) + cells(fact) + 3 > width:
            yield line(current)
            current = fact
        else:
            current = f"{current} - {fact}" if current else fact
    yield line(current)


def _facts(report: RunReport, counts: Counts) -> tuple[str, str, str]:
    session = report.session
    peak = _peak_size(report)
    if peak and session.peak_nodeid:
        peak += f" in {session.peak_nodeid}"
    checked = f"{session.checked} of {counted(session.tests, 'test')} checked"
    if counts.undecided_total:
        checked += f" ({counts.undecided_total} inconclusive)"
    if session.checked and session.clean:
        checked += f", {session.clean_repetitions / session.clean:.1f} repetitions each"
    cost = f"watching cost {_watching_share(report)}, checking {format_duration(session.checking_cost_s)}"
    return peak, checked, cost


def _peak_size(report: RunReport) -> str:
    size = report.session.peak_rss_bytes
    return f"peak {format_bytes(size)}" if size is not None else ""


def _watching_share(report: RunReport) -> str:
    """The cost of watching as a share of the suite's own time, or as a duration where that time is not known."""
    session = report.session
    suite = session.duration_s - session.own_cost_s
    return percent(session.watching_cost_s / suite) if suite > 0 else format_duration(session.watching_cost_s)
