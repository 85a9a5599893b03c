"""One screen of ``memguard top``: the processes of a live run, and of one alone all that fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_memguard.live.standing import Standing
from pytest_memguard.report.layout import field
from pytest_memguard.report.live import curve, level_markup, running_text, usage_text
from pytest_memguard.report.text import Line, cells, counted, line, percent, shortened
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["Shown", "screen"]

_BAR = 20
_MOST_FOUND = 6
_AROUND_TABLE = 3  # title, a blank line, heads of columns
_GAP = "  "


class Shown(NamedTuple):
    """One process: what it is called, and how things stand there, or why that is not known."""

    name: str
    standing: Standing | None
    error: str | None = None


def screen(title: str, processes: Sequence[Shown], width: int, height: int, *, plain: bool) -> list[Line]:
    """At most *height* lines of at most *width* columns."""
    found = [line(shortened(title, width), "bold")]
    findings = list(_findings([each.standing for each in processes if each.standing is not None], width))
    if len(processes) == 1 and processes[0].standing is not None:
        found += _alone(processes[0].standing, width, plain=plain)
    else:
        room = height - len(findings) - _AROUND_TABLE
        left = len(processes) - room
        found += _table(processes if left <= 0 else processes[: room - 1], width)
        found += [line(f"and {counted(left + 1, 'more process', 'more processes')}")] if left > 0 else []
    found += findings
    if len(found) > height:
        left = len(found) - height + 1
        found = [*found[: height - 1], line(f"and {counted(left, 'more line')}")]
    return [Line(text=shortened(each.text, width), markup=each.markup) for each in found]


def _alone(standing: Standing, width: int, *, plain: bool) -> Iterator[Line]:
    share = standing.share or 0.0
    filled = min(_BAR, max(0, round(share * _BAR)))
    bar = "#" * filled + "." * (_BAR - filled)
    yield line("")
    yield line(f"  [{bar}] {standing.level}  {usage_text(standing)}", *level_markup(standing.level))
    if standing.history:
        yield from field("history", curve([m.share for m in standing.history], width - 13, plain=plain), width)
    yield from field("resident", _resident(standing), width)
    yield from field("tests", running_text(standing), width)
    yield from field("cleanups", _cleanups(standing), width)
    yield from field("protection", _protection(standing), width)


def _resident(standing: Standing) -> str:
    parts = [_size(standing.rss_bytes)]
    if standing.peak_rss_bytes is not None:
        parts.append(f"peak {_size(standing.peak_rss_bytes)}")
    if standing.slope_bytes is not None:
        parts.append(f"{format_bytes(round(standing.slope_bytes), signed=True)} a test")
    return ", ".join(parts)


def _cleanups(standing: Standing) -> str:
    text = f"{standing.cleanups}"
    if standing.freed_bytes is not None:
        text += f", freed {format_bytes(standing.freed_bytes)}"
    return text + (f"; {counted(standing.waiting, 'command')} waiting" if standing.waiting else "")


def _protection(standing: Standing) -> str:
    protecting = standing.protecting
    parts = ["on" if protecting.protects else "off"]
    if protecting.attempts:
        parts.append(f"{protecting.attempts} of {protecting.most_attempts} attempts")
    if protecting.down:
        parts.append(f"shut down: {', '.join(protecting.down)}")
    if protecting.stop_reason is not None:
        parts.append(f"the run is stopping: {protecting.stop_reason}")
    return "; ".join(parts)


def _table(processes: Sequence[Shown], width: int) -> Iterator[Line]:
    """A row a process; the last column, what it does, takes the room that is left."""
    rows = [("worker", "tests", "resident", "peak", "of limit", "level"), *map(_row, processes)]
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    yield line("")
    for number, row in enumerate(rows):
        text = _GAP.join(cell.ljust(size) for cell, size in zip(row, widths, strict=True))
        if not number:
            yield line(f"{text}{_GAP}runs")
            continue
        shown = processes[number - 1]
        room = max(width - cells(text) - len(_GAP), 10)
        markup = () if shown.standing is None else level_markup(shown.standing.level)
        yield line(text + _GAP + shortened(_runs(shown), room), *(markup if markup != ("green",) else ()))


def _row(shown: Shown) -> tuple[str, ...]:
    standing = shown.standing
    if standing is None:
        return (shown.name, "?", "?", "?", "?", "?")
    return (
        shown.name,
        f"{standing.tests}",
        _size(standing.rss_bytes),
        _size(standing.peak_rss_bytes),
        "?" if standing.share is None else percent(standing.share),
        standing.level,
    )


def _runs(shown: Shown) -> str:
    standing = shown.standing
    if standing is None:
        return shown.error or ""
    if standing.checked is not None:
        return f"{standing.checked} of {standing.to_check or '?'} checked for leaks"
    if standing.nodeid is None:
        return "-"
    return f"{format_duration(standing.running_s or 0.0)} {standing.nodeid}"


def _findings(standings: Sequence[Standing], width: int) -> Iterator[Line]:
    """What was found last: leaks, limits that were exceeded, growth, pressure, tests that have kept most."""
    found: list[Line] = []
    for standing in standings:
        found += [line(shortened(f"LEAK  {nodeid}", width), "red") for nodeid in reversed(standing.leaking)]
        found += [line(shortened(f"LIMIT  {nodeid}", width), "red") for nodeid in reversed(standing.over_limit)]
        if standing.growth is not None:
            found.append(line(shortened(f"growth  {standing.growth}", width), "yellow"))
        event = standing.last_event
        if event is not None:
            text = f"pressure  {event.level} at {percent(event.share)}, {event.nodeid or 'before the first test'}"
            found.append(line(shortened(text, width), *level_markup(event.level)))
        found += [
            line(shortened(f"kept  {format_bytes(each.bytes, signed=True)}  {each.nodeid}", width))
            for each in standing.retained[:3]
        ]
    if found:
        yield line("")
        yield line("last findings", "bold")
        yield from list(dict.fromkeys(found))[:_MOST_FOUND]


def _size(size: int | None) -> str:
    return "?" if size is None else format_bytes(size)
