"""Logging, errors, contexts, exits."""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import logging
from unittest import mock

audit = logging.getLogger("hotel.audit")
LAST_ERRORS: list[BaseException] = []
trail: contextvars.ContextVar = contextvars.ContextVar("trail", default=None)
cleanup = contextlib.ExitStack()
gateway = mock.MagicMock(name="gateway")


class Record:
    def __init__(self, text: str) -> None:
        self.text = text


class Sink(logging.Handler):
    def emit(self, record) -> None:
        pass


def open_audit() -> None:
    audit.addHandler(Sink())  # leak: handler


class Only(logging.Filter):
    pass


def only_guest(name: str) -> None:
    audit.addFilter(Only(name))  # leak: filter


_count = iter(range(10**9))


def room_logger() -> logging.Logger:
    return logging.getLogger(f"hotel.room.{next(_count)}")  # leak: logger


def charge(card: str) -> None:
    record = Record(card)  # site: card
    try:
        raise ValueError(record.text)  # leak: exception
    except ValueError as error:
        LAST_ERRORS.append(error)


def enter(name: str) -> None:
    trail.set((Record(name), trail.get()))  # leak: context


def at_the_end(name: str) -> None:
    atexit.register(Record, Record(name))  # leak: atexit


def later(name: str) -> None:
    cleanup.callback(Record, Record(name))  # leak: exit-stack


def pay(amount: int) -> None:
    gateway.charge(Record(str(amount)))  # leak: mock
