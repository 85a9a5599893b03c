"""Ctrl-C: the run ends at once, and tells what is known by then."""

from __future__ import annotations

import json
import sys

import pytest

from tests.integration.suite import UNLIMITED

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent to a process of its own")

LEAK = """
kept = []

def test_leaks():
    kept.append([1, 2])

def test_fine(): pass
"""

# Waits for ever, in the run of that number; the file says that it does.
WAITS = """
import pathlib, threading

runs = []

def test_before(): pass

def test_waits():
    runs.append(1)
    if len(runs) == {number}:
        pathlib.Path("waiting").touch()
        threading.Event().wait()

def test_after(): pass
"""


def waiting(folder):
    return (folder / "waiting").exists()


def interrupted(suite, *args, number):
    suite.write("test_a_leak.py", LEAK)
    suite.write("test_b_waits.py", WAITS.format(number=number))
    return suite.interrupted(UNLIMITED, *args, when=waiting)


def last_failed(suite):
    return list(json.loads((suite.path / ".pytest_cache/v/cache/lastfailed").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def stopped(make_suite):
    """A run that was stopped in pass 2, and its suite."""
    suite = make_suite()
    return interrupted(suite, "--junitxml=junit.xml", "-v", number=2), suite


def test_in_pass_2_the_run_ends_as_interrupted(stopped):
    run, _ = stopped
    assert run.code == run.report["session"]["exit_status"] == 2
    assert "KeyboardInterrupt" in run.out
    assert run.quiet, run.out
    assert "Traceback" not in run.out


def test_in_pass_2_outcomes_of_the_run_are_kept(stopped):
    run, _ = stopped
    assert {name: test["outcome"] for name, test in run.tests.items()} == dict.fromkeys(
        ["test_leaks", "test_fine", "test_before", "test_waits", "test_after"], "passed"
    )
    assert run.outcomes == {"failed": 1, "passed": 5}


def test_in_pass_2_what_was_found_is_reported(stopped):
    run, suite = stopped
    assert run.leak("test_leaks")["gates"]
    assert run.verdict("test_fine") == ("clean", None)
    assert [line for line in run.lines if line.startswith("LEAK test_a_leak.py::test_leaks - +")]
    assert "memguard: 1 leak in 5 tests" in run.out
    assert last_failed(suite) == ["test_a_leak.py::test_leaks"]
    assert "python leak confirmed" in (suite.path / "junit.xml").read_text(encoding="utf-8")


def test_in_pass_2_what_was_not_reached_says_so(stopped):
    run, _ = stopped
    assert run.names("unchecked") == {"test_before", "test_waits", "test_after"}
    assert {run.verdict(name)[1] for name in run.names("unchecked")} == {"the run was interrupted"}
    assert "3 tests not checked" in run.out


# Pass 1 suspects nobody: what a first run leaves, and so who is looked at first, differs from run to run.
NOTES_ORDER = """
import pytest_memguard.watch

pytest_memguard.watch.suspects = lambda *_: []

def pytest_runtest_setup(item):
    with open("order", "a") as file:
        file.write(item.name + "\\n")
"""


def test_the_run_after_it_begins_with_what_was_not_reached(stopped):
    """Last of the tests that share the interrupted run: it runs the suite again."""
    _, suite = stopped
    suite.write("conftest.py", NOTES_ORDER)
    suite.write("test_b_waits.py", WAITS.format(number=0))
    again = suite.run(UNLIMITED)
    order = (suite.path / "order").read_text(encoding="utf-8").split()

    assert again.names("unchecked") == set()
    assert order[:5] == ["test_leaks", "test_fine", "test_before", "test_waits", "test_after"]
    assert order[5] == "test_before"


def test_in_pass_2_before_any_verdict_the_reason_is_told(suite):
    suite.write("test_b_waits.py", WAITS.format(number=2))
    run = suite.interrupted(UNLIMITED, "-q", when=waiting)

    assert run.code == 2
    assert run.report["session"]["checked"] == 0
    assert "3 tests not checked: the run was interrupted" in run.lines


def test_in_pass_1_nothing_is_repeated(suite):
    run = interrupted(suite, number=1)

    assert run.code == run.report["session"]["exit_status"] == 2
    assert "KeyboardInterrupt" in run.out
    assert run.report["session"]["repetitions"] == 0
    assert run.leaks == []
    assert run.verdicts.items() >= dict.fromkeys(["test_leaks", "test_fine", "test_before"], "unchecked").items()
    assert "test_after" not in run.tests
    assert run.outcomes == {"passed": 3}
    assert "memguard: watched" in run.out
    assert run.quiet, run.out


def test_in_a_proof_the_leak_in_question_is_not_reported(suite):
    suite.write("test_a_leak.py", LEAK)
    suite.write(
        "test_b_waits.py",
        """
        import pathlib, threading

        kept = []

        def test_waits_in_its_rounds():
            kept.append([1, 2])
            if len(kept) == 12:
                pathlib.Path("waiting").touch()
                threading.Event().wait()
        """,
    )
    run = suite.interrupted(UNLIMITED, when=waiting)

    assert run.code == 2
    assert run.names("leak") == {"test_leaks"}
    assert run.verdict("test_waits_in_its_rounds")[0] == "unchecked"
    assert run.quiet, run.out


def test_without_the_cache_and_without_capture_it_ends_the_same(suite):
    run = interrupted(suite, "-p", "no:cacheprovider", "-q", "-s", number=2)

    assert run.code == 2
    assert "LEAK test_a_leak.py::test_leaks" in run.out
