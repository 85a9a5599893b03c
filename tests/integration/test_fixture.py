"""The ``memguard`` fixture in the body of a test, with memguard on and off."""

from __future__ import annotations

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
