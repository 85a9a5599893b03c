"""What C code starts, and buffers that grow in steps: found, with the line where it is certain, and else without."""

from __future__ import annotations

import sys

import pytest

from tests.integration.suite import UNLIMITED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="resources are listed from /proc")

BUFFERS = """
import array
import collections
import ctypes
import io

library = ctypes.CDLL(None)
numbers = array.array("q", range(5000))
letters = bytearray()
stream = io.BytesIO()
queue = collections.deque()
ring = array.array("q")
line = bytearray()

def test_thread():
    library.pthread_create(ctypes.byref(ctypes.c_ulong()), None, library.pause, None)
    len(sorted([2, 1]))

def test_array():
    numbers.append(7)  # array

def test_bytearray():
    letters.append(7)  # bytearray

def test_stream():
    stream.write(b"7")  # stream

def test_deque():
    queue.append(7)  # deque

def test_ring():
    ring.append(7)
    if len(ring) > 20:
        ring.pop(0)

def test_line():
    line.append(7)
    if len(line) > 64:
        line.clear()
"""


def marked(mark):
    return next(n for n, text in enumerate(BUFFERS.strip("\n").splitlines(), 1) if text.endswith(f"# {mark}"))


def test_threads_of_c_code_and_buffers_that_grow_in_steps(suite):
    suite.write("test_buffers.py", BUFFERS)

    run = suite.run(UNLIMITED, "-p", "no:cacheprovider")

    assert run.quiet, run.out
    thread = run.leak("test_thread")
    assert (thread["kind"], thread["sites"]) == ("thread", [])
    assert thread["notes"] == ["C code has started it: no line of Python is known to"]
    leaking = {"array": "numbers", "bytearray": "letters", "stream": "stream", "deque": "queue"}
    for name, kept in leaking.items():
        leak = run.leak(f"test_{name}")
        assert (leak["kind"], leak["retainers"][0]["root"]) == ("python", f"test_buffers.{kept}")
        assert [site["line"] for site in leak["sites"]] == [marked(name)]
    assert len(run.leaks) == 1 + len(leaking)
    assert set(run.verdicts) - {f"test_{name}" for name in ("thread", *leaking)} == {"test_ring", "test_line"}
    assert {run.verdicts["test_ring"], run.verdicts["test_line"]} <= {"clean", "saturating"}
