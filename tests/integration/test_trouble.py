"""Runs in trouble end as they would without memguard, which says once what it cannot do; see `benchmarks faults`."""

from __future__ import annotations

import json
import re

import pytest

TESTS = """
kept = []
def test_plain(): pass
def test_leaks(): kept.append([1])
def test_fails(): assert 0
"""

NO_FILES = """
import builtins, io, os, threading
def refusing(function):
    def refused(path, *args, **kwargs):
        if os.fsdecode(path if isinstance(path, (str, bytes)) else str(path)).startswith(("/proc", "/sys")):
            raise FileNotFoundError(2, "No such file or directory", path)
        return function(path, *args, **kwargs)
    return refused
for name in ("open", "listdir", "stat", "readlink", "scandir", "access"):
    setattr(os, name, refusing(getattr(os, name)))
builtins.open = io.open = refusing(builtins.open)
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
"""

DENIED = """
import psutil
def denied(*args, **kwargs):
    raise psutil.AccessDenied(1)
for owner in (psutil, psutil.Process):
    for name in ("virtual_memory", "swap_memory", "heap_info", "heap_trim", "memory_info", "children", "num_fds"):
        if hasattr(owner, name):
            setattr(owner, name, denied)
"""

TROUBLES = {
    "no files of the kernel, no threads": (NO_FILES, (), None),
    "psutil is denied everything, the report goes to a full device": (
        DENIED,
        ("--memguard-json=/dev/full",),
        "warning: cannot write the JSON report '/dev/full'",
    ),
}


def ended(run):
    """The lines that say how each test ended, and the last line without its time."""
    shown = [line for line in run.lines if re.search(r"::test_\w+ (PASSED|FAILED)", line)]
    return shown, run.outcomes


@pytest.mark.parametrize(("before", "ours", "told"), TROUBLES.values(), ids=TROUBLES)
def test_it_ends_as_it_would_without(suite, before, ours, told):
    suite.write("test_shop.py", TESTS)
    suite.write("before.py", before)
    suite.write("pytest.ini", "[pytest]\npythonpath = .\n")
    args = ("-v", "-p", "before")
    paths = {"PYTHONPATH": f"{suite.path}:{suite.environment({})['PYTHONPATH']}"}
    plain = suite.run(*args, memguard=False, env=paths)
    run = suite.run(*args, "--memguard-fail-on=never", *ours, env=paths)

    assert ended(run) == ended(plain)
    assert run.code == plain.code == 1
    assert "pytest_memguard/" not in run.out, "a traceback"
    assert "memguard error" not in run.out, "nothing of it is a fault of memguard's own"
    assert told is None or told in run.out
    assert re.search(r"test_leaks\s+\+", run.out), "the leak is found all the same"


REMOVES = """
import shutil

def test_cleans_up():
    shutil.rmtree("reports")
"""


def test_a_folder_that_a_test_takes_away_is_made_again_for_the_report(suite):
    suite.write("test_a.py", REMOVES)
    (suite.path / "reports").mkdir()
    run = suite.run(
        "-q", "--memguard-confirm=none", "--memguard-json=reports/r.json", "--memguard-markdown=reports/r.md"
    )

    assert run.code == 0
    assert json.loads((suite.path / "reports/r.json").read_text("utf-8"))["session"]["tests"] == 1
    assert (suite.path / "reports/r.md").stat().st_size
    assert "warning" not in run.out


@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["plain", "q"])
def test_a_report_that_is_lost_is_one_warning_that_can_be_read(suite, quiet):
    suite.write("test_a.py", REMOVES + '    open("reports", "w").close()\n')
    (suite.path / "reports").mkdir()
    run = suite.run(*quiet, "--memguard-confirm=none", "--memguard-json=reports/r.json")

    assert run.code == 0
    told = run.out.replace("\n  ", " ")
    assert len(re.findall(r"warning: cannot write the JSON report '.*' from the command line: there is no", told)) == 1
    assert "; create the directory first" in told
    assert "\\n" not in run.out
    assert "memguard error" not in run.out
