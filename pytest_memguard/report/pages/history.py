"""The page of a history: what has changed over the runs, since when, and every test to be searched for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_memguard.history.comparison import LEAST_RUNS, METRICS, median
from pytest_memguard.history.trends import Trends, change, sizes
from pytest_memguard.history.values import PastRun, Track
from pytest_memguard.report.pages.changes import changes_of, leak_lines
from pytest_memguard.report.pages.curves import course
from pytest_memguard.report.pages.sheet import sheet
from pytest_memguard.report.pages.tracks import most_changed, rows_of
from pytest_memguard.report.text import counted, shortened
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["headline", "history_page"]

_PRINTED = 100
_LISTED = 200
_LONGEST = 300
_COMMIT = 7
_BRANCH = 60
_DATE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure of the newest run, and what it is to be compared with."""

    label: str
    figure: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedTest:
    """One test as it is printed for a reader without scripts; sizes in bytes."""

    nodeid: str
    peak: int | None
    peak_change: int | None
    retained: int | None
    retained_change: int | None


def history_page(trends: Trends, *, name: str, version: str) -> Iterator[str]:
    """The page of the history called *name*, in pieces."""
    newest = len(trends.runs) - 1
    ordered = most_changed(trends.tracks, newest)
    made = rows_of(ordered, runs=len(trends.runs))
    changes = changes_of(trends)
    leaks = leak_lines(trends)
    return sheet(
        "history.html",
        data={
            "runs": list(map(_run_data, trends.runs)),
            "tests": made.rows,
            "words": made.words,
            "leaks": [[leak.nodeid, leak.title, leak.when] for leak in leaks],
        },
        scripts=("table.js", "history.js"),
        styles=("run.css", "history.css"),
        plots=True,
        name=shortened(name, _LONGEST),
        version=version,
        tone=_tone(trends),
        title=headline(trends),
        meaning=" ".join(_meaning(trends)),
        tiles=list(_tiles(trends)),
        changes=changes,
        rises=[entry for entry in changes if entry.anchor.startswith("rise")],
        creeps=[entry for entry in changes if entry.anchor.startswith("creep")],
        leaks=leaks,
        peaks=course([run.peak_rss_bytes for run in trends.runs]),
        first=_label(trends.runs[0]),
        last=_label(trends.runs[-1]),
        compared={run.number for run in trends.runs},
        listed=[_listed(run) for run in trends.listed[:_LISTED]],
        not_listed=trends.kept - min(len(trends.listed), _LISTED),
        tests=[_line(track) for track in ordered[:_PRINTED]],
        total=len(ordered),
        left_out=made.left_out,
    )


def _tone(trends: Trends) -> str:
    if trends.runs[-1].leaks:
        return "bad"
    return "warn" if trends.rises or trends.creeps else "good"


def headline(trends: Trends) -> str:
    """What the newest run has come to, in one line."""
    newest = trends.runs[-1]
    risen = len({rise.nodeid for rise in trends.rises})
    creeping = len({creep.nodeid for creep in trends.creeps})
    parts = [counted(newest.leaks, "leak")] if newest.leaks else []
    if risen:
        parts.append(f"{counted(risen, 'test')} above what is usual")
    if creeping:
        parts.append(f"{counted(creeping, 'test')} growing slowly")
    if parts:
        return f"Run {newest.number}: {', '.join(parts)}"
    return f"Run {newest.number} has no leak" + (" and is as usual" if len(trends.runs) > LEAST_RUNS else "")


def _meaning(trends: Trends) -> Iterator[str]:
    newest, before = trends.runs[-1], len(trends.runs) - 1
    where = newest.environment
    branches = {run.branch for run in trends.runs}
    branch = "all branches"
    if len(branches) == 1:
        branch = "no branch known" if newest.branch is None else f"branch {shortened(newest.branch, _BRANCH)}"
    workers = ", in workers of pytest-xdist" if where.distributed else ""
    yield (
        f"Compared with {counted(before, 'run')} before it that {'is' if before == 1 else 'are'} alike: "
        f"Python {where.python} on {where.platform}, pytest-memguard {where.version}{workers}; {branch}."
    )
    others = len(trends.listed) - sum(run.number in {r.number for r in trends.runs} for run in trends.listed)
    if others:
        yield f"{counted(others, 'other run')} of the last {len(trends.listed)} {'is' if others == 1 else 'are'} not."
    if before < LEAST_RUNS:
        yield f"To tell what is usual takes {LEAST_RUNS} earlier runs."


def _tiles(trends: Trends) -> Iterator[Tile]:
    newest, before = trends.runs[-1], trends.runs[:-1]
    kept = f"of {trends.kept:,} in the file" if trends.kept != len(trends.runs) else ""
    yield Tile(label="runs compared", figure=f"{len(trends.runs):,}", note=kept)
    yield Tile(
        label="leaks in the newest run", figure=str(newest.leaks), note=_against([run.leaks for run in before], str)
    )
    peaks = [run.peak_rss_bytes for run in before if run.peak_rss_bytes is not None]
    if newest.peak_rss_bytes is not None:
        yield Tile(
            label="its highest memory", figure=format_bytes(newest.peak_rss_bytes), note=_against(peaks, format_bytes)
        )
    if newest.duration_s is not None:
        times = [round(run.duration_s * 1000) for run in before if run.duration_s is not None]
        yield Tile(
            label="it took",
            figure=format_duration(newest.duration_s),
            note=_against(times, lambda value: format_duration(value / 1000)),
        )
    yield Tile(
        label="tests", figure=f"{newest.tests:,}", note=_against([run.tests for run in before], lambda n: f"{n:,}")
    )


def _against(before: Sequence[int], text: Any) -> str:
    return f"usually {text(median(before))}" if before else ""


def _run_data(run: PastRun) -> list[object]:
    """For the plots: number, date, commit, branch, highest memory, leaks, tests."""
    commit = run.commit[:_COMMIT] if run.commit else None
    branch = shortened(run.branch, _BRANCH) if run.branch else None
    return [run.number, _date(run), commit, branch, run.peak_rss_bytes, run.leaks, run.tests]


def _listed(run: PastRun) -> dict[str, object]:
    return {
        "number": run.number,
        "date": _date(run),
        "commit": run.commit[:_COMMIT] if run.commit else "",
        "branch": shortened(run.branch, _BRANCH) if run.branch else "",
        "python": run.environment.python + (" -n" if run.environment.distributed else ""),
        "tests": run.tests,
        "leaks": run.leaks,
        "accepted": run.findings - run.leaks,
        "peak": run.peak_rss_bytes,
        "duration": run.duration_s,
    }


def _label(run: PastRun) -> str:
    return f"run {run.number}, {_date(run)}"


def _date(run: PastRun) -> str:
    return shortened(run.started[:_DATE].replace("T", " "), _DATE)


def _line(track: Track) -> PrintedTest:
    now = {metric: sizes(track, metric)[-1] for metric in METRICS}
    return PrintedTest(
        nodeid=shortened(track.nodeid, _LONGEST),
        peak=now["peak"],
        peak_change=change(track, "peak"),
        retained=now["retained"],
        retained_change=change(track, "retained"),
    )
