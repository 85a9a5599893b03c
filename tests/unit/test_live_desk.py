"""Where questions are taken: what is answered at once, what waits, and what those get who ask without end."""

from __future__ import annotations

import json
from collections import deque

import pytest

from pytest_memguard.live import desk as desks
from pytest_memguard.live.desk import Desk, RefusedError
from pytest_memguard.live.door import Letter
from pytest_memguard.live.wire import Request, encode_request


class World:
    """A post of letters that nobody carries, and a clock that stands still unless it is moved."""

    def __init__(self, *, do=None):
        self.letters = deque()
        self.sent = []
        self.hushed = []
        self.done = []
        self.now = 0.0
        self._do = do
        self.desk = Desk(
            self, do=self.do, said={"pid": 7}, now=lambda: {"nodeid": "t.py::test"}, clock=lambda: self.now
        )

    def receive(self):
        return self.letters.popleft() if self.letters else None

    def answer(self, sender, line):
        self.sent.append((sender, json.loads(line)))
        return True

    def hush(self, quiet):
        self.hushed.append(quiet)

    def do(self, request):
        self.done.append(request.ask)
        return {"did": request.ask} if self._do is None else self._do(request)

    def ask(self, ask, sender="1-a.ask", **values):
        self.letters.append(Letter(encode_request(Request(id="a1", ask=ask, **values)), sender))

    @property
    def answers(self):
        return [answer for _, answer in self.sent]


@pytest.fixture
def world():
    return World()


def test_how_things_stand_is_told_in_the_middle_of_a_test(world):
    world.ask("memory")
    world.desk.visit()

    assert world.sent == [("1-a.ask", {"memguard": 1, "id": "a1", "pid": 7, "result": {"did": "memory"}})]


def test_a_command_waits_for_the_test_to_end_and_says_so(world):
    world.ask("cleanup")
    world.desk.visit()

    assert world.done == []
    assert world.answers[0]["waits"] is True
    assert world.answers[0]["nodeid"] == "t.py::test"
    assert world.desk.waiting == 1

    assert world.desk.between() is True
    assert world.answers[1]["result"] == {"did": "cleanup"}
    assert world.desk.between() is False


def test_between_tests_nobody_looks_more_often_than_worth_it(world):
    world.desk.between()
    assert not world.desk.is_due()

    world.now += 0.3
    assert world.desk.is_due()

    world.desk.between()
    world.desk.rung = True
    assert world.desk.is_due()


def test_refusals_and_failures_are_told_and_harm_nothing():
    def do(request):
        if request.ask == "memory":
            raise ValueError("broken")
        raise RefusedError("not now")

    world = World(do=do)
    world.ask("memory")
    world.ask("gc")
    world.desk.between()

    errors = [answer["error"] for answer in world.answers if "error" in answer]
    assert errors == ["it failed: ValueError: broken", "not now"]


def test_garbage_is_answered_with_why_and_what_has_no_sender_is_not(world):
    world.letters.extend([Letter(b"{]", "1-a.ask"), Letter(b"{]", ""), Letter(b"", "1-a.ask")])
    world.desk.visit()

    assert [answer["error"] for answer in world.answers] == ["no line of JSON"]


def test_no_more_commands_wait_than_may(world):
    for _ in range(desks.MOST_WAITING + 3):
        world.ask("cleanup")
    world.desk.visit()

    assert world.desk.waiting == desks.MOST_WAITING
    assert world.answers[-1]["error"].startswith(f"{desks.MOST_WAITING} commands are waiting")


def test_who_asks_without_end_gets_some_answers_and_then_so_many_a_second(world):
    for _ in range(1000):
        world.ask("memory")
    world.desk.visit()

    at_first = len(world.done)
    assert at_first < 100
    assert world.hushed == [True]  # the kernel rings no more

    world.desk.visit()
    assert len(world.done) == at_first

    world.now += 1.0
    world.desk.between()
    assert at_first < len(world.done) <= at_first + 21


def test_the_kernel_rings_again_when_it_is_quiet_again(world):
    for _ in range(100):
        world.ask("memory")
    world.desk.visit()
    world.letters.clear()
    world.now += 1.0
    world.desk.between()

    assert world.hushed == [True, False]


def test_who_comes_while_somebody_is_served_is_served_too():
    def do(request):
        if len(world.done) == 1:
            world.ask("memory")
            world.desk.visit()  # as a signal would, in the middle of it
        return {}

    world = World(do=do)
    world.ask("memory")
    world.desk.visit()

    assert world.done == ["memory", "memory"]


def test_at_the_end_those_who_wait_are_told(world):
    world.ask("gc")
    world.desk.visit()
    world.desk.end("the run is over")

    assert world.done == []
    assert world.answers[-1]["error"] == "the run is over"
