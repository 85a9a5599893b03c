"""The history as a user meets it: kept by runs of every kind, compared with, and never what a run fails of."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.integration.suite import short

COMMIT = "3fa9c1d2" * 5
TESTS = """
import os
import pytest

def test_big():
    assert len(bytearray(int(os.environ.get("MIB", "1")) << 20))

@pytest.mark.parametrize("number", range(5))
def test_small(number):
    assert number >= 0

def test_modules():
    import sys
    # Nothing of the history's own may be there while tests run.
    assert "sqlite3" not in sys.modules
"""
HISTORY = "--memguard-history=runs.db"
FAST = "--memguard-confirm=none"


@pytest.fixture
def shop(suite):
    suite.write("test_shop.py", TESTS)
    suite.write(".git/HEAD", f"{COMMIT}\n")
    return suite


def rows(suite, query):
    with closing(sqlite3.connect(suite.path / "runs.db")) as connection:
        return connection.execute(query).fetchall()


COPY_RUN = """INSERT INTO runs (started, duration_ms, commit_id, branch, environment, tests, exit_status)
    SELECT started, duration_ms, commit_id, branch, environment, tests, exit_status FROM runs WHERE id = 1"""
COPY_FIGURES = """INSERT INTO figures SELECT (SELECT max(id) FROM runs), node, outcome, verdict, duration_us,
    retained_bytes, start_bytes, end_bytes, top_bytes FROM figures WHERE run = 1"""


def grow_old(suite, runs):
    """As if the first run had been made so often again."""
    with closing(sqlite3.connect(suite.path / "runs.db", isolation_level=None)) as connection:
        for _ in range(runs):
            connection.execute(COPY_RUN)
            connection.execute(COPY_FIGURES)


def test_growth_over_the_last_runs_warns_or_fails_and_is_to_be_seen(shop):
    first = shop.run("-W", "error", HISTORY, FAST, env={"GITHUB_REF_NAME": "main"})
    assert (first.code, first.quiet, first.report["grown"]) == (0, True, []), first.out
    grow_old(shop, 5)
    warned = shop.run("-W", "error", HISTORY, FAST, env={"MIB": "40", "GITHUB_REF_NAME": "main"})
    failed = shop.run(
        *("-W", "error", HISTORY, FAST, "--memguard-fail-on=growth", "--junitxml=junit.xml"),
        env={"MIB": "40", "GITHUB_REF_NAME": "main"},
    )

    assert warned.code == 0, warned.out
    assert "more memory than in earlier runs (1 test; --memguard-fail-on=growth makes them fail)" in warned.out
    (grown,) = failed.report["grown"]
    assert (short(grown["nodeid"]), grown["metric"], grown["runs"], grown["gates"]) == ("test_big", "peak", 7, True)
    assert grown["bytes"] - grown["usual_bytes"] > 35 << 20
    assert failed.code == 1
    assert "GROWTH test_shop.py::test_big - peak " in failed.out
    assert failed.outcomes == {"failed": 1, "passed": 7}
    assert 'name="memguard.usual_bytes"' in (shop.path / "junit.xml").read_text("utf-8")
    assert rows(shop, "SELECT count(*), max(tests), max(commit_id), max(branch) FROM runs") == [(8, 7, COMMIT, "main")]
    command = [sys.executable, "-m", "pytest_memguard", "history", "test_big", "--file=runs.db", "--json"]
    course = json.loads(subprocess.run(command, cwd=shop.path, env=shop.environment({}), stdout=-1, check=True).stdout)
    assert [run["grown"] for run in course["runs"]] == [[]] * 6 + [["peak"]] * 2


def test_workers_make_one_run_that_is_compared_with_its_like_alone(shop):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    run = shop.run("-n2", HISTORY)
    alone = shop.run(HISTORY, "-k", "small")

    assert (run.code, alone.code) == (0, 0), run.out
    assert rows(
        shop, "SELECT tests, distributed FROM runs JOIN environments e ON e.id = environment ORDER BY tests"
    ) == [
        (5, 0),
        (7, 1),
    ]
    assert rows(shop, "SELECT DISTINCT run, word FROM figures JOIN words ON words.id = verdict") == [
        (1, "clean"),
        (2, "clean"),
    ]
    assert [name for name in os.listdir(shop.path) if name.startswith("runs.db")] == ["runs.db"]


def test_what_is_wrong_with_the_file_is_one_warning_and_nothing_else(shop):
    shop.write("pytest.ini", "[pytest]\nmemguard_history = runs.db\n")
    shop.run(FAST)
    rows(shop, "PRAGMA user_version = 99")
    newer = shop.run(FAST, env={"MIB": "40"})
    before = (shop.path / "runs.db").read_bytes()
    (shop.path / "runs.db").write_bytes(before[: len(before) // 2])
    damaged = shop.run(FAST)

    assert newer.code == damaged.code == 0
    (warning,) = newer.report["warnings"]
    assert "has schema 99, and schemas up to 1 are known here" in warning
    (warning,) = damaged.report["warnings"]
    assert "is damaged" in warning
    (aside,) = (name for name in os.listdir(shop.path) if ".damaged-" in name)
    assert str(shop.path / aside) in warning
    assert (shop.path / aside).read_bytes() == before[: len(before) // 2]
    assert rows(shop, "SELECT count(*) FROM runs") == [(1,)]
    assert newer.quiet, newer.out
    assert damaged.quiet, damaged.out


@pytest.mark.parametrize("path", ["/dev/full", ".", "no/runs.db", "test_shop.py"])
def test_what_can_be_no_history_is_refused_before_the_run(shop, path):
    run = shop.run(f"--memguard-history={path}")

    assert run.code == 4
    assert "ERROR: memguard: cannot use" in run.out
    assert (shop.path / "test_shop.py").read_text("utf-8") == TESTS.lstrip("\n")


def test_without_tests_or_only_collected_there_is_no_run(shop):
    shop.run(HISTORY, "--collect-only")
    shop.run(HISTORY, "-k", "nothing")

    assert not (shop.path / "runs.db").exists()
