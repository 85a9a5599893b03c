"""The background sampler: late, alone, gone in time, and never beside a fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from pytest_memguard.sampler import BellError, Look, Sampler

PATIENCE_S = 30.0
LONG_S = 3600.0


class StoppedError(BaseException):
    """What an interruption raises here."""


class Watched:
    """What a sampler saw, and where it looked from."""

    def __init__(self, *, wait_s=0.01, acute=False, fails=False):
        self.wait_s = wait_s
        self.acute = acute
        self.fails = fails
        self.looks = []
        self.faults = []
        self.main = threading.get_ident()
        self.sampler = Sampler(interval_s=LONG_S, look=self.look, interrupt=self.interrupt, on_fault=self.faults.append)

    def look(self):
        if self.fails:
            raise RuntimeError("cannot look")
        self.looks.append(threading.get_ident() == self.main)
        return Look(self.wait_s, self.acute)

    def interrupt(self, _frame):
        raise StoppedError

    def until(self, condition):
        """Work in the main thread, as a test does, until something has happened."""
        end = time.perf_counter() + PATIENCE_S
        while not condition():
            assert time.perf_counter() < end, (self.looks, self.faults)


@pytest.fixture
def watched():
    made = []

    def make(**options):
        made.append(Watched(**options))
        return made[-1]

    yield make
    for each in made:
        each.sampler.close()


def threads():
    """Threads of this process as the system counts them."""
    return len(os.listdir("/proc/self/task"))


def test_nothing_runs_beside_a_short_test(watched):
    before = threads()
    sampler = watched().sampler
    for _ in range(100):
        sampler.begin(LONG_S, time.monotonic())
        assert threads() == before
        sampler.end()

    assert sampler.looks == 0


def test_the_timer_is_set_anew_before_it_could_ring_in_a_short_test(watched):
    world = watched()
    start = time.monotonic()
    while time.monotonic() < start + 0.5:
        world.sampler.begin(0.25, time.monotonic())
        world.sampler.end()
    world.sampler.begin(0.25, time.monotonic())

    world.until(lambda: world.looks)
    world.sampler.end()


def test_a_long_test_is_looked_at_by_one_thread_that_is_gone_when_it_ends(watched):
    before, listed = threads(), threading.enumerate()
    world = watched()
    world.sampler.begin(0.01, time.monotonic())
    world.until(lambda: len(world.looks) >= 3)

    assert threads() == before + 1
    assert threading.enumerate() == listed
    world.sampler.end()
    assert threads() == before
    seen = len(world.looks)
    time.sleep(0.1)
    assert len(world.looks) == seen


def test_near_the_limit_the_main_thread_looks_even_in_a_sleep(watched):
    world = watched(wait_s=0.01)
    world.sampler.begin(0.01, time.monotonic())
    time.sleep(1.0)
    world.sampler.end()

    assert world.looks.count(True) >= 3


def test_far_from_it_the_thread_does(watched):
    world = watched(wait_s=0.3)
    world.sampler.begin(0.01, time.monotonic())
    world.until(lambda: world.looks.count(False) >= 2)
    world.sampler.end()

    assert world.looks.count(True) == 1  # the one that started it


def test_what_is_acute_interrupts_the_main_thread(watched):
    world = watched(acute=True)
    world.sampler.begin(0.01, time.monotonic())
    with pytest.raises(StoppedError):
        time.sleep(PATIENCE_S)
    world.sampler.end()


def test_a_wait_for_a_lock_is_interrupted_too(watched):
    world = watched(acute=True)
    held = threading.Lock()
    held.acquire()
    world.sampler.begin(0.01, time.monotonic())
    with pytest.raises(StoppedError):
        held.acquire(timeout=PATIENCE_S)
    world.sampler.end()


def test_what_is_tried_before_an_interruption_is_not_interrupted_itself(watched):
    world = watched(acute=True)
    depths = []

    def interrupt(_frame):
        depths.append(len(depths))
        time.sleep(0.2)  # many times the wait
        raise StoppedError

    world.sampler._interrupt = interrupt
    world.sampler.begin(0.01, time.monotonic())
    with pytest.raises(StoppedError):
        time.sleep(PATIENCE_S)
    world.sampler.end()

    assert depths == [0]


def test_where_an_exception_would_be_lost_it_waits(watched):
    world = watched()

    class Dying:
        def __del__(self):
            world.acute = True
            time.sleep(0.3)

    def work():
        dying = Dying()
        del dying
        time.sleep(PATIENCE_S)

    world.sampler.begin(0.01, time.monotonic())
    with pytest.raises(StoppedError):
        work()
    world.sampler.end()


def test_an_exception_that_somebody_swallows_is_raised_again(watched):
    world = watched(acute=True)
    world.sampler.begin(0.01, time.monotonic())
    swallowed = 0
    while swallowed < 3:
        try:
            time.sleep(PATIENCE_S)
        except StoppedError:
            swallowed += 1
    world.sampler.end()

    assert len(world.looks) >= 3


def test_between_tests_nobody_is_interrupted(watched):
    world = watched(acute=True)
    world.sampler.begin(0.05, time.monotonic())
    world.sampler.end()
    time.sleep(0.2)

    assert world.looks == []


def test_a_look_that_fails_is_told_once_and_is_the_last(watched):
    world = watched(fails=True)
    world.sampler.begin(0.01, time.monotonic())
    world.until(lambda: world.faults)
    time.sleep(0.1)
    world.sampler.end()
    world.sampler.begin(0.01, time.monotonic())
    time.sleep(0.1)
    world.sampler.end()

    assert [str(fault) for fault in world.faults] == ["cannot look"]


def test_the_signal_is_given_back(watched):
    assert signal.getsignal(signal.SIGURG) is signal.SIG_DFL
    world = watched()
    assert signal.getsignal(signal.SIGURG) is not signal.SIG_DFL
    world.sampler.close()
    world.sampler.close()
    assert signal.getsignal(signal.SIGURG) == signal.SIG_DFL


def test_a_signal_that_is_in_use_is_left_alone():
    def handler(*_signal):
        pass

    signal.signal(signal.SIGURG, handler)
    try:
        with pytest.raises(BellError, match="SIGURG is in use"):
            Watched()
        assert signal.getsignal(signal.SIGURG) is handler
    finally:
        signal.signal(signal.SIGURG, signal.SIG_DFL)


def test_a_test_may_take_the_signal_over_or_reset_it(watched):
    world = watched()
    rang = []
    signal.signal(signal.SIGURG, lambda *_signal: rang.append(1))
    world.sampler.begin(0.01, time.monotonic())
    time.sleep(0.1)
    world.sampler.end()
    assert (rang, world.looks) == ([], [])
    signal.signal(signal.SIGURG, signal.SIG_DFL)
    world.sampler.begin(0.01, time.monotonic())
    world.until(lambda: world.looks)
    world.sampler.end()


def test_outside_of_the_main_thread_there_is_none():
    errors = []

    def make():
        try:
            Watched()
        except BellError as error:
            errors.append(str(error))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()

    assert errors == ["tests do not run in the main thread"]


# Python 3.12 and later warn of a fork in a process with threads; this runs with whatever Python runs the tests.
FORKS = """
import os, threading, time, warnings
from pytest_memguard.sampler import Look, Sampler

warnings.simplefilter("error")
looks = []
def look():
    looks.append(1)
    return Look(0.01)
sampler = Sampler(interval_s=3600.0, look=look, interrupt=lambda frame: None, on_fault=print)
for _ in range(20):
    sampler.begin(0.005, time.monotonic())
    seen = len(looks)
    while len(looks) < seen + 2:
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        time.sleep(0.02)
        os._exit(len(os.listdir("/proc/self/task")) - 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    sampler.end()
sampler.begin(0.005, time.monotonic())
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
seen = len(looks)
while len(looks) == seen:
    time.sleep(0.001)
sampler.close()
assert len(os.listdir("/proc/self/task")) == 1
print("forked", threading.active_count())
"""


def test_a_fork_meets_no_thread_and_the_sampler_goes_on_after_it():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(FORKS)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("forked 1\n", "")


def test_a_look_can_be_asked_for_in_a_test_only(watched):
    world = watched(acute=True)
    world.sampler.look_now()
    assert world.looks == []

    world.sampler.begin(LONG_S, time.monotonic())
    world.sampler.look_now()
    with pytest.raises(StoppedError):
        time.sleep(PATIENCE_S)
    world.sampler.end()
