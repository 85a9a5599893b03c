"""What is written into a history is what comes back, whatever it is; old runs go, and what they alone had."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from pytest_memguard.history.comparison import Tolerance
from pytest_memguard.history.reading import open_past
from pytest_memguard.history.revision import Revision
from tests.unit.history_lab import BIG, HERE, MAIN, MIB, figures, logbook, measured, report, runs_of, write
from tests.unit.reported import LEAK, LOW, NATIVE

BRANCH = replace(MAIN, branch="feature")
OTHER = replace(HERE, python="3.13.0")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


def test_a_run_comes_back_as_it_was(path):
    write(path, report(measured(), leaks=(LEAK, LOW), started="2026-01-31T14:00:05+02:00", exit_status=1))

    (run,) = runs_of(path)
    assert (run.number, run.started, run.duration_s) == (1, "2026-01-31T12:00:05+00:00", 80.12)
    assert (run.commit, run.branch, run.environment) == (MAIN.commit, "main", HERE)
    assert (run.tests, run.leaks, run.findings, run.exit_status) == (1, 1, 2, 1)
    assert (run.peak_rss_bytes, run.peak_nodeid) == (312 * MIB, "tests/test_import.py::test_big")


def test_a_test_comes_back_as_it_was(path):
    write(path, report(measured(retained=-96, kept=4096, verdict="leak"), leaks=(replace(LEAK, nodeid=BIG), NATIVE)))

    with open_past(str(path)) as past:
        course = past.course(BIG, 10)

    ((run, found),) = course.points
    assert found == replace(figures(retained=-96, kept=4096), verdict="leak")
    assert (found.peak_bytes, found.kept_bytes) == (20 * MIB, 4096)
    ((same, finding),) = course.findings
    assert run == same
    assert (finding.signature, finding.kind, finding.bytes_per_run) == ("3fa9c1d2e4", "python", 1048576)
    assert (finding.site, finding.retainer) == ("shop/cart.py:41", "shop.cart._ORDERS[*]")


HOSTILE = [
    "t.py::test['); DROP TABLE runs; --]",
    'test["%s {0} ?"]',
    "t.py::test[\x00\n\x1b[31m]",
    "t.py::test[\u4e16\u202e]",
    "",
    "t.py::test[\ud800]",
    "t.py::" + "x" * 100_000 + "[1]",
    "t.py::" + "x" * 100_000 + "[2]",
]


def test_ids_are_only_ever_text(path):
    write(path, report(*map(measured, HOSTILE)))
    write(path, report(*map(measured, HOSTILE)), revision=Revision(branch="'; DROP TABLE runs; --\udc80"))

    with open_past(str(path)) as past:
        kept = [*past.matching("", 100), *past.matching("t.py", 100), HOSTILE[1]]
        assert [len(past.course(nodeid, 10).points) for nodeid in kept] == [2] * len(HOSTILE)
        assert kept[:6] == ["", *HOSTILE[:1], *HOSTILE[2:4], r"t.py::test[\ud800]", kept[5]]
        assert max(map(len, kept)) < 5000
        assert past.matching("DROP TABLE", 9) == [HOSTILE[0]]
        assert past.matching("%s {0} ?", 9) == [HOSTILE[1]]
        assert past.matching("%", 9) == [HOSTILE[1]]
    assert len(runs_of(path)) == 2


def test_figures_that_no_reader_can_have_made(path):
    wrong = replace(measured(), retained_bytes=-(2**70), peak_rss_bytes=2**70, duration_s=float("nan"))
    unknown = replace(measured("t.py::test_unknown", start=None), duration_s=float("inf"))
    write(path, report(wrong, unknown, duration_s=float("inf"), started="yesterday", peak_rss_bytes=None))

    (run,) = runs_of(path)
    assert (run.started, run.duration_s, run.peak_rss_bytes) == ("yesterday", None, None)
    with open_past(str(path)) as past:
        (found,) = past.figures(BIG, [1])
        assert (found.retained_bytes, found.top_bytes, found.duration_s) == (-(2**63) + 1, 2**63 - 1, None)
        (found,) = past.figures("t.py::test_unknown", [1])
        assert (found.peak_bytes, found.kept_bytes, found.retained_bytes) == (None, None, None)


def test_what_somebody_else_has_put_into_the_file_is_not_trusted(path):
    write(path, report(measured(), leaks=(replace(LEAK, nodeid=BIG),)))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE runs SET started = 5, duration_ms = 'x', tests = 'many', branch = x'ff', commit_id = 7"
        )
        connection.execute("UPDATE figures SET top_bytes = 'x', retained_bytes = x'00', duration_us = 1.5")
        connection.execute("UPDATE findings SET signature = 4, witnesses = 'x', site = x'ff'")

    (run,) = runs_of(path)
    assert (run.duration_s, run.tests, run.branch) == (None, 0, None)
    with open_past(str(path)) as past:
        ((_, found),) = past.course(BIG, 10).points
        assert (found.peak_bytes, found.retained_bytes, found.kept_bytes, found.duration_s) == (None, None, 0, None)
        assert [finding.witnesses for finding in past.findings(1)] == [0]
        assert past.grown_most(run, runs=10, most=3) == []


@pytest.mark.parametrize("name", ["a?mode=ro#%41.db", ":memory:", "\u4e16 '.db", os.fsdecode(b"\xff.db")])
def test_any_name_of_a_file(tmp_path, name):
    write(tmp_path / name, report(measured()))

    assert len(runs_of(tmp_path / name)) == 1
    assert os.listdir(tmp_path) == [name]


def test_a_test_that_ran_twice_is_there_once(path):
    write(path, report(measured(peak=1), measured(peak=2)))

    with open_past(str(path)) as past:
        assert [found.peak_bytes for found in past.figures(BIG, [1])] == [2]


def test_the_order_is_that_of_writing_whatever_the_clock_says(path):
    write(path, report(measured(), started="2026-01-31T12:00:00+00:00"))
    write(path, report(measured(), started="1999-01-01T00:00:00+00:00"))

    assert [run.started[:4] for run in runs_of(path)] == ["1999", "2026"]


def test_old_runs_go_with_all_that_they_alone_had_and_numbers_never_come_twice(path):
    write(path, report(measured("t.py::test_gone"), leaks=(LEAK,)), environment=OTHER, keep=3)
    for _ in range(5):
        write(path, report(measured()), keep=3)

    assert [run.number for run in runs_of(path)] == [6, 5, 4]
    with open_past(str(path)) as past:
        assert past.matching("", 9) == [BIG]
        assert past.matching("t.py::test_gone", 9) == []
        assert past.findings(1) == []
        assert past.count() == 3
    size = path.stat().st_size
    for _ in range(5):
        write(path, report(measured()), keep=3)
    assert path.stat().st_size == size


def test_runs_are_compared_within_branch_and_environment(path):
    for revision, environment in ((MAIN, HERE),) * 6 + ((BRANCH, HERE),) * 5 + ((MAIN, OTHER),):
        write(path, report(measured()), revision=revision, environment=environment)

    with open_past(str(path)) as past:
        assert past.comparable(HERE, "main", 10) == [6, 5, 4, 3, 2, 1]
        assert past.comparable(HERE, "feature", 10) == [11, 10, 9, 8, 7]
        assert past.comparable(HERE, "main", 3, before=5) == [4, 3, 2]
        # Too few of its own: those of all branches.
        assert past.comparable(HERE, "new", 7) == past.comparable(HERE, None, 7) == [11, 10, 9, 8, 7, 6, 5]
        assert past.comparable(OTHER, "main", 10) == [12]
        assert past.comparable(replace(HERE, distributed=True), "main", 10) == []


def test_what_grew_most_is_found_among_many(path):
    def tests(run):
        for number in range(300):
            yield measured(f"t.py::test_{number}", peak=(number * 10 + run % 2) * 1024, kept=0)
        yield measured("t.py::test_peak", peak=(5 + 7 * (run == 6)) * MIB)
        yield measured("t.py::test_kept", peak=10 * MIB, kept=(run == 6) * 2 * MIB)
        yield measured("t.py::test_large", peak=500 * MIB + run)

    for run in range(1, 7):
        write(path, report(*tests(run)))

    with open_past(str(path)) as past:
        (last,) = past.runs(1)
        rises = past.grown_most(last, runs=10, most=3, least_bytes=1 << 16)
        assert [(rise.nodeid, rise.metric, rise.rise_bytes) for rise in rises] == [
            ("t.py::test_peak", "peak", 7 * MIB),
            ("t.py::test_kept", "retained", 2 * MIB),
        ]
        assert len(past.grown_most(last, runs=10, most=3)) == 3
        assert past.grown_most(past.runs(9)[-1], runs=10, most=3) == []
        large = Tolerance(bytes=4 * MIB, share=0.2)
        now = past.figures("t.py::test_peak", [last.number])[0]
        assert [rise.metric for rise in past.rises_of(last, now, runs=10, tolerance=large)] == ["peak"]


# -- as a run uses it


def test_a_run_is_compared_and_then_written(path):
    for _ in range(6):
        logbook(path).write(report(measured()))
    book = logbook(path, fail_on=("growth",))

    (grown,) = book.grown([measured(peak=80 * MIB), measured("t.py::test_new", peak=80 * MIB)])

    assert (grown.nodeid, grown.metric, grown.gates) == (BIG, "peak", True)
    assert (grown.bytes, grown.usual_bytes, grown.runs) == (80 * MIB, 20 * MIB, 6)
    assert not logbook(path).grown([measured(peak=80 * MIB)])[0].gates
    assert logbook(path, history_tolerance_bytes=90 * MIB).grown([measured(peak=80 * MIB)]) == []
    assert logbook(path, history_tolerance=5.0).grown([measured(peak=80 * MIB)]) == []
    assert book.warnings == []


def test_a_run_without_tests_is_none(path):
    logbook(path).write(report())

    assert not path.exists()


def test_what_cannot_be_read_or_written_is_one_warning(path):
    path.write_text("something else")
    book = logbook(path)

    assert book.grown([measured()]) == []
    book.write(report(measured()))

    (warning,) = book.warnings
    assert warning.startswith("not compared with earlier runs: ")
    assert "it is no history of pytest-memguard" in warning
