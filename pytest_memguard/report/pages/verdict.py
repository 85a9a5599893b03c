"""The top of the page: what the run has come to, why, and where to look, at one glance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_memguard.model import RunReport
from pytest_memguard.report.counts import Counts
from pytest_memguard.report.entry import failing
from pytest_memguard.report.pages.card import Card, LeakCard
from pytest_memguard.report.terminal import result
from pytest_memguard.report.text import counted, percent, shortened
from pytest_memguard.units import format_bytes, format_duration
from pytest_memguard.values import dataclass

__all__ = ["Glance", "Tile", "Verdict", "glance", "tiles", "verdict"]

_LONGEST = 200
_GLANCED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``tone`` is ``bad``, ``warn`` or ``good``; ``title`` one line, ``meaning`` what it means."""

    tone: str
    title: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One finding in short: what every run leaves behind, where it is made, who holds it; ``what`` stays open."""

    anchor: str
    kind: str
    nodeid: str
    amount: str
    place: str
    source: str
    holder: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure of the run."""

    label: str
    figure: str
    note: str = ""


def verdict(report: RunReport, counts: Counts) -> Verdict:
    """What the run has come to, for somebody who has not heard of leaks in tests."""
    entries = failing(report)
    listed = len(report.leaks) + len(report.limits) + len(report.grown)
    if entries:
        tone, title = "bad", _failing(report)
    elif listed or report.session.growth.suspected:
        tone, title = "warn", "Memory grew over the session"
        if listed:
            title = f"{counted(listed, 'finding')} in {counted(report.session.tests, 'test')}, not failing the run"
    else:
        tone, title = "good", result(report)
    return Verdict(tone=tone, title=title[:1].upper() + title[1:], meaning=" ".join(_meaning(report, counts, tone)))


def _failing(report: RunReport) -> str:
    """What fails it in one line; ``result`` counts leaks, limits and tests that have grown, and knows who stopped."""
    gating = (entry.gates for entries in (report.leaks, report.limits, report.grown) for entry in entries)
    if any(gating) or any(failure.stopped for failure in report.failures):
        return result(report)
    return "Memory pressure fails the run" if report.failures else "Memory grew over the session, which fails the run"


def _meaning(report: RunReport, counts: Counts, tone: str) -> Iterator[str]:
    session = report.session
    leaks = sum(leak.gates for leak in report.leaks)
    if leaks:
        yield "The run fails because of this." if leaks == 1 else "The run fails because of these."
        yield "The tests concerned pass, and leave something behind in memory each time they run: it adds up."
    elif tone == "bad":
        yield "The run fails because of memory; what the tests themselves check is not concerned."
    elif tone == "warn":
        yield "Memguard lets the run pass: the reason stands with each."
    elif session.checked:
        yield "No test leaves something behind each time it runs."
    undecided = f", {counts.undecided_total} without a decision" if counts.undecided_total else ""
    all_tests = "1 test was" if session.tests == 1 else f"{session.tests:,} tests were"
    yield f"{session.checked:,} of {all_tests} repeated to find out{undecided}."
    if counts.failed:
        yield f"{counted(counts.failed, 'test')} failed by other causes: see what pytest says of them."


def glance(cards: Sequence[Card]) -> list[Glance]:
    """A line a card, of the first ones."""
    return [_glance(card) for card in cards[:_GLANCED]]


def _glance(card: Card) -> Glance:
    place = source = holder = what = ""
    if isinstance(card, LeakCard):
        for excerpt in card.places[:1]:
            place, source = excerpt.place, excerpt.source
        holder = next((path.shortly for path in card.paths), "")
        what = next(iter(card.resources), "")
    return Glance(
        anchor=card.anchor,
        kind=card.kind,
        nodeid=card.nodeid,
        amount=card.headline,
        place=shortened(place, _LONGEST),
        source=shortened(source, _LONGEST),
        holder=shortened(holder, _LONGEST),
        what=shortened(what, _LONGEST),
    )


def tiles(report: RunReport) -> list[Tile]:
    """The run in figures."""
    session = report.session
    found = [Tile(label="tests", figure=f"{session.tests:,}", note=f"{session.checked:,} checked for leaks")]
    if session.peak_rss_bytes is not None:
        where = f"in {shortened(session.peak_nodeid, _LONGEST)}" if session.peak_nodeid else ""
        found.append(Tile(label="highest memory", figure=format_bytes(session.peak_rss_bytes), note=where))
    if session.rss_start_bytes is not None and session.rss_end_bytes is not None:
        span = f"{format_bytes(session.rss_start_bytes)} to {format_bytes(session.rss_end_bytes)}"
        grown = format_bytes(session.rss_end_bytes - session.rss_start_bytes, signed=True)
        found.append(Tile(label="from first to last test", figure=grown, note=span))
    suite = session.duration_s - session.own_cost_s
    share = f"watching {percent(session.watching_cost_s / suite)} of it" if suite > 0 else ""
    found.append(
        Tile(
            label="time of the tests",
            figure=format_duration(max(suite, 0.0)),
            note=f"{share}{', ' if share else ''}checking {format_duration(session.checking_cost_s)} more",
        )
    )
    return found
