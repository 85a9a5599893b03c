"""What is said of pressure, cleanups and collections: lines for the section at the end of a run."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_memguard.events import CleanupResult, CollectionSummary, PressureEvent, StrategyStatistics
from pytest_memguard.model import RunReport
from pytest_memguard.report.failure import pressure_text
from pytest_memguard.report.layout import LISTED, bounded, field, lines, more
from pytest_memguard.report.text import Line, counted, line
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["alerts_head", "details", "news"]


def news(report: RunReport, width: int) -> Iterator[Line]:
    """What a user must know: why pressure failed the run, and the alerts."""
    for failure in report.failures:
        yield from pressure_text(failure, width)
    yield from alerts_head(report)
    alerts = _alerts(report)
    yield from bounded(map(_event, alerts), len(alerts), width, before="  ")


def alerts_head(report: RunReport) -> Iterator[Line]:
    """That there were alerts, if so, and how many."""
    alerts = _alerts(report)
    if alerts:
        yield line(f"memory pressure ({counted(len(alerts), 'alert')})", "yellow")


def details(report: RunReport, width: int) -> Iterator[Line]:
    """What ``-v`` adds: every event that was no alert, the cleanups, the collections."""
    quiet = [event for event in report.pressure if not event.alert]
    if quiet:
        yield line(f"pressure ({counted(len(quiet), 'change')} without an alert)")
        yield from bounded(map(_event, quiet), len(quiet), width, before="  ")
    if report.cleanups:
        yield line(f"cleanups ({len(report.cleanups)})")
        for result in report.cleanups[:LISTED]:
            yield from lines(_cleanup(result), width, first="  ", rest=" " * 13)
        yield from more(len(report.cleanups) - LISTED)
    if report.strategies:
        yield line(f"strategies ({len(report.strategies)}, what pays best first)")
        yield from bounded(map(_strategy, report.strategies[:LISTED]), len(report.strategies), width, before="  ")
    if report.session.collections is not None:
        yield from field("collected", _collections(report.session.collections), width)


def _alerts(report: RunReport) -> list[PressureEvent]:
    return [event for event in report.pressure if event.alert]


def _event(event: PressureEvent) -> str:
    cause = "" if event.cause == "limit" else f", by {event.cause}"
    where = "before the first test" if event.nodeid is None else f"at {event.nodeid}"
    worker = "" if event.worker == "main" else f" [{event.worker}]"
    usage = f"{event.share:.1%} of {format_bytes(event.limit_bytes)} ({event.limit_source})"
    return f"{event.level:<9} {usage}{cause}, {where}{worker}"


def _cleanup(result: CleanupResult) -> str:
    where = "" if result.nodeid is None else f", after {result.nodeid}"
    if result.refused is not None:
        return f"{result.level:<10} by {result.trigger}: refused, {result.refused}{where}"
    freed = "what it freed is not known" if result.freed_bytes is None else f"freed {format_bytes(result.freed_bytes)}"
    failed = [strategy.name for strategy in result.strategies if strategy.error is not None]
    wrong = f", failed: {', '.join(failed)}" if failed else ""
    return f"{result.level:<10} by {result.trigger}: {freed} in {format_duration(result.duration_s)}{wrong}{where}"


def _strategy(statistics: StrategyStatistics) -> str:
    freed = [format_bytes(statistics.freed_bytes) if statistics.measured_runs else "unknown"]
    if statistics.freed_entries:
        freed.append(f"{statistics.freed_entries} entries")
    text = f"{statistics.name:<22} {', '.join(freed)} by {counted(statistics.runs, 'run')}"
    text += f", {format_duration(statistics.duration_s)}"
    if statistics.bytes_per_ms:
        text += f" ({format_bytes(round(statistics.bytes_per_ms))} a ms)"
    if statistics.errors:
        text += f"; {counted(statistics.errors, 'error')}: {statistics.last_error}"
    return text


def _collections(summary: CollectionSummary) -> str:
    runs = "/".join(str(generation.runs) for generation in summary.generations)
    freed = sum(generation.freed for generation in summary.generations)
    took = sum(generation.duration_s for generation in summary.generations)
    text = f"{counted(freed, 'object')} by {runs} collections of generations 0/1/2 in {format_duration(took)}"
    if summary.costliest:
        worst = summary.costliest[0]
        text += f", most in {worst.nodeid} ({format_duration(worst.duration_s)})"
    return text
