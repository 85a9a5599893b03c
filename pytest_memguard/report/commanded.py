"""What is shown of a command that a live run has carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_memguard.events import CleanupResult, StrategyResult
from pytest_memguard.live.standing import Standing
from pytest_memguard.report.layout import field, fields
from pytest_memguard.report.live import pressure_words, protection_words, usage_text
from pytest_memguard.report.text import Line, counted
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["cleanup_text", "collected_text", "protection_text", "reset_text"]

_MOST = 10
_UNKNOWN = "not known"


def cleanup_text(result: CleanupResult, now: Standing, width: int) -> Iterator[Line]:
    """What ``memguard emergency-memory cleanup`` has done in one process."""
    if result.refused is not None:
        yield from field("refused", result.refused, width)
        return
    freed = _UNKNOWN if result.freed_bytes is None else format_bytes(result.freed_bytes)
    after = "" if result.nodeid is None else f", after {result.nodeid}"
    yield from field("freed", f"{freed} by level {result.level} in {format_duration(result.duration_s)}{after}", width)
    worked = [each for each in result.strategies if each.error is None]
    yield from fields("by", worked, _strategy, width, most=_MOST)
    failed = [each for each in result.strategies if each.error is not None]
    yield from fields("failed", failed, lambda each: f"{each.name}: {each.error}", width, most=_MOST)
    yield from field("in use", usage_text(now), width)
    yield from field("pressure", pressure_words(now), width)


def collected_text(result: Mapping[str, Any], width: int) -> Iterator[Line]:
    """What ``memguard emergency-memory gc`` has done in one process."""
    cycles: Sequence[Mapping[str, Any]] = result["cycles"]
    found = ", ".join(str(int(cycle["objects"])) for cycle in cycles)
    took = sum(float(cycle["duration_s"]) for cycle in cycles)
    text = f"{found} objects by {counted(len(cycles), 'collection')} in {format_duration(took)}"
    yield from field("collected", text, width)
    sizes = [
        f"{format_bytes(int(size))} of the {name}"
        for name, size in (("heap", result["freed_bytes"]), ("resident memory", result["freed_rss_bytes"]))
        if size is not None
    ]
    yield from field("freed", ", ".join(sizes) or _UNKNOWN, width)
    if result["uncollectable"]:
        yield from field("left", f"{counted(int(result['uncollectable']), 'object')} in gc.garbage", width)


def reset_text(before: Standing, now: Standing, width: int) -> Iterator[Line]:
    """What ``memguard emergency-memory reset`` has forgotten in one process."""
    gone = (
        counted(len(before.history), "reading"),
        counted(before.protecting.attempts, "attempt"),
        counted(before.protecting.interruptions, "interruption"),
        counted(before.cleanups, "cleanup"),
    )
    yield from field("forgotten", ", ".join(gone) + "; the report of the run still has its events and cleanups", width)
    yield from field("pressure", pressure_words(now), width)


def protection_text(before: bool, now: Standing, width: int) -> Iterator[Line]:
    """What ``memguard emergency-memory shutdown-protection`` has found or set in one process."""
    changed = "" if before is now.protecting.protects else f" (was {'on' if before else 'off'})"
    yield from field("protection", protection_words(now) + changed, width)
    yield from field("down", ", ".join(now.protecting.down), width)


def _strategy(each: StrategyResult) -> str:
    parts = [] if each.freed_bytes is None else [format_bytes(each.freed_bytes)]
    if each.freed_entries:
        parts.append(counted(each.freed_entries, "entry", "entries"))
    note = "" if each.note is None else f" ({each.note})"
    return f"{each.name} {', '.join(parts) or _UNKNOWN}{note}"
