"""A budget that does not suffice: what was not reached is listed, kept in pytest's cache, and goes first next time."""

from __future__ import annotations

import json

import pytest

# No time at all: it is over before the first test.
NOTHING = "--memguard-budget=1us"
BUDGET = "--memguard-budget=1h"

# The clock jumps over the end of the budget when a test says so, in a repetition; no test has to take long.
# Nor does pass 1 suspect anybody: what a first run leaves, and so who is looked at first, differs from run to run.
CONFTEST = """
import time

import pytest_memguard.watch

pytest_memguard.watch.suspects = lambda *_: []

real, ahead = time.perf_counter, [0.0]
time.perf_counter = lambda: real() + ahead[0]

def pytest_runtest_setup(item):
    with open("order", "a") as file:
        file.write(item.name + "\\n")

def pytest_runtest_teardown(item):
    runs = item.module.runs = getattr(item.module, "runs", 0) + 1
    if getattr(item.module, "JUMPS_AFTER", None) == runs:
        ahead[0] += 7200
"""

ONE = """
def test_one(): pass
"""

TWO = """
JUMPS_AFTER = 4  # its three tests in the run itself, and the first of them in a repetition

def test_two(): pass
def test_two_more(): pass
def test_two_last(): pass
"""

THREE = """
def test_three(): pass
def test_skips():
    import pytest
    pytest.skip("no server")
"""

NAMES = ["test_one", "test_two", "test_two_more", "test_two_last", "test_three", "test_skips"]
LATE = ["test_two_more", "test_two_last", "test_three"]


@pytest.fixture
def shop(suite):
    suite.write("conftest.py", CONFTEST)
    for number, text in enumerate((ONE, TWO, THREE)):
        suite.write(f"test_{number}.py", text)
    return suite


def overdue(suite):
    """What the cache holds, by short names."""
    files = [file for file in (suite.path / ".pytest_cache").rglob("overdue*") if file.is_file()]
    return [nodeid.rpartition("::")[2] for file in files for nodeid in json.loads(file.read_text(encoding="utf-8"))]


def repeated(suite, run):
    """The tests of a run in the order in which they were first repeated; it is forgotten for the next run."""
    order = suite.path / "order"
    names = order.read_text(encoding="utf-8").split()
    order.unlink()
    return list(dict.fromkeys(names[len(run.tests) :]))


def test_what_the_budget_does_not_reach_goes_first_next_time(shop):
    run = shop.run(BUDGET)

    assert run.code == 0
    assert run.verdict("test_one") == ("clean", None)
    assert run.names("unchecked") >= {*LATE, "test_skips"}
    assert all("budget" in run.verdict(name)[1] for name in LATE)
    assert " tests not checked: the budget was spent" in run.out
    assert repeated(shop, run) == ["test_one", "test_two"]
    # The test in which the clock jumps may have been decided or not.
    assert overdue(shop)[-3:] == LATE
    assert "test_one" not in overdue(shop)

    # Modules are taken as a whole, the longest overdue first; test_2.py was behind test_1.py.
    shop.write("test_1.py", TWO.replace("JUMPS_AFTER", "_"))
    again = shop.run(BUDGET)

    assert again.names("clean") == {"test_one", "test_two", *LATE}
    assert repeated(shop, again) == ["test_two", "test_two_more", "test_two_last", "test_three", "test_one"]
    assert "not checked" not in again.out
    assert overdue(shop) == []

    last = shop.run(BUDGET)

    assert repeated(shop, last) == ["test_one", "test_two", "test_two_more", "test_two_last", "test_three"]


def test_without_any_time_everything_is_listed_and_kept(shop):
    run = shop.run(NOTHING, "-v")

    assert run.code == 0
    assert run.names("unchecked") == set(NAMES)
    assert run.report["session"]["repetitions"] == 0
    assert "5 tests not checked: the budget was spent" in run.out
    assert "unchecked (6)" in run.out
    assert all(f"::{name}: " in run.out for name in (*LATE, "test_one", "test_two"))
    assert overdue(shop) == ["test_one", "test_two", *LATE]
    assert run.quiet, run.out


def test_what_a_run_does_not_select_keeps_its_place(shop):
    shop.run(NOTHING, "-k", "three")
    shop.run(NOTHING, "-k", "one")
    assert overdue(shop) == ["test_three", "test_one"]
    (shop.path / "order").unlink()

    shop.write("test_1.py", TWO.replace("JUMPS_AFTER", "_"))
    run = shop.run(BUDGET)

    assert repeated(shop, run)[:2] == ["test_three", "test_one"]
    assert overdue(shop) == []


def test_workers_keep_and_read_it_too(shop):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    run = shop.run(NOTHING, "-n2")
    assert set(overdue(shop)) == set(NAMES) - {"test_skips"}
    assert "5 tests not checked: the budget was spent" in run.out

    shop.run(BUDGET, "-k", "one")
    assert set(overdue(shop)) == {"test_two", *LATE}


def test_without_the_cache_it_is_listed_and_nothing_else(shop):
    for _ in range(2):
        run = shop.run(BUDGET, "-p", "no:cacheprovider")

        assert run.code == 0
        assert run.names("unchecked") >= {*LATE, "test_skips"}
        assert repeated(shop, run) == ["test_one", "test_two"]
        assert run.quiet, run.out
    assert not (shop.path / ".pytest_cache").exists()


@pytest.mark.parametrize("content", ["5", "[[1], null]"])
def test_what_is_no_list_of_tests_in_the_cache_is_none(shop, content):
    shop.write(".pytest_cache/v/memguard/overdue", content)
    shop.write("test_1.py", "")
    run = shop.run(BUDGET)

    assert repeated(shop, run) == ["test_one", "test_three"]
    assert run.quiet, run.out
