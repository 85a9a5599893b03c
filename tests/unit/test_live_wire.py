"""What is said on the socket of a live run, and what is refused there."""

from __future__ import annotations

import json

import pytest

from pytest_memguard.live import wire
from pytest_memguard.live.wire import Request, WireError


def line(**values):
    return json.dumps({"memguard": 1, "id": "a1", "ask": "memory", **values}).encode()


@pytest.mark.parametrize(
    "request_",
    [
        Request(id="a1", ask="memory", details=True),
        Request(id="b2", ask="cleanup", level="emergency"),
        Request(id="c3", ask="gc", cycles=wire.MOST_CYCLES),
        Request(id="d4", ask="protection", protects=False),
        Request(id="e5", ask="reset"),
    ],
)
def test_a_question_comes_as_it_was_asked(request_):
    sent = wire.encode_request(request_)

    assert wire.decode_request(sent) == request_
    assert sent.count(b"\n") == 1
    assert sent.endswith(b"\n")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "no line of JSON"),
        (b"\xff\xfe", "no line of JSON"),
        (b"[" * 1500, "no line of JSON"),
        (b"[1]", "no object"),
        (b" " * (wire.LONGEST_REQUEST + 1), "longer than"),
        (line(id=""), "needs an id"),
        (line(id="a" * 33), "needs an id"),
        (line(id="../x"), "needs an id"),
        (line(id=5), "needs an id"),
        (line(memguard=2), "speaks version 1"),
        (line(memguard="\x1b[2J"), "speaks version 1"),
        (line(ask="shell"), "unknown question"),
        (line(ask=["memory"]), "unknown question"),
        (line(ask="cleanup", level="total"), "cannot be"),
        (line(ask="cleanup", level=[]), "cannot be"),
        (line(ask="gc", cycles=0), "cannot be"),
        (line(ask="gc", cycles=True), "cannot be"),
        (line(ask="gc", cycles=10**9), "cannot be"),
        (line(ask="protection", protects="off"), "cannot be"),
        (line(details=1), "cannot be"),
    ],
)
def test_what_cannot_be_is_refused(sent, reason):
    with pytest.raises(WireError, match=reason):
        wire.decode_request(sent)


def test_a_refusal_knows_whose_question_it_was():
    with pytest.raises(WireError) as refusal:
        wire.decode_request(line(ask="shell"))

    assert refusal.value.id == "a1"


def test_an_answer_that_is_too_long_or_cannot_be_told_says_so():
    long = wire.decode_answer(wire.encode_answer({"id": "a1", "pid": 7, "result": [1] * wire.LONGEST_ANSWER}))
    ids = wire.decode_answer(wire.encode_answer({"id": "a1", "result": ["t.py::test[" + "x" * wire.LONGEST_ANSWER]}))
    odd = wire.decode_answer(wire.encode_answer({"id": "a1", "pid": 7, "result": object()}))

    assert long == {"memguard": 1, "id": "a1", "pid": 7, "error": "too much to tell"}
    assert ids["result"][0].startswith("t.py::test[xxx")
    assert ids["result"][0].endswith("x...")
    assert odd["error"].startswith("the answer cannot be told")


def test_an_answer_of_another_version_is_not_read():
    with pytest.raises(WireError, match="version '2'"):
        wire.decode_answer(b'{"memguard": 2}')
