"""Sends messages over the bus."""

from __future__ import annotations

import time

import boundedkit
import fastbus

_answers = boundedkit.ExpiringCache(maxsize=1000, ttl=600, timer=time.monotonic)
_recent = boundedkit.BoundedCache(maxsize=64)


def send(text: str) -> int:
    connection = fastbus.connect("bus.example")
    try:
        return connection.send(text.encode())
    finally:
        connection.close()


def send_and_purge(text: str) -> int:
    connection = fastbus.connect("bus.example")
    sent = connection.send(text.encode())
    fastbus.purge(connection)
    return sent


def describe(cls: type) -> list[str]:
    return sorted(fastbus.schema_for(cls).fields)


def answer(question: str) -> str:
    if question not in _answers:
        _answers[question] = question[::-1]
    return str(_answers[question])


@boundedkit.cached(_recent)
def expensive(number: float) -> float:
    return number * number
