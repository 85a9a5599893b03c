"""The history for people: the last runs as a table, what grew most, one test as a plot. Values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from pytest_memguard.history.values import Course, Figures, PastFinding, PastRun, Rise
from pytest_memguard.report.layout import lines
from pytest_memguard.report.plot import Bar, Ink, bars, room
from pytest_memguard.report.text import Line, cells, counted, line, shortened
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["course_json", "course_lines", "rise_json", "rise_table", "run_json", "run_table"]

_COMMIT = 7
_BRANCH = 24
_NARROW_BRANCH = 10
_PYTHON = 9
_DATE = 16
_COLUMNS = ("run", "date (UTC)", "commit", "branch", "python", "tests", "leaks", "peak", "took")
_TO_THE_RIGHT = frozenset({"run", "tests", "leaks", "peak", "took"})
_ROWS = 10
_UNKNOWN = "-"


def run_table(runs: Sequence[PastRun], width: int) -> Iterator[Line]:
    """A row a run, in the order given."""
    rows, widths = _columns(runs, _BRANCH)
    if sum(widths) + 2 * len(widths) - 2 > width:
        rows, widths = _columns(runs, _NARROW_BRANCH)
        # The last column is what can be missed.
        rows, widths = [row[:-1] for row in rows], widths[:-1]
    for number, row in enumerate(rows):
        leaks = number > 0 and runs[number - 1].leaks > 0
        padded = (_padded(text, size, name) for text, size, name in zip(row, widths, _COLUMNS, strict=False))
        yield line(shortened("  ".join(padded).rstrip(), width), *(("red",) if leaks else ()))


def rise_table(rises: Sequence[Rise], width: int) -> Iterator[Line]:
    """What each test takes now, and what it usually took; the largest rise first."""
    for rise in rises:
        span = f"{format_bytes(rise.usual_bytes)} -> {format_bytes(rise.bytes)}"
        facts = f"  {format_bytes(rise.rise_bytes, signed=True):>10}  {rise.metric:<8}  {span:<23}  "
        yield line(facts + shortened(rise.nodeid, max(width - len(facts), 20)))


def course_lines(course: Course, width: int, *, ink: Ink, grown: frozenset[tuple[int, str]]) -> Iterator[Line]:
    """One test over its runs: peak and retained as bars, the last of them as a table, its leaks.

    *grown*: run and metric of the points that were above what was usual then.
    """
    yield line(shortened(course.nodeid, width), "bold")
    if not course.points:
        yield line("  no run of the history had it")
        return
    points = course.points[-room(width) :]
    first, last = points[0][0], points[-1][0]
    span = f"{counted(len(points), 'run')}, {_date(first)} to {_date(last)} UTC"
    yield line(f"  {span}" + (f" (the last of {len(course.points)})" if len(points) < len(course.points) else ""))
    for metric, title in (("peak", "peak above its start"), ("retained", "retained")):
        yield line("")
        series = [Bar(bytes=_of(figures, metric), marked=(run.number, metric) in grown) for run, figures in points]
        yield from bars(title, series, width, ink=ink)
    yield line("")
    yield from _points(points[-_ROWS:], grown)
    yield from _leaks(course, width)


def run_json(run: PastRun) -> dict[str, Any]:
    """One run as builtins."""
    return asdict(run)


def course_json(course: Course, grown: frozenset[tuple[int, str]]) -> dict[str, Any]:
    """One test over its runs, as builtins; ``grown`` names what was above the usual in a run."""
    return {
        "nodeid": course.nodeid,
        "runs": [
            {
                **run_json(run),
                "figures": {
                    **{name: value for name, value in asdict(figures).items() if name != "nodeid"},
                    "peak_bytes": figures.peak_bytes,
                    "kept_bytes": figures.kept_bytes,
                },
                "findings": [asdict(finding) for other, finding in course.findings if other.number == run.number],
                "grown": [metric for metric in ("retained", "peak") if (run.number, metric) in grown],
            }
            for run, figures in course.points
        ],
    }


def rise_json(rise: Rise) -> dict[str, Any]:
    """One rise as builtins."""
    return asdict(rise)


def _points(points: Sequence[tuple[PastRun, Figures]], grown: frozenset[tuple[int, str]]) -> Iterator[Line]:
    head = f"  {'run':>5}  {'commit':<{_COMMIT}}  {'peak':>9}  {'retained':>9}  {'took':>8}  verdict"
    yield line(head)
    for run, figures in points:
        sizes = f"{_size(_of(figures, 'peak')):>9}  {_size(_of(figures, 'retained')):>9}"
        took = _UNKNOWN if figures.duration_s is None else format_duration(figures.duration_s)
        risen = " and ".join(metric for metric in ("peak", "retained") if (run.number, metric) in grown)
        words = figures.verdict if figures.outcome == "passed" else f"{figures.verdict}, {figures.outcome}"
        text = f"  {run.number:>5}  {_commit(run):<{_COMMIT}}  {sizes}  {took:>8}  {words}"
        yield line(text + (f", {risen} grown" if risen else ""), *(("yellow",) if risen else ()))


def _leaks(course: Course, width: int) -> Iterator[Line]:
    """Each leak once, with the runs that had it."""
    runs: dict[str, list[int]] = {}
    last: dict[str, PastFinding] = {}
    for run, finding in course.findings:
        runs.setdefault(finding.signature, []).append(run.number)
        last[finding.signature] = finding
    for signature, finding in last.items():
        numbers = runs[signature]
        when = f"run {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} runs, {numbers[0]} to {numbers[-1]}"
        kept = f", kept by {finding.retainer}" if finding.retainer else ""
        text = f"{finding.kind} leak [{signature[:6]}] in {when}: {finding.site or 'site not known'}{kept}"
        yield from lines(text, width, "red", first="  ", rest="    ")


def _of(figures: Figures, metric: str) -> int | None:
    if metric == "peak":
        return figures.peak_bytes
    return figures.kept_bytes if figures.retained_bytes is None else figures.retained_bytes


def _columns(runs: Sequence[PastRun], branch: int) -> tuple[list[tuple[str, ...]], list[int]]:
    rows = [_COLUMNS, *(_row(run, branch) for run in runs)]
    return rows, [max(map(cells, column)) for column in zip(*rows, strict=True)]


def _row(run: PastRun, branch: int) -> tuple[str, ...]:
    leaks = str(run.leaks) if run.leaks == run.findings else f"{run.leaks} of {run.findings}"
    return (
        str(run.number),
        _date(run),
        _commit(run),
        _UNKNOWN if run.branch is None else shortened(run.branch, branch),
        shortened(run.environment.python, _PYTHON) + (" -n" if run.environment.distributed else ""),
        str(run.tests),
        leaks,
        _size(run.peak_rss_bytes),
        _UNKNOWN if run.duration_s is None else format_duration(run.duration_s),
    )


def _padded(text: str, size: int, name: str) -> str:
    space = " " * (size - cells(text))
    return space + text if name in _TO_THE_RIGHT else text + space


def _date(run: PastRun) -> str:
    return shortened(run.started[:_DATE].replace("T", " "), _DATE)


def _commit(run: PastRun) -> str:
    return _UNKNOWN if run.commit is None else run.commit[:_COMMIT]


def _size(size: int | None) -> str:
    return _UNKNOWN if size is None else format_bytes(size)
