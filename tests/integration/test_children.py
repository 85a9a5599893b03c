"""Files that child processes make: the line that starts the child, and no line where several may have made it."""

from __future__ import annotations

import sys

import pytest

from tests.integration.suite import UNLIMITED, short

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="resources are listed from /proc")

EDITOR = """
import os, subprocess, sys, tempfile

MAKE = "import sys, tempfile; tempfile.mkstemp(dir=sys.argv[1])"
FOLDER = tempfile.gettempdir()

def new_name():
    return os.path.join(FOLDER, "made-" + os.urandom(8).hex())

def start():
    return subprocess.Popen([sys.executable, "-S", "-c", MAKE, FOLDER])  # started

def test_waits():
    child = start()
    child.wait()
    os.stat(FOLDER)

def test_opens_it_afterwards():
    name = new_name()
    subprocess.run(["touch", name])  # run
    with open(name) as stream:
        stream.read()

def test_shell():
    name = new_name()
    os.system(f"touch {name}")  # shell
    open(name).close()

def test_two_at_once():
    one, other = start(), subprocess.Popen([sys.executable, "-S", "-c", MAKE, FOLDER])
    one.wait()
    other.wait()

def test_makes_one_itself():
    subprocess.run(["true"])
    number, _ = tempfile.mkstemp()  # itself
    os.close(number)

def test_removes_it():
    name = new_name()
    subprocess.run(["touch", name])
    os.remove(name)
"""
LINES = {
    "test_waits": "started",
    "test_opens_it_afterwards": "run",
    "test_shell": "shell",
    "test_two_at_once": None,
    "test_makes_one_itself": "itself",
}


def marked(mark):
    return next(n for n, line in enumerate(EDITOR.strip("\n").splitlines(), 1) if line.endswith(f"# {mark}"))


def test_a_file_is_ascribed_to_the_line_that_starts_the_child_that_makes_it(suite):
    suite.write("test_editor.py", EDITOR)

    run = suite.run(UNLIMITED, "-p", "no:cacheprovider")

    assert run.quiet, run.out
    assert {leak["kind"] for leak in run.leaks} == {"tempfile"}
    found = {short(leak["nodeid"]): [site["line"] for site in leak["sites"]] for leak in run.leaks}
    assert found == {name: [] if mark is None else [marked(mark)] for name, mark in LINES.items()}
    notes = {short(leak["nodeid"]): " ".join(leak["notes"]) for leak in run.leaks}
    assert notes.pop("test_makes_one_itself") == ""
    assert "one of several: which one is not known" in notes.pop("test_two_at_once")
    assert {note.partition(",")[0] for note in notes.values()} == {"a child process has made it"}
    assert run.names("clean") == {"test_removes_it"}
