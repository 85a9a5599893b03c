"""``memguard.assert_no_leak`` on a C extension with leaking and innocent functions, and on Python's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.extension import build
from tests.integration.suite import Run, Suite

PAIRS = """
import functools

import pairs
import pytest

def named(kind):
    return [name for name in dir(pairs) if name.startswith(kind)]

def swallowing(function):
    try:
        function()
    except ValueError:
        pass

@pytest.mark.parametrize("name", named("leak_") + named("free_"))
def test_pair(name, memguard):
    function = getattr(pairs, name)
    if name.endswith("_error"):
        memguard.assert_no_leak(swallowing, function)
    elif name.endswith("_argument"):
        memguard.assert_no_leak(function, [])
    else:
        memguard.assert_no_leak(function)

def test_the_least_is_told(memguard):
    with pytest.raises(AssertionError) as failure:
        memguard.assert_no_leak(pairs.leak_malloc_16)
    leak = failure.value.leak
    assert leak.function == "pairs.leak_malloc_16"
    assert 32 <= leak.per_call["heap"] < 34
    assert leak.bytes_per_call in (32, 33)

def test_what_is_accepted(memguard):
    memguard.assert_no_leak(pairs.leak_malloc_16, tolerance="40 B")
    with pytest.raises(AssertionError):
        memguard.assert_no_leak(pairs.leak_malloc_100, tolerance="40 B")
"""


@pytest.fixture(scope="module")
def pairs(make_suite) -> Run:
    """A run with every function of the extension in a test of its own, and nothing repeated afterwards."""
    suite = make_suite()
    try:
        build.build(suite.path)
    except build.BuildError as reason:
        pytest.skip(f"the extension cannot be built: {reason}")
    suite.write("test_pairs.py", PAIRS)
    return suite.run("--memguard-confirm=none", "-p", "no:cacheprovider")


def flat(run: Run) -> str:
    """The output without line breaks, which depend on how wide figures are."""
    return " ".join(run.out.replace("\nE ", "\n").split())


def of_pairs(run: Run, outcome: str) -> set[str]:
    found = (re.fullmatch(r"test_pair\[(\w+)\]", name) for name in run.tests if run.tests[name]["outcome"] == outcome)
    return {match[1] for match in found if match}


def test_every_leaking_function_of_an_extension_is_found(pairs):
    assert of_pairs(pairs, "failed") == set(build.names("leak")), pairs.out


def test_no_innocent_function_of_an_extension_is(pairs):
    assert of_pairs(pairs, "passed") == set(build.names("free"))
    assert pairs.tests["test_the_least_is_told"]["outcome"] == "passed"
    assert pairs.tests["test_what_is_accepted"]["outcome"] == "passed"
    assert pairs.quiet


def test_the_failure_says_what_leaks_and_how_much(pairs):
    assert re.search(
        r"LeakError: pairs\.leak_malloc_1k leaks \+1\.0 KiB per call \(\d+ batches, \d+ calls", flat(pairs)
    )
    assert re.search(r"pairs\.leak_argument leaks \+1 reference to argument 1 \(list\) per call", flat(pairs))
    assert re.search(r"pairs\.leak_shared leaks \+1 reference to the result per call", flat(pairs))
    assert re.search(r"pairs\.leak_fd leaks \+1 file descriptor per call", flat(pairs))
    assert re.search(r"leaks +(fd|socket) \S+", flat(pairs))
    assert re.search(r"pairs\.leak_mmap leaks \+64\.0 KiB per call", flat(pairs))
    assert "no Python allocation explains the growth, so C code allocates it" in flat(pairs)
    # Where it happens is not shown: the reader wants the call and the evidence.
    assert "pytest_memguard/calls" not in pairs.out


PYTHON = """
import asyncio
import collections
import functools
import itertools
import logging
import sys
import threading
import warnings
from unittest import mock

import pytest

NUMBERS = itertools.count()
KEPT = []
RECENT = collections.deque(maxlen=20_000)
ENDED = threading.Event()

@functools.lru_cache(maxsize=50_000)
def cached(number):
    return [number]

class Parser:
    def parse(self, text, *, strict=False):
        return [text, strict]

def fills_a_cache(): cached(next(NUMBERS))
def fills_a_deque(): RECENT.append([next(NUMBERS)])
def logs(): logging.getLogger("app").warning("seen %s", object())
def prints(): print("x" * 1000, file=sys.stderr)
def warns(): warnings.warn(f"old {next(NUMBERS)}", DeprecationWarning)
def interns(): sys.intern(f"name{next(NUMBERS) % 100}")
def makes_cycles():
    cycle = []
    cycle.append(cycle)
def runs_a_thread():
    thread = threading.Thread(target=len, args=("",))
    thread.start()
    thread.join()
def imports(): import xml.dom.pulldom

INNOCENT = [fills_a_cache, fills_a_deque, logs, prints, warns, interns, makes_cycles, runs_a_thread, imports]

@pytest.mark.parametrize("function", INNOCENT)
def test_innocent(memguard, function, caplog, capsys):
    memguard.assert_no_leak(function)

def test_arguments(memguard):
    memguard.assert_no_leak(Parser().parse, "text", strict=True)

def keeps(): KEPT.append(object())
def keeps_now_and_then():
    if next(NUMBERS) % 10 == 0:
        KEPT.append([])
def leaves_a_thread(): threading.Thread(target=ENDED.wait, daemon=True).start()

@pytest.mark.parametrize("function", [keeps, keeps_now_and_then])
def test_leaking(memguard, function):
    memguard.assert_no_leak(function)

def test_leaking_threads(memguard):
    try:
        memguard.assert_no_leak(leaves_a_thread)
    finally:
        ENDED.set()

async def waits(): await asyncio.sleep(0)
async def waits_and_keeps():
    KEPT.append([])
    await asyncio.sleep(0)

def test_innocent_coroutine(memguard): memguard.assert_no_leak(waits)
def test_leaking_coroutine(memguard): memguard.assert_no_leak(waits_and_keeps)
async def test_innocent_in_a_loop(memguard): await memguard.assert_no_leak(waits)
async def test_leaking_in_a_loop(memguard): await memguard.assert_no_leak(waits_and_keeps)
async def test_not_awaited(memguard): memguard.assert_no_leak(waits)
async def test_in_a_loop_what_it_raises_is_passed_on(memguard):
    async def fails():
        raise KeyError("lost")
    with pytest.raises(KeyError, match="lost"):
        await memguard.assert_no_leak(fails)

def test_what_it_raises_is_passed_on(memguard):
    with pytest.raises(KeyError):
        memguard.assert_no_leak({}.__getitem__, 1)

def test_wrong_arguments(memguard):
    with pytest.raises(ValueError, match="runs=0"):
        memguard.assert_no_leak(keeps, runs=0)
    with pytest.raises(ValueError, match="many"):
        memguard.assert_no_leak(keeps, tolerance="many")
    with pytest.raises(TypeError, match="a function is wanted"):
        memguard.assert_no_leak(3)
    with pytest.raises(TypeError, match="nobody awaits"):
        memguard.assert_no_leak(lambda: waits())

class Secretive(type):
    def __getattribute__(cls, name): raise RuntimeError(name)

class Hostile(metaclass=Secretive):
    def __call__(self, *args): return self
    def __getattr__(self, name): raise RuntimeError(name)
    def __repr__(self): raise RuntimeError
    def __eq__(self, other): raise RuntimeError
    def __hash__(self): raise RuntimeError
    def __len__(self): raise RuntimeError
    def __bool__(self): raise RuntimeError

def test_hostile_functions_and_arguments(memguard):
    memguard.assert_no_leak(Hostile(), Hostile())

def test_what_others_have_replaced(memguard):
    broken = {"side_effect": RuntimeError}
    with mock.patch("os.listdir", **broken), mock.patch("builtins.open", **broken), mock.patch("time.sleep", **broken):
        memguard.assert_no_leak(len, "")

def test_the_process_is_as_it_was(memguard):
    import gc, os, random
    gc.unfreeze()  # 3.12 has some frozen from the start
    gc.disable()
    before = (
        gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), sys.stdout, sys.stderr, os.listdir("/proc/self/fd"),
        threading.active_count(), random.getstate(), logging.root.handlers[:], warnings.filters[:], sys.getprofile(),
    )
    memguard.assert_no_leak(len, "")
    after = (
        gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), sys.stdout, sys.stderr, os.listdir("/proc/self/fd"),
        threading.active_count(), random.getstate(), logging.root.handlers[:], warnings.filters[:], sys.getprofile(),
    )
    gc.enable()
    assert after == before
"""
LEAKING = {
    "test_leaking[keeps]",
    "test_leaking[keeps_now_and_then]",
    "test_leaking_threads",
    "test_leaking_coroutine",
    "test_leaking_in_a_loop",
}


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Run:
    """A run with functions in Python, with memguard off."""
    suite = Suite(tmp_path_factory.mktemp("functions"), asyncio=True)
    suite.write("pytest.ini", "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    suite.write("test_functions.py", PYTHON)
    return suite.run("-v", "-W", "ignore::DeprecationWarning", "-p", "no:cacheprovider", memguard=False)


def with_word(run: Run, word: str) -> set[str]:
    return set(re.findall(rf"^\S+?::(\S+) {word}", run.out, re.MULTILINE))


def test_it_works_with_memguard_off_on_functions_and_coroutines(python):
    assert with_word(python, "FAILED") == LEAKING, python.out
    assert with_word(python, "ERROR") == {"test_not_awaited"}
    assert "NotAwaitedError: assert_no_leak of test_functions.waits was not awaited" in python.out
    assert python.outcomes["failed"] == len(LEAKING)


def test_a_leak_in_python_comes_with_site_and_retainer(python):
    assert re.search(
        r"allocated\s+test_functions\.py:\d+ in keeps: def keeps\(\): KEPT\.append\(object\(\)\)", python.out
    )
    assert "kept by    test_functions.KEPT (list)" in python.out
    assert re.search(r"leaves_a_thread leaks [^(]*\+1 thread per call", flat(python))


REPEATED = """
CALLS = []

def test_often(memguard):
    memguard.assert_no_leak(CALLS.__len__)
    count = memguard.assert_no_leak(counted)

def counted():
    global made
    made += 1

made = 0
KEPT = []

def test_accepted(memguard):
    memguard.assert_no_leak(KEPT.append, [1], runs=5, tolerance="1 KB")
"""

CONFTEST = """
import sys

def pytest_unconfigure():
    with open("calls.txt", "w") as file:
        file.write(str(sys.modules["test_often"].made))
"""


def test_a_repetition_calls_once_and_what_is_accepted_not_at_all(suite):
    suite.write("test_often.py", REPEATED)
    suite.write("conftest.py", CONFTEST)
    suite.run(memguard=False)
    alone = int(Path(suite.path, "calls.txt").read_text("utf-8"))
    run = suite.run("--memguard-budget=unlimited")
    repeated = int(Path(suite.path, "calls.txt").read_text("utf-8"))

    assert run.verdicts == {"test_often": "clean", "test_accepted": "clean"}, run.out
    assert run.leaks == []
    assert alone >= 300
    assert repeated < 2 * alone
