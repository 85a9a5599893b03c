from __future__ import annotations

import random
import uuid

import pytest
from app import messages


class Greeting:
    name: str
    times: int


def test_send():
    assert messages.send("hello") == 5


def test_send_twice():
    assert messages.send("hello") + messages.send("you") == 8


def test_send_and_purge():
    assert messages.send_and_purge("hello") == 5


def test_describe_a_local_message():
    class Farewell:
        reason: str

    assert messages.describe(Farewell) == ["reason"]


def test_describe_a_fixed_message():
    assert messages.describe(Greeting) == ["name", "times"]


def test_answer_to_a_new_question():
    question = uuid.uuid4().hex
    assert messages.answer(question) == question[::-1]


@pytest.mark.parametrize("times", [1, 7])
def test_expensive(times):
    for _ in range(times):
        number = random.random()
        assert messages.expensive(number) == number * number
