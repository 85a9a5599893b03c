"""What has changed over the runs, as cards: tests that rose or creep, and leaks that came and went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_memguard.history.trends import Trends, sizes
from pytest_memguard.history.values import Creep, PastLeak, PastRun, Rise, Track
from pytest_memguard.report.pages.curves import Course, course
from pytest_memguard.report.text import counted, harmless, shortened
from pytest_memguard.units import format_bytes

__all__ = ["Change", "LeakLine", "changes_of", "leak_lines"]

_LONGEST = 300
_COMMIT = 7
_SIGNATURE = 6
_MOST = 50
_MOST_LEAKS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One test whose memory has changed. ``since`` names the run with which it began.

    ``high`` is the highest size of the course, ``marked`` where on it the change begins, in thousandths of its width.
    """

    anchor: str
    nodeid: str
    metric: str
    amount: str
    facts: str
    since: str
    curve: Course | None
    marked: float | None
    high: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakLine:
    """One leak over the runs. ``state`` is ``open``, ``accepted`` or ``gone``; ``cells`` are the places of its runs."""

    nodeid: str
    signature: str
    title: str
    place: str
    holder: str
    state: str
    when: str
    cells: Sequence[int]
    runs: int


def changes_of(trends: Trends) -> list[Change]:
    """The rises of the newest run, then what creeps; the largest of each first, and not without end."""
    tracks = {track.nodeid: track for track in trends.tracks}
    rises = (_rise(place, rise, tracks[rise.nodeid], trends) for place, rise in enumerate(trends.rises[:_MOST]))
    creeps = (_creep(place, creep, tracks[creep.nodeid], trends) for place, creep in enumerate(trends.creeps[:_MOST]))
    return [*rises, *creeps]


def leak_lines(trends: Trends) -> list[LeakLine]:
    """The leaks of the newest run first, and not without end."""
    return [_leak(leak, trends.runs) for leak in trends.leaks[:_MOST_LEAKS]]


def _rise(place: int, rise: Rise, track: Track, trends: Trends) -> Change:
    series = sizes(track, rise.metric)
    began = _began(series, rise.usual_bytes + rise.rise_bytes // 2)
    span = f"{format_bytes(rise.lowest_bytes)} to {format_bytes(rise.highest_bytes)}"
    return Change(
        anchor=f"rise-{place + 1}",
        nodeid=shortened(rise.nodeid, _LONGEST),
        metric=rise.metric,
        amount=format_bytes(rise.rise_bytes, signed=True),
        facts=f"{format_bytes(rise.bytes)}, usually {format_bytes(rise.usual_bytes)} "
        f"({counted(rise.runs, 'run')}: {span})",
        since=f"since {_named(trends.runs[began])}",
        curve=course(series),
        marked=_position(began, len(series)),
        high=_highest(series),
    )


def _creep(place: int, creep: Creep, track: Track, trends: Trends) -> Change:
    series = sizes(track, creep.metric)
    each = creep.gained_bytes / max(creep.runs - 1, 1)
    return Change(
        anchor=f"creep-{place + 1}",
        nodeid=shortened(creep.nodeid, _LONGEST),
        metric=creep.metric,
        amount=format_bytes(creep.gained_bytes, signed=True),
        facts=f"from {format_bytes(creep.first_bytes)} to {format_bytes(creep.last_bytes)} "
        f"over {counted(creep.runs, 'run')}",
        since=f"{format_bytes(each, signed=True)} a run, from {_named(trends.runs[_first(series)])} on",
        curve=course(series),
        marked=None,
        high=_highest(series),
    )


def _began(series: Sequence[int | None], level: int) -> int:
    """Where the last stretch above *level* begins; what is not known in between does not end it."""
    began = len(series) - 1
    for place in reversed(range(len(series))):
        size = series[place]
        if size is not None:
            if size <= level:
                break
            began = place
    return began


def _first(series: Sequence[int | None]) -> int:
    return next(place for place, size in enumerate(series) if size is not None)


def _position(place: int, runs: int) -> float:
    return round(place / max(runs, 1) * 1000, 1)


def _highest(series: Sequence[int | None]) -> str:
    return format_bytes(max(size for size in series if size is not None))


def _named(run: PastRun) -> str:
    commit = f", commit {run.commit[:_COMMIT]}" if run.commit else ""
    return f"run {run.number} ({shortened(run.started[:10], 10)}{commit})"


def _leak(leak: PastLeak, runs: Sequence[PastRun]) -> LeakLine:
    finding = leak.finding
    first, last, newest = leak.places[0], leak.places[-1], len(runs) - 1
    state = "gone" if last != newest else "open" if finding.gates else "accepted"
    return LeakLine(
        nodeid=shortened(finding.nodeid, _LONGEST),
        signature=harmless(finding.signature[:_SIGNATURE]),
        title=" ".join(_title(leak)),
        place=shortened(finding.site, _LONGEST),
        holder=shortened(finding.retainer, _LONGEST),
        state=state,
        when=f"in {counted(len(leak.places), 'run')}, "
        + (f"since {_named(runs[first])}" if last == newest else f"last in {_named(runs[last])}"),
        cells=leak.places,
        runs=len(runs),
    )


def _title(leak: PastLeak) -> Iterator[str]:
    finding = leak.finding
    yield f"{finding.kind} leak"
    if finding.bytes_per_run:
        yield f"{format_bytes(finding.bytes_per_run, signed=True)} per run"
    elif finding.count_per_run:
        yield f"{finding.count_per_run:+} per run"
