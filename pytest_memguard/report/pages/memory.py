"""Memory over the run: the course of it, and what is marked there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_memguard.events import CleanupResult
from pytest_memguard.model import RunReport
from pytest_memguard.report.pages.curves import Course, Span, course
from pytest_memguard.report.pages.survey import Survey
from pytest_memguard.report.text import counted, percent, shortened
from pytest_memguard.units import format_bytes
from pytest_memguard.values import dataclass

__all__ = ["Memory", "marked_tests", "memory"]

_LONGEST = 200
_WITNESSES = 100
_WORKERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """``course``, ``lines`` and ``peaks`` for the picture, ``marks`` for the plot, ``told`` for who sees neither.

    ``spans``: stretches under pressure; ``leaks`` and ``cleanups``: where there was one, across the picture.
    """

    course: Course
    lines: tuple[str, ...]
    peaks: str
    told: str
    spans: tuple[Span, ...]
    leaks: tuple[float, ...]
    cleanups: tuple[float, ...]
    marks: Mapping[str, Any]


def marked_tests(report: RunReport) -> set[str]:
    """The ids of the tests at which something is to be marked."""
    found = {nodeid for leak in report.leaks for nodeid in _tests_of(leak.nodeid, leak.witnesses)}
    found.update(event.nodeid for event in report.pressure if event.nodeid)
    found.update(result.nodeid for result in report.cleanups if result.nodeid)
    return found


def memory(report: RunReport, survey: Survey, anchors: Mapping[str, str]) -> Memory | None:
    """None where no test could be measured."""
    peaks: list[int | None] = [row[8] for row in survey.rows]
    known = [peak for peak in peaks if peak is not None]
    limit = _limit(report, max(known, default=0))
    curve = course(survey.resident, also=[*known, *([limit] if limit is not None else [])])
    if curve is None:
        return None
    lines = _lines(survey, curve)
    leaks = list(_leaks(report, survey, anchors))
    spans = _spans(report, survey)
    cleanups = list(_cleanups(report, survey))
    marks = {"leaks": leaks, "spans": spans, "cleanups": cleanups, "limit": limit, "ticks": curve.axis.ticks}
    return Memory(
        course=curve,
        lines=lines,
        peaks=curve.line_of(peaks) if len(lines) == 1 else "",
        told=_told(report, len(leaks), len(cleanups), from_zero=curve.axis.low == 0),
        spans=tuple(
            Span(x=curve.x(start) if start else 0.0, width=round(curve.x(end) - curve.x(start), 2), level=level)
            for start, end, level, _ in spans
        ),
        leaks=tuple(curve.x(row) for row, *_ in leaks),
        cleanups=tuple(curve.x(row) for row, *_ in cleanups),
        marks=marks,
    )


def _lines(survey: Survey, curve: Course) -> tuple[str, ...]:
    """One of each process: their tests end in turn, and each has memory of its own."""
    workers = list(dict.fromkeys(row[4] for row in survey.rows))[:_WORKERS]
    if len(workers) == 1:
        return (curve.line,)
    resident = [(row[4], row[7]) for row in survey.rows]
    found = (curve.line_of([size if own == worker else None for own, size in resident]) for worker in workers)
    return tuple(filter(None, found))


def _tests_of(nodeid: str, witnesses: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys((nodeid, *witnesses[:_WITNESSES])) if not name.startswith("fixture:")]


def _leaks(report: RunReport, survey: Survey, anchors: Mapping[str, str]) -> Iterator[tuple[int, str, bool]]:
    """Row, anchor of the card, and whether it fails the run; of a fixture's leak the first test that shows it."""
    for leak in report.leaks:
        for nodeid in _tests_of(leak.nodeid, leak.witnesses):
            if nodeid in survey.positions:
                yield survey.positions[nodeid], anchors.get(nodeid, ""), leak.gates
                break


def _spans(report: RunReport, survey: Survey) -> list[tuple[int, int, str, str]]:
    """First and last row, level, and what it came from; only of one process: two have each a pressure of their own."""
    events = report.pressure
    if len({event.worker for event in events}) != 1:
        return []
    places = [survey.positions.get(event.nodeid or "", 0) for event in events]
    ends = [*places[1:], len(survey.rows) - 1]
    return [
        (start, max(end, start), event.level, f"{percent(event.share)} of {format_bytes(event.limit_bytes)}")
        for event, start, end in zip(events, places, ends, strict=True)
        if event.level != "normal"
    ]


def _cleanups(report: RunReport, survey: Survey) -> Iterator[tuple[int, str]]:
    """Row, and what was done there."""
    for result in report.cleanups:
        row = survey.positions.get(result.nodeid or "")
        if row is not None:
            yield row, f"{result.level} cleanup by {result.trigger}: {_freed(result)}"


def _freed(result: CleanupResult) -> str:
    if result.refused:
        return "refused"
    return "freed an unknown amount" if result.freed_bytes is None else f"freed {format_bytes(result.freed_bytes)}"


def _limit(report: RunReport, highest: int) -> int | None:
    """The limit, where it is near enough to be drawn without flattening everything else."""
    limit = report.environment.limit_bytes
    return limit if limit is not None and limit <= highest * 2 else None


def _told(report: RunReport, leaks: int, cleanups: int, *, from_zero: bool) -> str:
    session = report.session
    tests = "the test" if session.tests == 1 else f"each of {session.tests:,} tests"
    parts = [f"Resident memory after {tests}, in the order in which they ended."]
    if session.rss_start_bytes is not None and session.rss_end_bytes is not None:
        start, end = format_bytes(session.rss_start_bytes), format_bytes(session.rss_end_bytes)
        parts.append(f"It began at {start} and ended at {end}.")
    if session.peak_rss_bytes is not None:
        where = f", in {shortened(session.peak_nodeid, _LONGEST)}" if session.peak_nodeid else ""
        parts.append(f"The highest peak was {format_bytes(session.peak_rss_bytes)}{where}.")
    if leaks:
        parts.append(f"{counted(leaks, 'leak')} marked in red.")
    if cleanups:
        parts.append(f"{counted(cleanups, 'cleanup')} marked in green.")
    if not from_zero:
        parts.append("The scale does not begin at zero.")
    return " ".join(parts)
