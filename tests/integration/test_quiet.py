"""With ``-q`` a run says less of what it found, and nothing less of what is wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.integration.suite import UNLIMITED

LEAK = """
kept = []

def test_leaks():
    kept.append([1, 2])
"""
NONE = "--memguard-confirm=none"


def test_tests_that_were_not_checked_are_told(suite):
    suite.write("test_a.py", "def test_a(): pass\ndef test_b(): pass\n")
    run = suite.run("-q", "--memguard-budget=0s")

    assert run.code == 0
    assert [line for line in run.lines if "not checked" in line] == [
        "2 tests not checked: the budget was spent (--memguard-budget raises it; they go first next time)"
    ]


def test_an_accepted_leak_without_a_reason_is_warned_of_in_every_run(suite):
    suite.write("test_a.py", LEAK)
    suite.run("-q", UNLIMITED, "--memguard-update-baseline")
    again = suite.run("-q", UNLIMITED)

    assert again.code == 0, again.out
    assert [line for line in again.lines if line.startswith("memguard:")] == [
        line for line in again.lines if line.startswith("memguard: no gating leaks in 1 test")
    ]
    assert 'warning: there is an accepted leak without a reason: write why in place of "?" in' in again.out
    assert "LEAK" not in again.out
    assert "not gating" not in again.out, "that is detail"


def test_a_damaged_history_is_named_with_what_became_of_it(suite):
    suite.write("test_a.py", "def test_a(): pass\n")
    history = suite.path / "runs.db"
    suite.run("-q", NONE, f"--memguard-history={history.name}")
    whole = history.read_bytes()
    history.write_bytes(whole[: len(whole) // 2])
    run = suite.run("-q", NONE, f"--memguard-history={history.name}")

    (aside,) = suite.path.glob("runs.db.damaged-*")
    assert run.code == 0
    assert aside.name in "".join(run.out.split("\n  ")), run.out


def test_growth_over_earlier_runs_is_told_where_it_fails_nothing(suite):
    suite.write("test_a.py", "import os\ndef test_a(): bytearray(int(os.environ.get('MIB', '1')) << 20)\n")
    for _ in range(6):
        suite.run("-q", NONE, "--memguard-history=runs.db")
    with closing(sqlite3.connect(suite.path / "runs.db")) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (6,)
    run = suite.run("-q", NONE, "--memguard-history=runs.db", env={"MIB": "60"})

    assert run.code == 0
    assert "more memory than in earlier runs (1 test; --memguard-fail-on=growth makes them fail)" in run.lines
    assert len(run.lines) < 8, "the detail is for a run without -q"


def test_a_limit_that_fails_nothing_is_told(suite):
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.memguard(limit="1 MB")
        def test_a():
            bytearray(50 << 20)
        """,
    )
    run = suite.run("-q", NONE, "--memguard-fail-on=never")

    assert run.code == 0
    assert "1 exceeded limit for which the run does not fail" in run.lines


def test_where_nothing_is_wrong_there_is_one_line(suite):
    suite.write("test_a.py", "def test_a(): pass\n")
    run = suite.run("-q", UNLIMITED)

    ours = [line for line in run.lines if not line.startswith((".", "1 passed"))]
    assert len(ours) == 1, run.out
