"""Memory pressure while tests are repeated: what was fine in the suite's own run ends in good order, and says why."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.integration.suite import UNLIMITED
from tests.integration.test_pressure import KINDS, MIB, bounded, write_settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are read on Linux only")


# Time, files and system calls are the test's own here, too.
INSIDE = """
import builtins
import os
import time

import pytest

kept = []
runs = []

@pytest.mark.parametrize("number", range(5))
def test_before(number):
    pass

def test_takes_all_when_repeated(monkeypatch):
    def unusable(*args, **kwargs):
        raise RuntimeError("faked by the test")

    for module, name in ((builtins, "open"), (os, "open"), (os, "pread"), (os, "read"), (time, "perf_counter")):
        monkeypatch.setattr(module, name, unusable)
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    runs.append(1)
    eaten = [bytearray(1 << 20) for _ in range(1 if len(runs) == 1 else 2000)]

def test_leaks():
    kept.append(bytearray(1 << 20))

@pytest.mark.parametrize("number", range(5))
def test_after(number):
    pass
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_repetition_that_takes_all_is_interrupted_and_the_others_are_checked(suite, kind):
    suite.write("test_long.py", INSIDE)
    with bounded(kind, 280 * MIB) as bounds:
        write_settings(suite, bounds.settings)
        run = suite.run(UNLIMITED, within=bounds.within)

    assert run.quiet, run.out
    assert run.code == run.report["session"]["exit_status"] == 1
    assert run.outcomes == {"failed": 1, "passed": 12}
    verdict, reason = run.verdict("test_takes_all_when_repeated")
    assert verdict == "inconclusive"
    assert f"({bounds.source})" in reason
    assert run.names("leak") == {"test_leaks"}
    assert len(run.names("clean")) == 10
    assert run.report["failures"] == []
    # It may be interrupted for what it is about to take, before there was a reading above a threshold.
    assert [event["level"] for event in run.report["pressure"]][-1:] in ([], ["normal"])


# What children take is no growth of this process.
CHILDREN = """
import subprocess
import sys

import pytest

EAT = "held = bytearray(45 << 20); print(len(held), flush=True); input()"
children = []

def test_leaves_a_child():
    child = subprocess.Popen([sys.executable, "-c", EAT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    children.append(child)

@pytest.mark.parametrize("number", range(5))
def test_after(number):
    pass
"""


def test_a_test_whose_children_would_fill_the_group_is_not_repeated_until_they_do(suite):
    suite.write("test_children.py", CHILDREN)
    with bounded("group", 280 * MIB) as bounds:
        run = suite.run(UNLIMITED, within=bounds.within)

    assert run.code != -signal.SIGKILL, run.out
    assert run.quiet, run.out
    assert run.code == run.report["session"]["exit_status"]
    assert run.outcomes["passed"] == 6
    verdict, reason = run.verdict("test_leaves_a_child")
    assert verdict == "inconclusive"
    assert reason.startswith("memory pressure: ")
    assert reason.endswith("(cgroup v1) while test_children.py::test_leaves_a_child was repeated")


# The suite ends its own run just below a level, with a component that a cleanup can trim.
FULL = """
import functools
import mmap
import os

import pytest

import pictures

LIMIT = 400 << 20
kept = []

@functools.lru_cache(maxsize=None)
def parsed(text):
    return [text]

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

@pytest.mark.memguard(confirm=False)
def test_fills():
    while resident() < LIMIT * 86 // 100:
        pictures.cache.append(mmap.mmap(-1, 1 << 20))
        pictures.cache[-1].write(bytes(1 << 20))

@pytest.mark.parametrize("number", range(30))
def test_innocent(number):
    parsed(f"text {number}")

def test_leaks_much():
    kept.append(bytearray(1 << 20))

@pytest.mark.parametrize("number", range(3))
def test_leaks(number):
    kept.append(str(number) * 3000)

@pytest.mark.parametrize("number", range(30))
def test_innocent_too(number):
    parsed(f"other text {number}")
"""
COMPONENT = """components:
    pictures:
      track: ["pictures:cache"]
      limits: {cache: 250}"""


def test_cleanups_come_between_measurements_and_change_no_verdict(suite):
    suite.write("pictures.py", "cache = []\n")
    suite.write("test_full.py", FULL)
    write_settings(suite, "limit: 400MiB", COMPONENT, "thresholds: {warning: 0.87, critical: 0.88}")

    run = suite.run(UNLIMITED)

    assert run.quiet, run.out
    assert {cleanup["trigger"] for cleanup in run.report["cleanups"]} == {"pressure"}
    assert run.report["session"]["peak_rss_bytes"] < 0.87 * 400 * MIB  # so they came later
    assert "moderate" in {cleanup["level"] for cleanup in run.report["cleanups"]}
    assert run.report["pressure"][-1]["level"] == "normal"  # the component was trimmed
    assert run.names("leak") - {"test_leaks_much"} == {f"test_leaks[{number}]" for number in range(3)}
    assert run.verdict("test_leaks_much")[0] in ("inconclusive", "leak")  # there may be too little for the proof
    assert len(run.names("clean")) == 60


def test_checking_ends_at_once_where_the_run_itself_has_ended_in_an_emergency(suite):
    suite.write("pictures.py", "cache = []\n")
    suite.write("test_full.py", FULL.replace("* 86 //", "* 96 //"))
    write_settings(suite, "limit: 400MiB")

    run = suite.run(UNLIMITED)

    assert run.quiet, run.out
    assert run.code == 0, run.out
    assert run.names("unchecked") == set(run.tests)
    assert run.verdict("test_leaks[0]") == ("unchecked", "memory pressure ended the checking")
    (warning,) = run.report["warnings"]
    assert warning.startswith("checking ended early: memory pressure: 96")
    told = " ".join(run.out.split())
    assert f"warning: {warning}" in told
