"""The ``memguard`` fixture in the body of a test, with memguard on and off: ``limit``, ``watch``, ``checkpoint``."""

from __future__ import annotations

import re
import sys

import pytest

SUITE = """
import pytest

MB = 1_000_000

def test_within(memguard):
    with memguard.limit("300 MB"):
        picture = b"x" * (80 * MB)
    assert len(picture) == 80 * MB

def test_over(memguard):
    with memguard.limit("5 MB"):
        b"x" * (80 * MB)

def test_over_twice_counts_each_block(memguard):
    with memguard.limit("300 MB"):
        b"x" * (80 * MB)
    with memguard.limit(5 * MB):
        pass
    with pytest.raises(AssertionError, match=r"peak \\+.* inside memguard.limit, 4.8 MiB allowed"):
        with memguard.limit(5 * MB):
            b"x" * (80 * MB)

def test_errors_of_the_block_win(memguard):
    with pytest.raises(KeyError):
        with memguard.limit("5 MB"):
            picture = b"x" * (80 * MB)
            raise KeyError(len(picture))

def test_wrong_size(memguard):
    with pytest.raises(ValueError, match="many"):
        with memguard.limit("many"):
            raise AssertionError("the block must not run")

class TestInAClass:
    def test_over_in_a_class(self, memguard):
        with memguard.limit("1 MiB"):
            b"x" * (80 * MB)
"""

FAILING = {"test_over", "test_over_in_a_class"}


@pytest.mark.skipif(sys.platform != "linux", reason="an exact peak can be read on Linux only")
def test_a_block_over_its_limit_fails_its_test(suite):
    suite.write("test_pictures.py", SUITE)
    run = suite.run("--memguard-budget=unlimited")
    assert {name for name, test in run.tests.items() if test["outcome"] == "failed"} == FAILING
    assert run.outcomes == {"failed": 2, "passed": 4}
    assert run.code == 1
    assert "PeakExceededError: peak +" in run.out
    assert "inside memguard.limit, 4.8 MiB allowed" in run.out
    # The test itself fails: no entry is added, and what passed is repeated like any other test.
    assert run.report["limits"] == []
    assert run.names("clean") == run.tests.keys() - FAILING


def test_off_every_block_passes(suite):
    suite.write("test_pictures.py", SUITE)
    run = suite.run("-k", "not wrong_size and not twice", memguard=False)
    assert run.code == 0
    assert run.outcomes == {"passed": 4, "deselected": 2}


def test_off_a_size_is_read_all_the_same(suite):
    suite.write("test_pictures.py", SUITE)
    run = suite.run("-k", "wrong_size", memguard=False)
    assert run.outcomes == {"passed": 1, "deselected": 5}


def test_the_fixture_is_listed(suite):
    suite.write("test_nothing.py", "")
    run = suite.run("--fixtures", memguard=False)
    assert "Memory of the present test" in run.out


WATCHING = """
import asyncio
import logging
import threading
import time

import pytest

class Session:
    def __init__(self):
        self.owner = self

KEPT = {}

@pytest.fixture
def session():
    return Session()

@pytest.fixture
def cleaned():
    yield
    KEPT.clear()

def test_a_cycle_goes(memguard):
    memguard.watch(Session())

def test_the_value_of_a_fixture_goes(session, memguard, caplog):
    memguard.watch(session)
    logging.warning("here is %r", session)

def test_what_a_fixture_clears_goes(memguard, cleaned):
    KEPT["a"] = session = Session()
    memguard.watch(session)

class TestClass:
    def test_attributes_of_the_instance_go(self, memguard):
        self.session = Session()
        memguard.watch(self.session)

def test_what_a_thread_gives_back_soon_goes(memguard):
    session = Session()
    memguard.watch(session)
    threading.Thread(target=lambda kept: time.sleep(0.05), args=(session,)).start()

def test_kept(memguard):
    KEPT["first"] = session = Session()
    memguard.watch(session)

def test_failing_says_nothing_of_objects(memguard):
    session = Session()
    memguard.watch(session)
    raise KeyError("lost")

@pytest.mark.xfail
def test_expected_to_fail(memguard):
    session = Session()
    memguard.watch(session)
    raise KeyError("lost")

def test_what_cannot_be_watched(memguard):
    with pytest.raises(TypeError, match="cannot watch an object of type list"):
        memguard.watch([])

@pytest.mark.parametrize("value", [Session()])
def test_what_only_pytest_keeps(memguard, value):
    memguard.watch(value)
"""


@pytest.mark.parametrize("arguments", [(), ("-n2",), None], ids=["on", "distributed", "off"])
def test_an_object_that_is_still_there_is_an_error_with_its_retainer(suite, arguments):
    suite.write("test_sessions.py", WATCHING)
    run = suite.run("-p", "no:cacheprovider", *(arguments or ()), memguard=arguments is not None)

    assert run.outcomes == {"failed": 1, "passed": 8, "xfailed": 1, "error": 1}, run.out
    assert "ERROR at teardown of test_kept" in run.out
    assert re.search(r"ERROR test_sessions.py::test_kept - 1 watched object is still there", run.out)
    shown = run.out[run.out.index("ERROR at teardown") :].splitlines()[1:]
    assert [line.strip() for line in shown if not line.startswith("[gw")][:5] == [
        "1 watched object is still there after the teardown of the test: test_sessions.Session",
        "object     test_sessions.Session",
        "kept by    test_sessions.KEPT (dict)",
        "-> ['first'] test_sessions.Session",
        "~~~~~~~~~",
    ]
    if arguments is not None:
        assert run.tests["test_kept"]["outcome"] == "error"
        assert run.verdict("test_the_value_of_a_fixture_goes")[0] == "clean"
        assert run.quiet


POINTS = """
import pytest

def test_steps(memguard):
    start = memguard.checkpoint("start")
    data = b"x" * 50_000_000
    loaded = memguard.checkpoint("loaded")
    if start.rss_bytes is not None:
        assert 45_000_000 < loaded.rss_bytes - start.rss_bytes < 60_000_000
    assert len(data)

def test_none(memguard):
    with pytest.raises(TypeError, match="a name is wanted"):
        memguard.checkpoint(3)
    with pytest.raises(ValueError, match="a name is wanted"):
        memguard.checkpoint(" ")

def test_many(memguard):
    for number in range(150):
        memguard.checkpoint(f"step {number}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the sizes asked for can be read on Linux only")
@pytest.mark.parametrize("arguments", [(), ("-n2",)], ids=["alone", "distributed"])
def test_checkpoints_are_in_the_report(suite, arguments):
    suite.write("test_steps.py", POINTS)
    run = suite.run("-v", "--memguard-budget=unlimited", *arguments)

    assert run.code == 0, run.out
    assert [point["name"] for point in run.tests["test_steps"]["checkpoints"]] == ["start", "loaded"]
    assert len(run.tests["test_many"]["checkpoints"]) == 100
    assert "checkpoints" not in run.tests["test_none"]
    assert re.search(r"points     test_steps.py::test_steps: start \S+ MiB, loaded \S+ MiB \(\+4\d\.\d MiB\)", run.out)
    assert run.names("clean") == {"test_steps", "test_none", "test_many"}


def test_off_checkpoints_have_a_name_and_no_sizes(suite):
    suite.write("test_steps.py", POINTS)
    assert suite.run(memguard=False).outcomes == {"passed": 3}
