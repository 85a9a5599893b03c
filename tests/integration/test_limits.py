"""Limits on the peak of a test: by marker, by the markers of pytest-memray, with what they print and what they fail."""

from __future__ import annotations

import json
import sys

import pytest

from tests.integration.suite import short

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="an exact peak can be read on Linux only")

SUITE = """
import pytest

MB = 1_000_000
pictures = []

@pytest.mark.memguard(limit="5 MB", reason="thumbnails are small")
def test_over():
    assert len(b"x" * (80 * MB)) == 80 * MB

@pytest.mark.memguard(limit="200 MB")
def test_under():
    assert len(b"x" * (80 * MB)) == 80 * MB

def test_without():
    assert len(b"x" * (80 * MB)) == 80 * MB

@pytest.mark.limit_memory("5 MB")
def test_over_like_memray():
    assert len(b"x" * (80 * MB)) == 80 * MB

@pytest.mark.limit_leaks("1 MB")
def test_leaks_little_like_memray():
    pictures.append([1])

@pytest.mark.limit_leaks("8 KB")
def test_leaks_much_like_memray():
    pictures.append(bytearray(20_000))

@pytest.mark.memguard(limit="5 MB")
def test_over_and_fails():
    picture = b"x" * (80 * MB)
    assert not picture.count(b"x")

@pytest.mark.memguard(limit="5 MB")
class TestOfAClass:
    def test_small(self):
        pass

    def test_large(self):
        assert len(b"x" * (80 * MB)) == 80 * MB

    @pytest.mark.memguard(limit="300 MB")
    def test_closest_marker_counts(self):
        assert len(b"x" * (80 * MB)) == 80 * MB

@pytest.mark.memguard(limit="5 MB")
def test_peak_inside_the_fixture_counts(memguard):
    with memguard.limit("300 MB"):
        assert len(b"x" * (80 * MB)) == 80 * MB
"""

OVER = {
    "test_over",
    "test_over_like_memray",
    "test_over_and_fails",
    "test_large",
    "test_peak_inside_the_fixture_counts",
}


def limits_of(run):
    return {short(limit["nodeid"]): limit for limit in run.report["limits"]}


@pytest.fixture(scope="module")
def made(make_suite):
    suite = make_suite()
    suite.write("test_pictures.py", SUITE)
    return suite


@pytest.fixture(scope="module")
def run(made):
    return made.run("--memguard-budget=unlimited", "--junitxml=junit.xml")


def test_exactly_these_limits_are_exceeded(run):
    assert set(limits_of(run)) == OVER
    for limit in limits_of(run).values():
        assert limit["limit_bytes"] == 5 * (2**20 if "memray" in limit["nodeid"] else 10**6)
        assert 79_000_000 <= limit["peak_growth_bytes"] < 200_000_000
        assert limit["gates"] is True


def test_each_is_a_failing_entry_beside_the_test(run):
    assert run.code == 1
    assert len(run.leaks) == 2
    # Five limits, one leak that gates, one test that fails by itself.
    assert run.outcomes == {"failed": 7, "passed": 10}
    outcomes = {name: test["outcome"] for name, test in run.tests.items()}
    assert outcomes.pop("test_over_and_fails") == "failed"
    assert set(outcomes.values()) == {"passed"}
    failed = [line for line in run.lines if line.startswith("LIMIT ") and " - peak +" in line]
    assert {short(line.split()[1]) for line in failed} == OVER


def test_the_section_names_who_set_the_limit(run):
    assert "5 exceeded limits" in run.out
    at = next(n for n, line in enumerate(run.lines) if line.startswith("LIMIT") and "::test_over  peak +" in line)
    block = "\n".join(run.lines[at : at + 4])
    assert "limit 4.8 MiB" in block
    assert "@pytest.mark.memguard on test_pictures.py::test_over: thumbnails are small" in block


def test_a_test_over_its_limit_is_checked_for_leaks_all_the_same(run):
    assert run.verdict("test_over") == ("clean", None)


def test_markers_of_memray_accept_leaks(run):
    assert run.verdict("test_leaks_little_like_memray")[0] == "suppressed"
    assert run.leak("test_leaks_little_like_memray")["gates"] is False
    assert run.leak("test_leaks_much_like_memray")["gates"] is True


def test_limits_that_do_not_gate_are_listed(made, tmp_path):
    run = made.run("--memguard-fail-on=leak", "--memguard-confirm=none", "-k", "not and_fails")
    assert run.code == 0
    assert {name for name, limit in limits_of(run).items() if limit["gates"]} == set()
    assert set(limits_of(run)) == OVER - {"test_over_and_fails"}
    assert "LIMIT" not in run.out
    assert sum("set by" in line or "limit" in line for line in run.lines) >= 4


def test_without_memguard_the_markers_are_known_and_do_nothing(made):
    run = made.run("--strict-markers", "-W", "error", "-k", "not and_fails", memguard=False)
    assert run.code == 0
    assert run.outcomes == {"passed": 10, "deselected": 1}


def test_limits_cross_from_workers(made):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    run = made.run("--memguard-confirm=none", "-n", "2")
    assert set(limits_of(run)) == OVER
    assert run.code == 1


def test_memray_itself_keeps_its_markers(suite):
    suite.write("test_pictures.py", SUITE)
    suite.write("pytest_memray.py", "")
    run = suite.run("-p", "pytest_memray", "--memguard-confirm=none", "-k", "like_memray")
    assert limits_of(run) == {}
    assert run.code == 0
    assert "PytestUnknownMarkWarning" in run.out
    assert json.loads(run.written)["session"]["tests"] == 3
