"""What the runs of a history show together: tests over the runs, slow growth, leaks that come and go."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from pytest_memguard.history.comparison import Tolerance
from pytest_memguard.history.reading import open_past
from pytest_memguard.history.revision import Revision
from pytest_memguard.history.trends import change, creep_of, trends_of
from pytest_memguard.history.values import Track
from tests.unit.history_lab import BIG, HERE, MAIN, MIB, measured, report, write
from tests.unit.reported import LEAK, THREAD

TOLERANCE = Tolerance(bytes=4 * MIB, share=0.2)
OTHER = "tests/test_other.py::test_other"


def track(peaks):
    return Track(
        nodeid=BIG, peak_bytes=peaks, retained_bytes=[None] * len(peaks), outcome="passed", verdict="clean", last=0
    )


def creep(peaks):
    return creep_of(track(peaks), "peak", TOLERANCE)


def trends(path, limit=100):
    with open_past(str(path)) as past:
        return trends_of(past, limit=limit, usual_runs=10, tolerance=TOLERANCE)


def test_what_grows_a_little_with_every_run_creeps():
    found = creep([20 * MIB + run * MIB // 4 for run in range(40)])

    assert (found.metric, found.runs) == ("peak", 40)
    assert found.gained_bytes == found.last_bytes - found.first_bytes == 35 * MIB // 4
    assert creep_of(track([20 * MIB] * 40), "retained", TOLERANCE) is None


@pytest.mark.parametrize("seed", range(20))
def test_noise_does_not_creep_and_does_not_hide_a_creep(seed):
    draws = random.Random(seed)  # noqa: S311 - noise, no secret
    noise = [draws.randrange(8 * MIB) for _ in range(60)]

    assert creep([20 * MIB + size for size in noise]) is None
    assert creep([20 * MIB + size // 8 + run * MIB // 2 for run, size in enumerate(noise)]) is not None


@pytest.mark.parametrize(
    "peaks",
    [
        pytest.param([20 * MIB] * 20 + [60 * MIB] * 20, id="one step is a rise"),
        pytest.param([60 * MIB - run * MIB for run in range(40)], id="it falls"),
        pytest.param([20 * MIB + run % 10 * MIB for run in range(40)], id="it comes back"),
        pytest.param([20 * MIB + run * MIB for run in range(7)], id="too few runs"),
        pytest.param([100 * MIB + run * MIB // 8 for run in range(40)], id="within the share"),
        pytest.param([20 * MIB + run * 4096 for run in range(100)], id="within the bytes"),
        pytest.param([None] * 40, id="nothing is known"),
    ],
)
def test_what_does_not_creep(peaks):
    assert creep(peaks) is None


def test_runs_without_the_figure_do_not_count():
    peaks = [None if run % 3 == 0 else run * MIB for run in range(40)]
    assert creep(peaks).runs == 26


def test_change_is_against_the_middle_of_the_runs_before():
    assert change(track([1, 9, 2, None, 3, 10]), "peak") == 10 - (2 + 3) // 2
    assert change(track([None, 7]), "peak") is None
    assert change(track([7, None]), "peak") is None
    assert change(track([7]), "peak") is None


def test_a_history_as_a_whole(tmp_path):
    path = tmp_path / "runs.db"
    for run in range(12):
        big = measured(
            peak=(20 if run < 11 else 60) * MIB, start=(100 if run < 11 else 140) * MIB, retained=run, verdict="leak"
        )
        tests = [big, measured(OTHER, outcome="failed" if run == 3 else "passed", peak=run)][: 1 if run == 5 else 2]
        leaks = [*([LEAK] if run > 6 else []), *([THREAD] if run in (2, 3) else [])]
        write(path, report(*tests, leaks=leaks, started=f"2026-01-{run + 1:02}T12:00:00+00:00"))
    found = trends(path)

    assert (found.kept, len(found.listed), [run.number for run in found.runs]) == (12, 12, list(range(1, 13)))
    big, other = found.tracks
    assert big.peak_bytes == [20 * MIB] * 11 + [60 * MIB]
    assert big.retained_bytes == list(range(12))
    assert (big.verdict, big.outcome, big.last) == ("leak", "passed", 11)
    assert other.peak_bytes == [0, 1, 2, None, 4, None, 6, 7, 8, 9, 10, 11]
    assert [(rise.nodeid, rise.metric, rise.runs) for rise in found.rises] == [(BIG, "peak", 10)]
    assert found.creeps == []
    assert [(leak.finding.kind, leak.places) for leak in found.leaks] == [
        ("python", [7, 8, 9, 10, 11]),
        ("thread", [2, 3]),
    ]


def test_only_runs_like_the_newest_are_compared(tmp_path):
    path = tmp_path / "runs.db"
    for run in range(18):
        environment = replace(HERE, python="3.13.0") if run % 3 == 0 else HERE
        revision = replace(MAIN, branch="other") if run % 3 == 1 else MAIN
        write(path, report(measured()), environment=environment, revision=revision)

    assert [run.number for run in trends(path).runs] == [3, 6, 9, 12, 15, 18]
    # On a new branch there is nothing yet to compare with but the others.
    write(path, report(measured()), revision=Revision(branch="new"))
    assert [run.number for run in trends(path).runs] == [2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 19]
    few = trends(path, limit=3)
    assert ([run.number for run in few.runs], len(few.listed), few.kept) == ([17, 18, 19], 3, 19)
    assert [run.number for run in trends(path, limit=1).runs] == [19]


def test_values_that_no_run_has_written_are_not_known(tmp_path):
    path = tmp_path / "runs.db"
    for _ in range(3):
        write(path, report(measured(retained=5)))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE figures SET top_bytes = 'x', retained_bytes = 1.5 WHERE run = 2")
        connection.execute(
            "UPDATE figures SET top_bytes = NULL, retained_bytes = NULL, end_bytes = x'00' WHERE run = 3"
        )
        connection.execute("UPDATE words SET word = x'ff' WHERE word = 'clean'")
    (found,) = trends(path).tracks

    assert found.peak_bytes[0] == 20 * MIB
    assert found.peak_bytes[2] is None
    assert found.retained_bytes[:2] == [5, None]
    assert all(size is None or isinstance(size, int) for size in (*found.peak_bytes, *found.retained_bytes))
