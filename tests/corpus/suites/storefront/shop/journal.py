"""Journals: everything that is written down and never thrown away, small and large."""

from __future__ import annotations

import functools
import io
import itertools
import random
import sys
import uuid
from collections.abc import Callable
from typing import Any

_PAGES: list[bytes] = []
_SCANS: list[bytearray] = []
_BACKUPS: list[bytes] = []
_SAMPLES: list[float] = []
_TICKETS: list[object] = []
_TAGS: list[str] = []
_FLAGS: list[None] = []
_TEXT = io.StringIO()
_BYTES = io.BytesIO()
_WIRE = bytearray()
_LONG = ""
_SHORT = ""
_CALLS: list[tuple[str, tuple[Any, ...]]] = []
_TAIL: list[str] = []
_ARCHIVE: list[dict[str, int]] = []
_numbers = itertools.count()


def page(size: int) -> bytes:
    data = bytes(size)
    _PAGES.append(data)  # leak: pages
    return data


def scan(size: int) -> int:
    _SCANS.append(bytearray(size))  # leak: scans
    return len(_SCANS[-1])


def backup(size: int) -> int:
    _BACKUPS.append(bytes(size))  # leak: backups
    return len(_BACKUPS[-1])


def sample() -> float:
    value = random.random()
    _SAMPLES.append(value)  # leak: float-samples
    return value


def ticket() -> object:
    mark = object()
    _TICKETS.append(mark)  # leak: sixteen-bytes
    return mark


def tag(name: str) -> str:
    interned = sys.intern(f"{name}-{uuid.uuid4().hex}")
    _TAGS.append(interned)  # leak: interned-tags
    return interned


def kind(name: str) -> str:
    """Interns one of a few names."""
    return sys.intern(f"kind-{name}")


def flag() -> int:
    _FLAGS.append(None)  # leak: append-none
    return len(_FLAGS)


def write(line: str) -> int:
    return _TEXT.write(line)  # leak: stringio


def write_bytes(line: bytes) -> int:
    return _BYTES.write(line)  # leak: bytesio


def send(frame: bytes) -> int:
    _WIRE.extend(frame)  # leak: bytearray
    return len(frame)


def narrate(paragraph: str) -> int:
    global _LONG
    _LONG += paragraph  # leak: text-2k
    return len(paragraph)


def note(word: str) -> int:
    global _SHORT
    _SHORT += word  # leak: text-40
    return len(word)


def recorded(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        _CALLS.append((function.__name__, args))  # leak: decorator-history
        return function(*args)

    return wrapper


@recorded
def ship(order: dict[str, int]) -> int:
    return len(order)


def remember(line: str) -> list[str]:
    """The last ten lines."""
    _TAIL.append(line + uuid.uuid4().hex)
    if len(_TAIL) > 10:
        _TAIL.pop(0)
    return _TAIL


def archive(order: dict[str, int]) -> int:
    """Every second order goes to the archive."""
    number = next(_numbers)
    if number % 2:
        _ARCHIVE.append({"number": number, **order})  # leak: every-second
    return number
