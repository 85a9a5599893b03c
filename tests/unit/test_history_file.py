"""The file of the history: many writers, writers that are killed, files that are damaged, foreign, newer or locked."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pytest_memguard.history.database import Patience, readable, set_aside, transaction
from pytest_memguard.history.header import DamagedError, HistoryError, check_file, identity_of
from pytest_memguard.history.schema import APPLICATION_ID, SCHEMA_VERSION, STEPS
from tests.unit.history_lab import logbook, measured, report, runs_of, write

ROOT = Path(__file__).resolve().parents[2]
ONE = report(measured())


def writer(path, name, runs=1, tests=10):
    """A process that writes runs as soon as it is told to."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.unit.history_lab", str(path), name, str(runs), str(tests)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def begin(process):
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def is_whole(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# -- many at once


def test_of_eight_processes_that_begin_one_history_at_once_no_run_is_lost(tmp_path):
    path = tmp_path / "history.db"
    names = [f"writer{number}" for number in range(8)]
    processes = [writer(path, name, runs=3) for name in names]
    for process in processes:
        begin(process)
    codes = [process.communicate()[0] and process.returncode for process in processes]

    assert codes == [0] * 8
    assert sorted(run.branch for run in runs_of(path)) == sorted(names * 3)
    assert sorted(run.number for run in runs_of(path)) == list(range(1, 25))
    assert all(run.tests == 10 for run in runs_of(path))
    assert is_whole(path)
    assert os.listdir(tmp_path) == ["history.db"]


def test_a_writer_that_is_killed_leaves_whole_runs_only(tmp_path):
    path = tmp_path / "history.db"
    write(path, ONE)
    told = 0
    for number in range(4):
        process = writer(path, f"killed{number}", runs=1000, tests=2000)
        begin(process)
        for _ in range(number):
            told += process.stdout.readline() == "written\n"
        process.kill()
        rest, _ = process.communicate()
        told += rest.count("written\n")

    runs = runs_of(path)
    assert told < len(runs) <= told + 5  # written just before it could be told
    with readable(str(path)) as connection:
        tests = connection.execute("SELECT run, count(*) FROM figures GROUP BY run ORDER BY run DESC").fetchall()
    assert tests == [(run.number, run.tests) for run in runs]
    assert write(path, ONE) == runs[0].number + 1
    assert is_whole(path)


def test_who_waits_for_another_writer_gets_its_turn(tmp_path):
    path = tmp_path / "history.db"
    write(path, ONE)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def sleep(_seconds):
        other.execute("COMMIT")
        other.close()

    patience = Patience(seconds=0.05, clock=lambda: 0.0, sleep=sleep)
    write(path, ONE, patience=patience)

    assert len(runs_of(path)) == 2


# -- what is in the way


def refused(path):
    with pytest.raises(HistoryError) as caught:
        write(path, ONE, patience=Patience(seconds=0.0))
    return str(caught.value)


def test_a_file_that_is_locked_for_good_is_told(tmp_path):
    path = tmp_path / "history.db"
    write(path, ONE)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert f"history {str(path)!r} is locked by another program" in refused(path)
    assert len(runs_of(path)) == 1


def test_what_is_no_history_is_left_as_it_is(tmp_path):
    text, database, folder, fifo = (tmp_path / name for name in ("notes.md", "app.db", "folder", "fifo"))
    text.write_text("# Notes\n")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE users (name)")
    folder.mkdir()
    os.mkfifo(fifo)
    before = {path: path.read_bytes() for path in (text, database)}

    for path, reason in (
        (text, "it is no history of pytest-memguard"),
        (database, "it is no history of pytest-memguard"),
        (folder, "it is a directory"),
        (fifo, "it is a device or a pipe"),
        (Path("/dev/full"), "it is a device or a pipe"),
        (tmp_path / "no" / "history.db", f"there is no directory {str(tmp_path / 'no')!r}"),
        (f"{tmp_path}/a\0b", "null"),
    ):
        assert reason in refused(path)
        logbook(path).write(ONE)
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(os.listdir(tmp_path)) == ["app.db", "fifo", "folder", "notes.md"]


def test_a_database_of_another_program_that_is_still_in_its_journal(tmp_path):
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE users (name)")

        assert "is a database of another program, not a history of pytest-memguard" in refused(path)
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("users",)]


def test_before_the_run_the_message_says_where_the_path_came_from(tmp_path):
    with pytest.raises(HistoryError, match=r"it is a directory \(from pytest.ini\)"):
        check_file(str(tmp_path), origin="pytest.ini")
    check_file(str(tmp_path / "new.db"), origin="pytest.ini")
    (tmp_path / "empty.db").touch()
    check_file(str(tmp_path / "empty.db"), origin="pytest.ini")


def test_a_python_without_sqlite_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("pytest_memguard.history.header.find_spec", lambda _name: None)

    with pytest.raises(HistoryError, match="this Python was built without SQLite"):
        check_file(str(tmp_path / "history.db"), origin="pytest.ini")


def test_a_read_only_file_and_a_full_disk_are_told(tmp_path):
    path = tmp_path / "history.db"
    write(path, ONE)

    def full(connection):
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
        connection.execute("CREATE TABLE more AS SELECT zeroblob(1000000) AS content")

    with pytest.raises(HistoryError, match="full"):
        transaction(str(path), full)
    assert len(runs_of(path)) == 1

    book = logbook(path)
    book.write(ONE)
    assert book.warnings == []


def test_a_history_that_cannot_be_written_can_be_read(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    path = folder / "history.db"
    write(path, ONE)
    path.chmod(0o444)
    folder.chmod(0o555)
    try:
        # Who may do everything (root) is not refused; what is read is the same.
        assert [run.tests for run in runs_of(path)] == [1]
        if not os.access(folder, os.W_OK):
            assert "history" in refused(path)
    finally:
        folder.chmod(0o755)


def test_a_link_stays_and_what_it_points_to_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "history.db"
    link.symlink_to("real/runs.db")

    write(link, ONE)
    (tmp_path / "real" / "runs.db").write_bytes((tmp_path / "real" / "runs.db").read_bytes()[:5000])
    book = logbook(link)
    book.write(ONE)

    assert link.is_symlink()
    assert len(runs_of(link)) == 1
    assert [name.partition(".damaged")[0] for name in sorted(os.listdir(tmp_path / "real"))] == ["runs.db", "runs.db"]


def test_a_file_that_no_run_is_in_yet(tmp_path):
    path = tmp_path / "history.db"
    path.touch()

    with pytest.raises(HistoryError, match="has no run yet"):
        runs_of(path)
    # What a disk that was full leaves of the first attempt.
    with pytest.raises(HistoryError):
        transaction(str(path), lambda connection: connection.execute("SELECT nothing"))
    with pytest.raises(HistoryError, match="has no run yet"):
        runs_of(path)
    book = logbook(path)
    assert book.grown([measured(peak=1 << 30)]) == []
    book.write(ONE)
    assert book.warnings == []
    assert len(runs_of(path)) == 1


# -- versions


def test_a_newer_schema_is_told_and_left_alone(tmp_path):
    path = tmp_path / "history.db"
    write(path, ONE)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()

    message = refused(path)

    assert f"has schema {SCHEMA_VERSION + 1}, and schemas up to {SCHEMA_VERSION} are known here" in message
    assert "use that version or a newer one" in message
    assert path.read_bytes() == before


def test_an_older_schema_is_brought_up_to_date_with_all_that_it_holds(tmp_path):
    path = tmp_path / "history.db"
    write(path, ONE)
    more = (*STEPS, ("ALTER TABLE runs ADD COLUMN host TEXT", "UPDATE runs SET host = 'unknown'"))

    with readable(str(path), steps=more) as connection:
        assert connection.execute("SELECT id, host FROM runs").fetchall() == [(1, "unknown")]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_step_that_fails_changes_nothing(tmp_path):
    path = tmp_path / "history.db"
    write(path, ONE)
    broken = (*STEPS, ("ALTER TABLE runs ADD COLUMN host TEXT", "UPDATE nothing SET host = 1"))

    with pytest.raises(HistoryError):
        transaction(str(path), lambda _connection: None, steps=broken)

    assert [run.number for run in runs_of(path)] == [1]
    write(path, ONE)


# -- damage


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_to_its_header(path):
    path.write_bytes(path.read_bytes()[:50])


def scribbled(path):
    content = bytearray(path.read_bytes())
    content[100:] = os.urandom(len(content) - 100)
    path.write_bytes(content)


def zeroed(path):
    path.write_bytes(bytes(path.stat().st_size))


def without_its_tables(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE figures")


@pytest.mark.parametrize("damage", [cut, cut_to_its_header, scribbled, zeroed, without_its_tables])
def test_a_damaged_history_is_set_aside_named_and_begun_anew(tmp_path, damage):
    path = tmp_path / "history.db"
    write(path, *[report(*(measured(f"t.py::test_{n}") for n in range(200)))] * 5)
    damage(path)
    content = path.read_bytes()
    book = logbook(path)

    assert book.grown([measured()]) == []
    book.write(ONE)

    (aside,) = (each for each in tmp_path.iterdir() if each != path)
    assert aside.read_bytes() == content
    (warning,) = book.warnings
    assert f"it is kept as {aside}, and a new one was begun" in warning
    assert [run.tests for run in runs_of(path)] == [1]
    again = logbook(path)
    again.write(ONE)
    assert again.warnings == []


def test_damage_that_only_comparing_meets_is_set_aside_too(tmp_path):
    path = tmp_path / "history.db"
    write(path, *[report(*(measured(f"t.py::test_{n}") for n in range(200)))] * 5)
    whole = path.read_bytes()
    met = 0
    for at in range(4096, len(whole), 4096):
        path.write_bytes(whole[:at] + b"\xff" * 4096 + whole[at + 4096 :])
        careless, careful = logbook(tmp_path / "other.db"), logbook(path)
        (tmp_path / "other.db").write_bytes(path.read_bytes())
        careless.write(ONE)
        careful.grown([measured("t.py::test_3")])
        careful.write(ONE)
        met += bool(careful.warnings) and not careless.warnings
        assert len(careless.warnings) <= len(careful.warnings) <= 1
        for each in tmp_path.iterdir():
            each.unlink()

    assert met


def test_of_several_runs_that_find_the_damage_one_sets_it_aside(tmp_path):
    path = tmp_path / "history.db"
    write(path, ONE)
    cut(path)
    identity = identity_of(str(path))

    assert set_aside(str(path), identity, stamp="1") == f"{path}.damaged-1"
    write(path, ONE)
    assert set_aside(str(path), identity, stamp="2") is None
    assert len(runs_of(path)) == 1


def test_the_journal_goes_aside_with_its_file_and_names_are_never_taken_twice(tmp_path):
    path = tmp_path / "history.db"
    for name in ("history.db", "history.db-wal", "history.db.damaged-1"):
        (tmp_path / name).write_text(name)

    assert set_aside(str(path), identity_of(str(path)), stamp="1") == f"{path}.damaged-1-2"
    assert sorted(os.listdir(tmp_path)) == [
        "history.db.damaged-1",
        "history.db.damaged-1-2",
        "history.db.damaged-1-2-wal",
    ]


def test_what_is_damaged_cannot_be_read_and_stays(tmp_path):
    path = tmp_path / "history.db"
    write(path, *[ONE] * 3)
    cut(path)

    with pytest.raises(DamagedError, match="the next run with it sets it aside"):
        runs_of(path)
    assert os.listdir(tmp_path) == ["history.db"]
