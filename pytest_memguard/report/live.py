"""What is shown of a live run: how things stand in one of its processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_memguard.live.standing import Standing, TypeCount
from pytest_memguard.model import Environment, RunReport, SessionGrowth, SessionSummary
from pytest_memguard.report.around import details
from pytest_memguard.report.components import component_table
from pytest_memguard.report.layout import field, fields, lines
from pytest_memguard.report.text import Line, counted, harmless, line, percent, shortened
from pytest_memguard.units import format_bytes, format_duration

__all__ = [
    "curve",
    "heading",
    "level_markup",
    "memory_text",
    "pressure_words",
    "protection_words",
    "running_text",
    "status_text",
    "usage_text",
]

_MOST = 5
_STEPS = "▁▂▃▄▅▆▇█"
_PLAIN_STEPS = "_.,-=+*#"
_UNKNOWN = "not known"
_MARKUP: Mapping[str, tuple[str, ...]] = {
    "normal": ("green",),
    "warning": ("yellow",),
    "critical": ("red",),
    "emergency": ("red", "bold"),
}


def level_markup(level: str) -> tuple[str, ...]:
    """How a level of pressure is coloured."""
    return _MARKUP.get(level, ())


def heading(process: str, standing: Standing) -> Line:
    """Whose figures follow."""
    return line(f"{process}, {format_duration(standing.at_s)} after its start", "bold")


def memory_text(standing: Standing, width: int, *, verbose: bool, plain: bool) -> Iterator[Line]:
    """What ``memguard memory`` shows of one process; *plain*: without characters that not every terminal has."""
    yield from field("in use", usage_text(standing), width)
    yield from field("resident", _resident(standing), width)
    yield from field("pressure", pressure_words(standing), width)
    yield from field("protection", protection_words(standing), width)
    yield from field("trend", _trend(standing), width)
    if standing.history:
        shares = [moment.share for moment in standing.history]
        drawn = curve(shares, width - 40, plain=plain)
        yield from field("history", f"{drawn} {percent(min(shares))} to {percent(max(shares))}", width)
    yield from fields(
        "retained",
        standing.retained,
        lambda entry: f"{format_bytes(entry.bytes, signed=True)} {entry.metric} by {entry.nodeid}",
        width,
        most=_MOST if verbose else 1,
    )
    yield from field("components", "" if verbose else _components(standing), width)
    yield from field("gc", _gc(standing), width)
    yield from field("cleanups", _cleanups(standing), width)
    yield from field("tests", running_text(standing), width)
    yield from _found(standing, width)
    if verbose:
        yield from _limits(standing, width)
        yield from component_table(standing.components, width)
        yield from fields("objects", standing.objects, _objects_text, width, most=len(standing.objects))
        yield from details(_as_report(standing), width)
        yield from _faults(standing, width)


def _objects_text(entry: TypeCount) -> str:
    more = "" if not entry.more else f" ({entry.more:+d} since it was asked last)"
    return f"{entry.count} {harmless(entry.type)}{more}"


def status_text(standing: Standing, width: int) -> Iterator[Line]:
    """What ``memguard emergency-memory status`` shows of one process."""
    protecting = standing.protecting
    emergency = "on" if standing.level == "emergency" or protecting.down else "off"
    yield from field("emergency", f"{emergency}; pressure is {standing.level}", width)
    yield from field("in use", usage_text(standing), width)
    yield from field("protection", protection_words(standing), width)
    yield from field("stopping", protecting.stop_reason or "", width)
    yield from field("down", ", ".join(protecting.down) or "no component is shut down", width)
    automatic = "automatic" if standing.automatic else "not automatic (cleanup.enabled, cleanup.autoCleanup)"
    yield from field("cleanups", f"{automatic}; {_cleanups(standing)}", width)
    if standing.last_event is not None:
        event = standing.last_event
        where = event.nodeid or "before the first test"
        yield from field("last event", f"{event.previous} to {event.level} at {percent(event.share)}, {where}", width)
    yield from field("tests", running_text(standing), width)
    yield from field("waiting", counted(standing.waiting, "command") if standing.waiting else "", width)
    yield from _limits(standing, width)
    yield from component_table(standing.components, width)
    yield from _faults(standing, width)


def running_text(standing: Standing) -> str:
    """Which test runs, and how many have ended."""
    if standing.checked is not None:
        of = f" of {standing.to_check}" if standing.to_check else ""
        return f"all {standing.tests} have run; {standing.checked}{of} checked for leaks"
    of = f" of {standing.total}" if standing.total else ""
    ended = f"{standing.tests}{of} ended"
    if standing.nodeid is None:
        return f"{ended}, between two"
    return f"{ended}; {standing.nodeid} runs for {format_duration(standing.running_s or 0.0)}"


def usage_text(standing: Standing) -> str:
    """``312 MiB of 2.0 GiB (15 %, cgroup v2)``."""
    if standing.usage_bytes is None or standing.limit_bytes is None or standing.share is None:
        return _UNKNOWN
    of = format_bytes(standing.limit_bytes)
    return f"{format_bytes(standing.usage_bytes)} of {of} ({percent(standing.share)}, {standing.limit_source})"


def curve(shares: Sequence[float], width: int, *, plain: bool) -> str:
    """The last *width* values as steps between the least and the greatest of them; level ones stay low."""
    steps = _PLAIN_STEPS if plain else _STEPS
    last = shares[-max(width, 1) :]
    least, most = min(last), max(last)
    # What is no more than noise must not look like a mountain.
    span = max(most - least, 0.01)
    return "".join(steps[min(int((value - least) / span * len(steps)), len(steps) - 1)] for value in last)


def _resident(standing: Standing) -> str:
    parts = [_UNKNOWN if standing.rss_bytes is None else format_bytes(standing.rss_bytes)]
    if standing.rss_start_bytes is not None:
        parts.append(f"{format_bytes(standing.rss_start_bytes)} before the first test")
    if standing.peak_rss_bytes is not None:
        parts.append(f"peak {format_bytes(standing.peak_rss_bytes)} in {standing.peak_nodeid}")
    return ", ".join(parts)


def pressure_words(standing: Standing) -> str:
    """The level, where levels begin, and how many events there were."""
    begins = ", ".join(f"{level} from {percent(share)}" for level, share in standing.thresholds.items())
    return f"{standing.level} ({begins}); {counted(standing.events, 'event')}"


def protection_words(standing: Standing) -> str:
    """Whether the run is stopped in time, and what has been tried."""
    protecting = standing.protecting
    state = f"on, acts from {percent(protecting.line)}" if protecting.protects else "off: no test or run is stopped"
    attempts = f"{protecting.attempts} of {protecting.most_attempts} attempts"
    attempts += f" within {format_duration(protecting.cooldown_s)}"
    return f"{state}; {attempts}, {counted(protecting.interruptions, 'interruption')}"


def _trend(standing: Standing) -> str:
    if standing.slope_bytes is None:
        return "no two tests have ended yet"
    text = f"{format_bytes(round(standing.slope_bytes), signed=True)} a test over the last {standing.slope_tests}"
    return text if standing.growth is None else f"{text}; it grows as leaks do: {standing.growth}"


def _components(standing: Standing) -> str:
    parts = []
    for usage in standing.components[:_MOST]:
        entries = "?" if usage.entries is None else f"{usage.entries}"
        over = ", over its limit" if usage.over else ""
        state = "" if usage.state == "running" else f", {usage.state}"
        parts.append(f"{usage.component} {entries} entries{over}{state}")
    left = len(standing.components) - len(parts)
    return "; ".join(parts) + (f"; and {left} more" if left > 0 else "")


def _gc(standing: Standing) -> str:
    parts = ["off (gc.disable)"] if standing.gc_enabled is False else []
    if standing.collections is not None:
        generations = standing.collections.generations
        runs = "/".join(str(generation.runs) for generation in generations)
        freed = sum(generation.freed for generation in generations)
        took = sum(generation.duration_s for generation in generations)
        parts.append(f"{runs} collections of generations 0/1/2 in {format_duration(took)}, {freed} objects freed")
    if standing.gc_counts:
        due = "/".join(map(str, standing.gc_thresholds))
        parts.append(f"counts {'/'.join(map(str, standing.gc_counts))} of {due}")
    return "; ".join(parts)


def _cleanups(standing: Standing) -> str:
    if not standing.cleanups:
        return "none so far"
    freed = "" if standing.freed_bytes is None else f", freed {format_bytes(standing.freed_bytes)}"
    last = standing.last_cleanup
    latest = "" if last is None else f"; the last {last.level} by {last.trigger}, {format_duration(last.at_s)} in"
    return f"{standing.cleanups}{freed}{latest}"


def _found(standing: Standing, width: int) -> Iterator[Line]:
    yield from fields("over limit", standing.over_limit, str, width, most=_MOST)
    yield from fields("leaking", standing.leaking, str, width, most=_MOST)


def _limits(standing: Standing, width: int) -> Iterator[Line]:
    for number, limit in enumerate(standing.limits):
        share = limit.used_bytes / limit.limit_bytes if limit.limit_bytes else 0.0
        text = f"{format_bytes(limit.used_bytes)} of {format_bytes(limit.limit_bytes)} ({percent(share)})"
        yield from field("" if number else "limits", f"{limit.source}: {text}, of the {limit.scope}", width)


def _faults(standing: Standing, width: int) -> Iterator[Line]:
    for fault in standing.faults:
        yield from lines(f"memguard error: {shortened(fault, 5 * width)}", width, "red")


def _as_report(standing: Standing) -> RunReport:
    """As much of a report as there is before the end."""
    session = SessionSummary(
        started="",
        duration_s=standing.at_s,
        tests=standing.tests,
        exit_status=0,
        peak_rss_bytes=standing.peak_rss_bytes,
        peak_nodeid=standing.peak_nodeid,
        rss_start_bytes=standing.rss_start_bytes,
        rss_end_bytes=standing.rss_bytes,
        watching_cost_s=0.0,
        checking_cost_s=0.0,
        repetitions=0,
        checked=0,
        growth=SessionGrowth(),
        collections=standing.collections,
    )
    return RunReport(
        version="",
        environment=Environment(python="", platform="", probes=standing.probes),
        session=session,
        tests=(),
        pressure=standing.pressure,
        cleanups=standing.past_cleanups,
        strategies=standing.strategies,
    )
