"""Runs made up for the history, in this process and in others.

``python -m tests.unit.history_lab FILE NAME RUNS TESTS`` writes some, as fast as it can.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from pytest_memguard.history.database import Patience, transaction
from pytest_memguard.history.logbook import Logbook
from pytest_memguard.history.reading import open_past
from pytest_memguard.history.recording import record
from pytest_memguard.history.revision import Revision
from pytest_memguard.history.values import EnvironmentKey, Figures
from pytest_memguard.model import MemoryRecord
from pytest_memguard.settings import Settings
from tests.unit.reported import run

MIB = 1 << 20
HERE = EnvironmentKey(python="3.11.7", platform="linux x86_64", version="1.2.3", distributed=False)
MAIN = Revision(commit="3fa9c1" + "0" * 34, branch="main")
BIG = "tests/test_big.py::test_big"


def measured(nodeid=BIG, *, peak=20 * MIB, kept=0, start=100 * MIB, retained=None, outcome="passed", verdict="clean"):
    """A test of a process of *start* bytes."""
    return MemoryRecord(
        nodeid=nodeid,
        worker="main",
        outcome=outcome,
        duration_s=0.25,
        rss_before_bytes=start,
        rss_after_bytes=None if start is None else start + kept,
        peak_rss_bytes=None if start is None else start + peak,
        retained_bytes=retained,
        retained_blocks=None,
        verdict=verdict,
    )


def figures(peak=20 * MIB, kept=0, start=100 * MIB, retained=None, outcome="passed"):
    """What the history has of such a test."""
    return Figures(
        nodeid=BIG,
        outcome=outcome,
        verdict="clean",
        duration_s=0.25,
        retained_bytes=retained,
        start_bytes=start,
        end_bytes=None if start is None else start + kept,
        top_bytes=None if start is None else start + peak,
    )


def report(*tests, leaks=(), **session):
    """A run of these tests."""
    return run(*leaks, tests=tests, session={"tests": len(tests), **session})


def write(path, *reports, revision=MAIN, environment=HERE, keep=200, patience=None):
    """Write runs one after the other; gives the number of the last."""
    for each in reports:
        number = transaction(
            str(path),
            lambda connection, each=each: record(
                connection, each, environment=environment, revision=revision, keep=keep
            ),
            patience=patience,
        )
    return number


def runs_of(path, limit=1000):
    with open_past(str(path)) as past:
        return past.runs(limit)


def logbook(path, *, environment=HERE, revision=MAIN, patience=None, **settings):
    """The history as one run sees it."""
    return Logbook(
        str(path),
        replace(Settings(), **settings),
        revision=revision,
        environment=environment,
        patience=patience or Patience(seconds=0.0),
    )


if __name__ == "__main__":
    file, name, runs, tests = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    records = [measured(f"tests/test_{name}.py::test_{number}") for number in range(tests)]
    for _ in range(runs):
        write(file, report(*records), revision=Revision(branch=name), patience=Patience(seconds=120.0))
        sys.stdout.write("written\n")
        sys.stdout.flush()
