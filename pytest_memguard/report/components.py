"""The table of components that ``-v`` shows: what each holds at the end, and what the run has made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_memguard.events import ComponentUsage
from pytest_memguard.report.layout import INDENT
from pytest_memguard.report.text import Line, cells, line, shortened
from pytest_memguard.units import format_bytes

__all__ = ["component_table"]

_HEAD = ("component", "entries", "bytes", "growth", "limits", "state")
_LONGEST_NAME = 32
_LONGEST_LIMITS = 40
_GAP = "  "
_UNKNOWN = "?"


def component_table(usages: Sequence[ComponentUsage], width: int) -> Iterator[Line]:
    """A row a component (and worker), below it what else is to be said of it; nothing without components."""
    if not usages:
        return
    rows = [_HEAD, *map(_row, usages)]
    widths = [max(cells(row[column]) for row in rows) for column in range(len(_HEAD))]
    for number, row in enumerate(rows):
        text = _GAP.join(_padded(cell, size) for cell, size in zip(row, widths, strict=True)).rstrip()
        yield line(shortened(text, width))
        if number:
            for note in _notes(usages[number - 1]):
                yield line(shortened(INDENT + note, width))


def _row(usage: ComponentUsage) -> tuple[str, ...]:
    name = usage.component if usage.worker == "main" else f"{usage.component} ({usage.worker})"
    held = ", ".join(f"{container} {limit}" for container, limit in usage.limits.items())
    return (
        shortened(name, _LONGEST_NAME),
        _UNKNOWN if usage.entries is None else f"{usage.entries}",
        _UNKNOWN if usage.bytes is None else format_bytes(usage.bytes),
        _growth(usage),
        shortened(held, _LONGEST_LIMITS) or "-",
        f"{usage.state}, essential" if usage.essential else usage.state,
    )


def _growth(usage: ComponentUsage) -> str:
    entries = [] if usage.grown_entries is None else [f"{usage.grown_entries:+}"]
    size = [] if usage.grown_bytes is None else [format_bytes(usage.grown_bytes, signed=True)]
    return ", ".join(entries + size) or _UNKNOWN


def _notes(usage: ComponentUsage) -> Iterator[str]:
    if usage.over:
        yield f"over its limit: {', '.join(usage.over)}"
    if usage.peak_entries is not None and usage.entries is not None and usage.peak_entries > usage.entries:
        yield f"most entries after a test: {usage.peak_entries}"
    if usage.grown_most_by is not None:
        yield f"grew most in {usage.grown_most_by}"
    if usage.accounted_bytes is not None:
        yield f"tests marked as its own retained {format_bytes(usage.accounted_bytes, signed=True)}"
    if usage.error is not None:
        yield usage.error


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))
