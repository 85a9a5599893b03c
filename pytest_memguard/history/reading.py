"""What can be asked of a history: runs, one test over the runs, what has risen. Values out, SQL nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_memguard.history.comparison import LEAST_RUNS, METRICS, Tolerance, rise_of, rises
from pytest_memguard.history.database import readable
from pytest_memguard.history.gathering import Gathered
from pytest_memguard.history.values import Course, EnvironmentKey, Figures, PastFinding, PastRun, Rise, Track

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Past", "open_past"]

_RUNS = """SELECT r.id, r.started, r.duration_ms, r.commit_id, r.branch, e.python, e.platform, e.version,
        e.distributed, r.tests, r.exit_status, r.peak_rss_bytes, r.peak_nodeid,
        (SELECT count(*) FROM findings f WHERE f.run = r.id AND f.gates),
        (SELECT count(*) FROM findings f WHERE f.run = r.id)
    FROM runs r JOIN environments e ON e.id = r.environment"""
_COLUMNS = "n.nodeid, o.word, v.word, f.duration_us, f.retained_bytes, f.start_bytes, f.end_bytes, f.top_bytes"
_JOINED = """FROM figures f JOIN nodes n ON n.id = f.node JOIN words o ON o.id = f.outcome
    JOIN words v ON v.id = f.verdict"""
_FIGURES = f"SELECT {_COLUMNS} {_JOINED}"
_FINDINGS = """SELECT nodeid, signature, kind, verdict, gates, witnesses, bytes_per_run, blocks_per_run,
    count_per_run, site, retainer FROM findings"""
# The most that a figure can be now and the least that it was before, of columns that may all be unknown: no test has
# grown by more than the difference, and few have to be looked at.
_NOW = {
    "retained": "max(ifnull(f.retained_bytes, 0), ifnull(f.end_bytes - f.start_bytes, 0))",
    "peak": "ifnull(f.top_bytes - f.start_bytes, 0)",
}
_BEFORE = {
    "retained": """min(min(ifnull(p.retained_bytes, p.end_bytes - p.start_bytes),
        ifnull(p.end_bytes - p.start_bytes, p.retained_bytes)))""",
    "peak": "min(p.top_bytes - p.start_bytes)",
}
# Nearly a million rows: as few columns as there can be, and no value made of them but in the end.
_SIZES = """SELECT node, outcome, verdict, max(top_bytes - start_bytes, 0),
    ifnull(retained_bytes, end_bytes - start_bytes) FROM figures WHERE run = ?"""
_SAME = "e.python = ? AND e.platform = ? AND e.version = ? AND e.distributed = ?"


@contextmanager
def open_past(path: str) -> Iterator[Past]:
    """The history *path*, to be asked; raises ``HistoryError``."""
    with readable(path) as connection:
        yield Past(connection)


class Past:
    """One history while it is open. Runs come newest first, those of one test oldest first."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def count(self) -> int:
        """How many runs there are."""
        return int(self._rows("SELECT count(*) FROM runs")[0][0])

    def runs(self, limit: int) -> list[PastRun]:
        """The last runs, the newest first."""
        return [_run(row) for row in self._rows(f"{_RUNS} ORDER BY r.id DESC LIMIT ?", limit)]

    def named(self, numbers: Sequence[int]) -> list[PastRun]:
        """The runs of these numbers, the oldest first."""
        wanted = frozenset(numbers)
        rows = self._rows(f"{_RUNS} WHERE r.id BETWEEN ? AND ? ORDER BY r.id", min(numbers), max(numbers))
        return [run for run in map(_run, rows) if run.number in wanted]

    def tracks(self, runs: Sequence[int]) -> list[Track]:
        """Every test of these runs, which come oldest first, in the order in which tests were first met."""
        words = dict(self._rows("SELECT id, word FROM words"))
        passed = next((number for number, word in words.items() if word == "passed"), None)
        gathered: dict[int, Gathered] = {}
        for place, run in enumerate(runs):
            for node, outcome, verdict, *sizes in self._connection.execute(_SIZES, (run,)):
                track = gathered.get(node)
                if track is None:
                    track = gathered[node] = Gathered(len(runs))
                track.add(place, outcome, verdict, sizes if outcome == passed else (None, None))
        names = dict(self._rows("SELECT id, nodeid FROM nodes"))
        return [track.made(_text(names.get(node)) or "", words) for node, track in gathered.items()]

    def comparable(
        self, environment: EnvironmentKey, branch: str | None, limit: int, *, before: int | None = None
    ) -> list[int]:
        """Numbers of the last runs to compare with: of this environment and branch.

        Of all branches where this one has too few to tell anything: a new branch is compared with where it came from.
        *before*: only runs older than that one.
        """
        same = (environment.python, environment.platform, environment.version, int(environment.distributed))
        older = (1 << 62) if before is None else before
        query = f"SELECT r.id FROM runs r JOIN environments e ON e.id = r.environment WHERE {_SAME} AND r.id < ?"
        newest = "ORDER BY r.id DESC LIMIT ?"
        own = self._rows(f"{query} AND r.branch IS ? {newest}", *same, older, branch, limit)
        rows = own if len(own) >= LEAST_RUNS else self._rows(f"{query} {newest}", *same, older, limit)
        return [number for (number,) in rows]

    def figures(self, nodeid: str, runs: Sequence[int]) -> list[Figures]:
        """One test in those of *runs* that had it, the oldest first; of 500 runs at most."""
        places = ", ".join("?" * len(runs))
        node = "(SELECT id FROM nodes WHERE nodeid = ?)"
        query = f"{_FIGURES} WHERE f.run IN ({places}) AND f.node = {node} ORDER BY f.run"
        return [_figures(row) for row in self._rows(query, *runs, nodeid)]

    def tests(self, run: int) -> Iterator[Figures]:
        """Every test of one run."""
        return map(_figures, self._connection.execute(f"{_FIGURES} WHERE f.run = ?", (run,)))

    def matching(self, part: str, limit: int) -> list[str]:
        """Node ids that are *part*, or else have it in them."""
        exact = self._rows("SELECT nodeid FROM nodes WHERE nodeid = ?", part)
        rows = exact or self._rows("SELECT nodeid FROM nodes WHERE instr(nodeid, ?) ORDER BY id LIMIT ?", part, limit)
        return [nodeid for (nodeid,) in rows]

    def course(self, nodeid: str, limit: int) -> Course:
        """One test over the last *limit* runs that had it, the oldest first."""
        node = self._node(nodeid)
        having = "EXISTS (SELECT 1 FROM figures WHERE figures.run = r.id AND figures.node = ?)"
        runs = [_run(row) for row in self._rows(f"{_RUNS} WHERE {having} ORDER BY r.id DESC LIMIT ?", node, limit)]
        points: list[tuple[PastRun, Figures]] = []
        findings: list[tuple[PastRun, PastFinding]] = []
        for run in reversed(runs):
            points.extend((run, figures) for figures in self.figures(nodeid, [run.number]))
            findings.extend((run, finding) for finding in self.findings(run.number) if finding.nodeid == nodeid)
        return Course(nodeid=nodeid, points=points, findings=findings)

    def findings(self, run: int) -> list[PastFinding]:
        """The leaks of one run."""
        return list(map(_finding, self._rows(f"{_FINDINGS} WHERE run = ? ORDER BY place", run)))

    def rises_of(self, run: PastRun, now: Figures, *, runs: int, tolerance: Tolerance) -> list[Rise]:
        """What of a test had risen in *run* above the *runs* before it, by the rule that a run itself goes by."""
        numbers = self.comparable(run.environment, run.branch, runs, before=run.number)
        return list(rises(now, self.figures(now.nodeid, numbers), tolerance))

    def grown_most(self, run: PastRun, *, runs: int, most: int, least_bytes: int = 1) -> list[Rise]:
        """The tests whose peak or retained memory is furthest above the median of the *runs* before, noise or not."""
        numbers = self.comparable(run.environment, run.branch, runs, before=run.number)
        found: list[Rise] = []
        for metric in METRICS if numbers else ():
            best: list[Rise] = []
            for bound, now in self._by_bound(run.number, numbers, metric, least_bytes):
                # From here on none can have grown by as much as those that are found.
                if len(best) >= most and bound < best[-1].rise_bytes:
                    break
                rise = rise_of(now, self.figures(now.nodeid, numbers), metric)
                if rise is not None and rise.rise_bytes >= least_bytes:
                    best = sorted([*best, rise], key=_by_rise)[:most]
            found.extend(best)
        return sorted(found, key=_by_rise)[:most]

    def _by_bound(
        self, run: int, before: Sequence[int], metric: str, least_bytes: int
    ) -> Iterator[tuple[int, Figures]]:
        """The tests of a run that may have grown by *least_bytes*, by what they can have grown by, most first."""
        places = ", ".join("?" * len(before))
        least = f"SELECT {_BEFORE[metric]} FROM figures p WHERE p.run IN ({places}) AND p.node = f.node"
        inner = f"SELECT {_COLUMNS}, {_NOW[metric]} - max(({least}), 0) AS bound {_JOINED} WHERE f.run = ?"
        query = f"SELECT * FROM ({inner}) WHERE bound >= ? ORDER BY bound DESC"
        for row in self._connection.execute(query, (*before, run, least_bytes)):
            yield _whole(row[-1]) or 0, _figures(row)

    def _node(self, nodeid: str) -> int | None:
        rows = self._rows("SELECT id FROM nodes WHERE nodeid = ?", nodeid)
        return int(rows[0][0]) if rows else None

    def _rows(self, query: str, *values: object) -> list[Any]:
        return self._connection.execute(query, values).fetchall()


def _by_rise(rise: Rise) -> tuple[int, str]:
    return -rise.rise_bytes, rise.nodeid


# What is in a file need not be what was written into it: a value of another type counts as not known.


def _run(row: Sequence[Any]) -> PastRun:
    return PastRun(
        number=_whole(row[0]) or 0,
        started=_text(row[1]) or "",
        duration_s=_seconds(row[2], 1e3),
        commit=_text(row[3]),
        branch=_text(row[4]),
        environment=EnvironmentKey(
            python=_text(row[5]) or "",
            platform=_text(row[6]) or "",
            version=_text(row[7]) or "",
            distributed=bool(row[8]),
        ),
        tests=_whole(row[9]) or 0,
        exit_status=_whole(row[10]) or 0,
        peak_rss_bytes=_whole(row[11]),
        peak_nodeid=_text(row[12]),
        leaks=_whole(row[13]) or 0,
        findings=_whole(row[14]) or 0,
    )


def _figures(row: Sequence[Any]) -> Figures:
    return Figures(
        nodeid=_text(row[0]) or "",
        outcome=_text(row[1]) or "",
        verdict=_text(row[2]) or "",
        duration_s=_seconds(row[3], 1e6),
        retained_bytes=_whole(row[4]),
        start_bytes=_whole(row[5]),
        end_bytes=_whole(row[6]),
        top_bytes=_whole(row[7]),
    )


def _finding(row: Sequence[Any]) -> PastFinding:
    return PastFinding(
        nodeid=_text(row[0]) or "",
        signature=_text(row[1]) or "",
        kind=_text(row[2]) or "",
        verdict=_text(row[3]) or "",
        gates=bool(row[4]),
        witnesses=_whole(row[5]) or 0,
        bytes_per_run=_whole(row[6]) or 0,
        blocks_per_run=_whole(row[7]) or 0,
        count_per_run=_whole(row[8]) or 0,
        site=_text(row[9]) or "",
        retainer=_text(row[10]) or "",
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _seconds(value: object, factor: float) -> float | None:
    return value / factor if isinstance(value, int) else None
