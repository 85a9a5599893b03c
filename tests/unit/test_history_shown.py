"""``memguard history``: tables, plots, JSON, and where the file is looked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_memguard.cli import main
from pytest_memguard.history.revision import Revision
from pytest_memguard.report.plot import BLOCKS, PLAIN, Bar, bars
from pytest_memguard.report.text import cells
from pytest_memguard.settings.nearby import settings_nearby
from tests.unit.history_lab import BIG, MAIN, MIB, measured, report, write
from tests.unit.reported import LEAK

ROOT = Path(__file__).resolve().parents[2]
SMALL = "tests/test_small.py::test_small"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a history of eight runs; the test that is big grows in the last two."""
    path = tmp_path / "runs.db"
    for number in range(8):
        big = measured(peak=(20 if number < 6 else 60) * MIB, verdict="leak" if number > 4 else "clean")
        leaks = (replace(LEAK, nodeid=BIG),) if number > 4 else ()
        started = f"2026-01-{number + 1:02}T12:00:00+00:00"
        write(path, report(big, measured(SMALL, peak=4096), leaks=leaks, started=started))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def history(project, capsys):
    def command(*arguments):
        status = main(["history", *arguments])
        done = capsys.readouterr()
        return status, done.out, done.err

    return command


def test_the_last_runs_and_what_grew_most(history, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    status, out, err = history("--file", "runs.db", "--limit", "3")

    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "runs.db: 8 runs, the last 3",
        "",
        "run  date (UTC)        commit   branch  python  tests  leaks     peak        took",
        "  8  2026-01-08 12:00  3fa9c10  main    3.11.7      2      1  312 MiB  1 min 20 s",
        "  7  2026-01-07 12:00  3fa9c10  main    3.11.7      2      1  312 MiB  1 min 20 s",
        "  6  2026-01-06 12:00  3fa9c10  main    3.11.7      2      1  312 MiB  1 min 20 s",
        "",
        "run 8 against what was usual in up to 7 runs before",
        "   +40.0 MiB  peak      20.0 MiB -> 60.0 MiB     tests/test_big.py::test_big",
    ]


def test_one_test_over_the_runs(history):
    status, out, err = history("test_big", "--file=runs.db")

    assert (status, err) == (0, "")
    assert out.splitlines()[:13] == [
        "tests/test_big.py::test_big",
        "  8 runs, 2026-01-01 12:00 to 2026-01-08 12:00 UTC",
        "",
        "  peak above its start: 20.0 MiB to 60.0 MiB",
        "    60.0 MiB \u2502            \u2588 \u2588",
        *["             \u2502            \u2588 \u2588"] * 4,
        "             \u2502\u2585 \u2585 \u2585 \u2585 \u2585 \u2585 \u2588 \u2588",
        "             \u2502\u2588 \u2588 \u2588 \u2588 \u2588 \u2588 \u2588 \u2588",
        "         0 B \u2502\u2588 \u2588 \u2588 \u2588 \u2588 \u2588 \u2588 \u2588",
        "",
    ]
    assert out.splitlines()[13:] == [
        "  retained: always 0 B",
        "",
        "    run  commit        peak   retained      took  verdict",
        *[f"      {n}  3fa9c10   20.0 MiB        0 B     0.2 s  clean" for n in range(1, 6)],
        "      6  3fa9c10   20.0 MiB        0 B     0.2 s  leak",
        "      7  3fa9c10   60.0 MiB        0 B     0.2 s  leak, peak grown",
        "      8  3fa9c10   60.0 MiB        0 B     0.2 s  leak, peak grown",
        "  python leak [3fa9c1] in 3 runs, 6 to 8: shop/cart.py:41, kept by",
        "    shop.cart._ORDERS[*]",
    ]


def test_as_json(history):
    status, out, _ = history("--file=runs.db", "--json", "--limit=2")
    runs = json.loads(out)

    assert status == 0
    assert [run["number"] for run in runs["runs"]] == [8, 7]
    assert runs["runs"][0]["environment"]["python"] == "3.11.7"
    assert runs["grown_most"][0]["bytes"] - runs["grown_most"][0]["usual_bytes"] == 40 * MIB

    course = json.loads(history(BIG, "--file=runs.db", "--json")[1])
    assert course["nodeid"] == BIG
    assert [run["figures"]["peak_bytes"] // MIB for run in course["runs"]] == [20] * 6 + [60] * 2
    assert [run["grown"] for run in course["runs"]] == [[]] * 6 + [["peak"]] * 2
    assert course["runs"][-1]["findings"][0]["signature"] == "3fa9c1d2e4"


def test_which_test_must_be_clear(history):
    status, out, err = history("tests/", "--file=runs.db")
    assert (status, out) == (1, "")
    assert f"several tests have 'tests/' in their id\n  give more of one of them:\n    {BIG}\n    {SMALL}" in err

    status, _, err = history("nothing like it", "--file=runs.db")
    assert status == 1
    assert "no test of runs.db has 'nothing like it' in its id" in err


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal(project, history, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    name = f"tests/{'long/' * 40}test_x.py::test_\u4e16\u754c[{'p' * 300}]"
    for number in range(130):
        big = measured(name, peak=number * MIB, kept=number * 512)
        write("runs.db", report(big), revision=Revision(commit=MAIN.commit, branch="feature/" + "b" * 100))

    lines = [*history("--file=runs.db")[1].splitlines(), *history("test_x", "--file=runs.db")[1].splitlines()]
    assert max(map(cells, lines)) <= width
    assert any("(the last of 100)" in line for line in lines) == (width < 114)


def test_without_block_characters_the_plot_is_plain(project):
    command = [sys.executable, "-m", "pytest_memguard", "history", "test_big", "--file=runs.db"]
    path = os.pathsep.join([str(ROOT), *sys.path])
    done = subprocess.run(
        command, capture_output=True, check=True, env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": path}
    )

    assert b"    60.0 MiB |            # #\n" in done.stdout.replace(b"\r", b"")
    assert done.stderr == b""


def test_colour_only_on_a_terminal(project):
    import pty

    path = os.pathsep.join([str(ROOT), *sys.path])
    command = [sys.executable, "-m", "pytest_memguard", "history", "--file=runs.db", "--limit=1"]
    for extra, expected in (({}, True), ({"NO_COLOR": "1"}, False)):
        ours, theirs = pty.openpty()
        subprocess.run(command, stdout=theirs, check=True, env={"TERM": "xterm", "PYTHONPATH": path, **extra})
        os.close(theirs)
        assert (b"\x1b[31m" in os.read(ours, 100_000)) == expected
        os.close(ours)
    assert b"\x1b" not in subprocess.run(command, stdout=subprocess.PIPE, check=True, env={"PYTHONPATH": path}).stdout


def drawn(*sizes, width=80, ink=PLAIN):
    return [line.text for line in bars("x", [Bar(bytes=size) for size in sizes], width, ink=ink)]


def test_bars_of_sizes_that_are_missing_negative_or_huge():
    assert drawn(None, None) == ["  x: not known"]
    assert drawn(-5, -7) == ["  x: -7 B to -5 B"]
    assert drawn(0) == ["  x: always 0 B"]
    lines = drawn(None, -100, 0, 1, 2**63 - 1)
    assert lines[0] == "  x: -100 B to 8192.0 PiB"
    assert lines[1].split("|")[1] == "        #"
    assert lines[-1].split("|")[1] == ". _ _ _ #"
    assert len(drawn(*range(1000), ink=BLOCKS)) == 9
    assert all(len(line) <= 80 for line in drawn(*range(1000)))


# -- where the file is


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pytest.ini", "[pytest]\nmemguard_history = runs.db\n"),
        ("tox.ini", "[tox]\nx = %(y)s\n[pytest]\nmemguard_history = runs.db\n"),
        ("setup.cfg", "[tool:pytest]\nmemguard_history = runs.db\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\nmemguard_history = "runs.db"\n'),
        ("pyproject.toml", '[tool.pytest]\nmemguard_history = "runs.db"\n'),
        ("memguard.yaml", "memory: {history: runs.db}\n"),
        ("memguard.yml", "memory: {history: {file: runs.db, runs: 7}}\n"),
    ],
)
def test_the_file_that_the_settings_name(project, history, monkeypatch, name, content):
    (project / name).write_text(content)
    (project / "tests" / "unit").mkdir(parents=True)
    monkeypatch.chdir(project / "tests" / "unit")

    assert history()[1].splitlines()[0] == f"..{os.sep}..{os.sep}runs.db: 8 runs"


def test_what_was_looked_at_is_told(project, history):
    status, _, err = history()
    assert status == 1
    assert "which history? neither an ini file of pytest nor memguard.yaml is here or in a folder above" in err
    assert "give it with --file FILE, or set memguard_history in the ini file" in err

    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "memguard.yaml").write_text("memory: {confirm: none}\n")
    assert "which history? pytest.ini and memguard.yaml name none" in history()[2]


@pytest.mark.parametrize("name", ["pytest.ini", "pyproject.toml", "memguard.yaml"])
def test_settings_that_are_wrong_are_for_a_run_to_tell(project, name):
    for content in (
        b"\xff\xfe",
        b"[pytest",
        b"memory: {history: [",
        b"memory: {history: {runs: 900}}",
        b"[tool]\npytest=1",
    ):
        (project / name).write_bytes(content)
        assert settings_nearby(str(project)).path("memguard_history", "history") is None


def test_a_file_that_is_not_there_or_no_history(project, history):
    (project / "notes.md").write_text("# Notes\n")

    assert "there is no history 'no.db'" in history("--file=no.db")[2]
    assert "it is no history of pytest-memguard" in history("--file=notes.md")[2]
    assert "it is a directory" in history("--file=.")[2]
    assert sorted(os.listdir(project)) == ["notes.md", "runs.db"]


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1e3", "9" * 50, "\u0661"])
def test_a_limit_must_be_a_number(history, capsys, limit):
    with pytest.raises(SystemExit) as ended:
        history("--file=runs.db", f"--limit={limit}")
    assert ended.value.code == 2
    assert "expected a number from 1 to 100000" in capsys.readouterr().err
