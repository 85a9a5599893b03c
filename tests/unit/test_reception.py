"""Who answers for a session: what is done for whom in which phase of it, with a session that does not exist."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

import pytest

from pytest_memguard.core import CoreManager
from pytest_memguard.guard import Guard
from pytest_memguard.live.door import Letter
from pytest_memguard.live.folder import Folder
from pytest_memguard.live.runs import Entry
from pytest_memguard.live.standing import Standing
from pytest_memguard.live.wire import Request, encode_request
from pytest_memguard.pressure import Observation, PressureMonitor
from pytest_memguard.probes.limits import Usage
from pytest_memguard.reception import Reception
from pytest_memguard.settings import Settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="live runs have a socket on Linux only")


class FakeDoor:
    """Letters by hand."""

    def __init__(self):
        self.letters = []
        self.answers = []
        self.broken = False
        self.closed = False

    def receive(self):
        if self.broken:
            raise OSError("broken")
        return self.letters.pop(0) if self.letters else None

    def answer(self, sender, line):
        self.answers.append(json.loads(line))
        return True

    def hush(self, quiet):
        pass

    def close(self):
        self.closed = True


class FakeProtection:
    """A real core over readings that are always the same."""

    def __init__(self, guard):
        self.running = self.at_work = False
        self.began_s = guard.clock()
        self.nodeid = "t.py::test"
        self.usages = (Usage("memory.limit", 1000, 500, "process"),)
        self.looks = 0
        self.is_coming = False
        self.core = CoreManager(
            guard.settings,
            monitor=PressureMonitor(guard.settings, start_s=guard.start_s),
            observe=lambda _fresh: Observation(guard.clock(), self.usages, rss=500),
            cleaner=None,
            components=None,
            collect=lambda: None,
            on_event=lambda _event: None,
            on_cleanup=lambda _result: None,
            culprit=lambda _nodeid: "",
        )
        self.core.boundary(None)

    def come_soon(self):
        self.is_coming = True

    def look(self):
        self.looks += 1

    def collections(self):
        return None

    def strategies(self):
        return ()


class World:
    def __init__(self, tmp_path):
        self.guard = Guard(Settings(), version="0", rootdir="/")
        self.protection = FakeProtection(self.guard)
        self.door = FakeDoor()
        folder = Folder(str(tmp_path), uid=os.geteuid())
        entry = Entry(
            pid=os.getpid(),
            run="r",
            controller=1,
            worker="main",
            directory="/",
            started=self.guard.started,
            version="0",
        )
        self.reception = Reception(self.guard, self.protection, folder=folder, door=self.door, entry=entry, total=3)

    def ask(self, ask, **values):
        self.door.letters.append(Letter(encode_request(Request(id="a1", ask=ask, **values)), "1-a.ask"))

    @property
    def last(self):
        return self.door.answers[-1]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.reception.close()
    made.guard.close()


def test_everything_that_is_sent_can_be_read(world):
    world.ask("memory", details=True)
    world.reception.visit()

    standing = Standing.from_json(world.last["result"]["standing"])
    assert (standing.usage_bytes, standing.limit_bytes, standing.share) == (500, 1000, 0.5)
    assert standing.limits[0].source == "memory.limit"
    assert standing.total == 3
    assert world.protection.looks == 1


def test_while_a_boundary_is_read_a_ring_is_only_noted(world):
    world.protection.at_work = True
    world.ask("memory")
    world.reception.visit()
    assert world.door.answers == []
    assert world.protection.is_coming

    world.protection.at_work = False
    world.reception.between()
    assert "result" in world.last


def test_the_protection_is_switched_at_once_and_the_report_says_so(world):
    world.protection.running = True
    world.ask("protection", protects=False)
    world.reception.visit()

    assert world.protection.core.protects is False
    assert world.last["result"]["before"] is True
    assert world.guard.warnings == ["somebody has turned the shutdown protection off while the tests ran"]


def test_a_reset_forgets_readings(world):
    world.ask("reset")
    world.reception.between()

    assert len(world.last["result"]["before"]["history"]) == 1
    assert world.last["result"]["standing"]["history"] == []


def test_garbage_is_collected_as_often_as_asked(world):
    world.ask("gc", cycles=2)
    world.reception.between()

    assert [set(cycle) for cycle in world.last["result"]["cycles"]] == [{"objects", "duration_s"}] * 2


def test_where_nothing_can_be_cleaned_that_is_said(world):
    world.ask("cleanup")
    world.reception.between()

    assert world.last["error"] == "nothing can be cleaned up in this run"


def test_while_tests_are_repeated_nothing_is_changed_and_questions_are_answered_between_two(world):
    shown = []
    world.ask("gc")
    world.reception.visit()
    checked = world.reception.followed(shown.append, 3)
    assert "would falsify" in world.last["error"]

    world.ask("cleanup")
    world.reception.visit()  # in the middle of a repetition
    world.ask("memory")
    before = len(world.door.answers)
    checked(2)

    refusals = [answer.get("error") for answer in world.door.answers[before:]]
    assert any(text is not None and "which a cleanup would falsify" in text for text in refusals)
    told = [answer["result"] for answer in world.door.answers[before:] if "result" in answer]
    assert (told[0]["standing"]["checked"], told[0]["standing"]["to_check"], shown) == (2, 3, [2])


def test_a_fault_of_ours_is_told_once_and_reaches_no_test(world):
    world.door.broken = True
    world.reception.visit()
    world.reception.visit()

    assert world.guard.errors == ["answering from outside: OSError: broken"]


def test_what_a_handler_of_the_users_raises_meets_no_except_of_ours(world):
    class LateError(Exception):
        pass

    def late(*_):
        raise LateError

    def receive():
        signal.raise_signal(signal.SIGALRM)

    world.door.receive = receive
    before = signal.signal(signal.SIGALRM, late)
    try:
        with pytest.raises(LateError):
            world.reception.visit()
    finally:
        signal.signal(signal.SIGALRM, before)

    assert world.guard.errors == []


def test_a_handler_that_is_due_when_signals_are_held_back_leaves_them_as_they_were(world):
    class LateError(Exception):
        pass

    set_mask = world.reception._mask

    def mask(how, signals):
        found = set_mask(how, signals)
        if how == signal.SIG_BLOCK and signals:
            raise LateError
        return found

    world.reception._mask = mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(LateError):
        world.reception.visit()
    after = signal.pthread_sigmask(signal.SIG_SETMASK, before)

    assert after == before


def test_the_signal_is_taken_given_back_and_taken_again_where_a_test_has_reset_it(world):
    world.door.ring = lambda number, thread: rung.append((number, thread))
    rung = []
    before = signal.getsignal(signal.SIGWINCH)
    world.reception.listen()
    world.ask("memory")
    signal.raise_signal(signal.SIGWINCH)
    assert "result" in world.last

    signal.signal(signal.SIGWINCH, signal.SIG_DFL)
    world.ask("memory")
    signal.raise_signal(signal.SIGWINCH)
    assert len(world.door.answers) == 1
    world.reception.between()
    world.ask("memory")
    signal.raise_signal(signal.SIGWINCH)
    assert len(world.door.answers) == 3

    world.reception.close()
    assert signal.getsignal(signal.SIGWINCH) == before
    assert rung == [(signal.SIGWINCH, threading.get_native_id())]


def test_a_signal_that_is_in_use_is_left_alone(world):
    def handler(*_):
        pass

    before = signal.signal(signal.SIGWINCH, handler)
    try:
        world.reception.listen()
        world.ask("memory")
        world.reception.between()

        assert signal.getsignal(signal.SIGWINCH) is handler
        assert "result" in world.last
    finally:
        signal.signal(signal.SIGWINCH, before)
