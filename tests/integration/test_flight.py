"""A run that is killed leaves its last tests: the next run mentions them, the command shows them, workers' are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.killing import FILES, Killing
from tests.integration.suite import UNLIMITED

DEADLY = """
import os, signal, sys

kept = []
runs = []

def test_grows():
    kept.append(bytearray(30_000_000))

def test_small():
    runs.append(1)
    if len(runs) == int(os.environ.get("KILL_IN_RUN", 0)):
        os.kill(os.getpid(), signal.SIGKILL)

def test_after(): pass
"""


def recordings(suite):
    """Names of the recordings of runs that go on or were not looked at, and of those set aside."""
    folder = suite.path / ".pytest_cache" / "d" / "memguard"
    left = sorted(folder.glob("*.ring")) if folder.exists() else []
    return len(left), len(list((folder / "killed").glob("*.ring")))


def postmortem(suite, *args):
    done = subprocess.run(
        [sys.executable, "-m", "pytest_memguard", "postmortem", *args],
        cwd=suite.path,
        env=suite.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_next_run_mentions_it_once_and_the_command_shows_culprit_and_victim(suite):
    suite.write("test_deadly.py", DEADLY)
    killed = suite.run(env={"KILL_IN_RUN": "1"})
    shown = postmortem(suite)
    following, third = suite.run("--memguard-confirm=none"), suite.run("--memguard-confirm=none")
    suite.run(env={"KILL_IN_RUN": "1"})
    headless = suite.run("--memguard-confirm=none", "--no-header")

    assert headless.out.count("memguard: the last run was killed") == 1
    assert killed.code == -signal.SIGKILL
    mentioned = [line for line in following.lines if line.startswith("memguard: the last run was killed")]
    assert len(mentioned) == 1
    assert "while running test_deadly.py::test_small (call)" in mentioned[0]
    assert "the last run was killed" not in third.out
    assert (following.code, third.code) == (0, 0)
    assert "victim     while running test_deadly.py::test_small (call)" in shown
    assert "culprit    test_deadly.py::test_grows has grown most: +2" in shown
    found = json.loads(postmortem(suite, "--json"))
    assert [victim["nodeid"] for victim in found["victims"]] == ["test_deadly.py::test_small"]
    assert found["culprit"]["growth_bytes"] > 25_000_000
    assert recordings(suite) == (0, 2)


def test_killed_in_a_repetition_without_a_cache_and_told_to_a_quiet_run(suite):
    suite.write("test_deadly.py", DEADLY)
    without = ("-p", "no:cacheprovider", "-q", UNLIMITED)
    killed = suite.run(*without, "-k", "small or after", env={"KILL_IN_RUN": "2"})
    shown = json.loads(postmortem(suite, "--json"))
    following = suite.run(*without, "--memguard-confirm=none")

    assert killed.code == -signal.SIGKILL
    (victim,) = shown["victims"]
    assert (victim["nodeid"], victim["pass"], victim["running"]) == ("test_deadly.py::test_small", 2, True)
    assert Path(shown["processes"][0]["file"]).parent.parent == suite.temporary
    (warning,) = following.report["warnings"]
    assert warning.startswith("the last run was killed while running test_deadly.py::test_small (repetition 1)")
    assert following.out.replace("\n  ", " ").count(f"warning: {warning}") == 1
    assert not (suite.path / ".pytest_cache").exists()


LONG = """
import os, signal, subprocess, sys, time

def test_long():
    kept = []
    # A pytest that starts meanwhile, in the same folder, has nothing to say of a run that goes on.
    again = [sys.executable, "-m", "pytest", "--memguard", "--memguard-confirm=none", "-k", "other"]
    os.environ.pop("PYTEST_CURRENT_TEST")
    done = subprocess.run([*again, *sys.argv[1:]], capture_output=True, text=True)
    assert "1 passed" in done.stdout and "was killed" not in done.stdout, done.stdout
    for _ in range(40):
        kept.append(bytearray(1_000_000))
        time.sleep(0.02)
    if not os.fork():
        time.sleep(0.1)
        os._exit(0)
    os.wait()
    os.kill(os.getpid(), signal.SIGKILL)

def test_other(): pass
"""


def test_a_long_test_shows_how_far_it_had_grown_and_other_runs_are_not_confused(suite):
    suite.write("memguard.yaml", "memory: {monitoring: {checkInterval: 100}}")
    suite.write("test_long.py", LONG)
    killed = suite.run("-p", "no:randomly")
    found = json.loads(postmortem(suite, "--json"))

    assert killed.code == -signal.SIGKILL, killed.out
    (victim,) = found["victims"]
    assert victim["running"]
    assert victim["growth_bytes"] > 10_000_000
    assert found["culprit"]["nodeid"] == "test_long.py::test_long"
    assert recordings(suite) == (1, 0)


SPOILED = {
    "a link": lambda folder: folder.symlink_to("/etc"),
    "a file": lambda folder: folder.write_text("x"),
    "rubbish": lambda folder: (folder.mkdir(), (folder / "run-1-00000000.ring").write_text("x")),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_folder_that_is_not_ours_changes_nothing(suite, spoil):
    suite.write("test_one.py", "def test_one(): pass\n")
    folder = suite.path / ".pytest_cache" / "d"
    folder.mkdir(parents=True)
    spoil(folder / "memguard")
    before = sorted(os.listdir(folder / "memguard")) if (folder / "memguard").is_dir() else None

    run = suite.run("--memguard-confirm=none")

    assert run.code == 0
    assert run.report["errors"] == run.report["warnings"] == []
    assert run.report["environment"]["probes"]["recorder"] == "a mapped file that survives the process"
    assert (sorted(os.listdir(folder / "memguard")) if before is not None else None) == before


def test_five_runs_killed_at_any_moment_leave_whole_files_and_a_true_postmortem(suite):
    environment = suite.environment({})
    killing = Killing(suite.path / "kills", sys.executable, environment, files=FILES, seed=5)

    wounds = [killing.once(moment) for moment in ("pass 1", "pass 2", "writing", "anywhere", "pass 2")]

    assert [mistake for wound in wounds for mistake in wound.mistakes] == []
    assert {wound.truth.partition(" ")[0] for wound in wounds} & {"begin", "end"}
