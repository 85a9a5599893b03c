"""What is said on the socket of a live run: one line of JSON each way, with a version, and no longer than it may be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, get_args

from pytest_memguard.settings import CLEANUP_LEVELS, CleanupLevel
from pytest_memguard.values import dataclass

__all__ = [
    "ASKS",
    "AT_ONCE",
    "LONGEST_ANSWER",
    "LONGEST_REQUEST",
    "MOST_CYCLES",
    "VERSION",
    "Ask",
    "Request",
    "WireError",
    "decode_answer",
    "decode_request",
    "encode_answer",
    "encode_request",
]

VERSION = 1
LONGEST_REQUEST = 2048
#: The kernel takes about 200 KB as one datagram.
LONGEST_ANSWER = 128 << 10
MOST_CYCLES = 100

Ask = Literal["memory", "protection", "reset", "cleanup", "gc"]
ASKS: tuple[Ask, ...] = get_args(Ask)
#: What is answered in the middle of a test; the others change what a test works with, and wait for its end.
AT_ONCE: frozenset[Ask] = frozenset({"memory", "protection"})

_KEY = "memguard"
_LONGEST_ID = 32
_MOST_WORDS = 300
# Bound here: a test may replace what it likes in ``json``.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


class WireError(Exception):
    """What has come is not what may come; the message says why. ``id``: of the request, as far as it could be read."""

    def __init__(self, message: str, *, request_id: str = "") -> None:
        super().__init__(message)
        self.id = request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question. ``id`` comes back with every answer to it.

    ``details``: everything there is, for ``memory``. ``level``: of a ``cleanup``. ``cycles``: how often ``gc``
    collects. ``protects``: what to set for ``protection``; None only asks.
    """

    id: str
    ask: Ask
    details: bool = False
    level: CleanupLevel = "moderate"
    cycles: int = 1
    protects: bool | None = None


def encode_request(request: Request) -> bytes:
    """One line."""
    return f"{_encode({_KEY: VERSION, **asdict(request)})}\n".encode()


def decode_request(line: bytes) -> Request:
    """The inverse, for whatever has come; raises ``WireError``."""
    found = _object(line, longest=LONGEST_REQUEST)
    request_id = found.get("id")
    if type(request_id) is not str or not 0 < len(request_id) <= _LONGEST_ID or not request_id.isalnum():
        raise WireError("a question needs an id of letters and digits")
    if found.get(_KEY) != VERSION:
        raise WireError(
            f"this run speaks version {VERSION}, not {str(found.get(_KEY))[:20]!r}: use the memguard command of the "
            "environment that the tests run in",
            request_id=request_id,
        )
    if found.get("ask") not in ASKS:
        raise WireError(f"unknown question {str(found.get('ask'))[:40]!r}", request_id=request_id)
    values = {"level": "moderate", "cycles": 1, "details": False, "protects": None}
    values = {name: found.get(name, default) for name, default in values.items()}
    if (
        values["level"] not in CLEANUP_LEVELS
        or type(values["cycles"]) is not int
        or not 1 <= values["cycles"] <= MOST_CYCLES
        or type(values["details"]) is not bool
        or values["protects"] not in (None, True, False)
    ):
        raise WireError("a value of the question cannot be", request_id=request_id)
    return Request(id=request_id, ask=found["ask"], **values)  # type: ignore[arg-type]


def encode_answer(answer: Mapping[str, Any]) -> bytes:
    """One line. Of an answer that is too long the long texts are cut; one that cannot be told is replaced by why."""
    try:
        line = _encode({_KEY: VERSION, **answer})
        if len(line) >= LONGEST_ANSWER:  # node ids may be as long as what they are made of
            line = _encode({_KEY: VERSION, **_cut(answer)})
        wrong = "too much to tell" if len(line) >= LONGEST_ANSWER else None
    except (TypeError, ValueError, RecursionError) as error:
        line, wrong = "", f"the answer cannot be told: {error}"[:_MOST_WORDS]
    if wrong is not None:
        line = _encode({_KEY: VERSION, "id": answer.get("id"), "pid": answer.get("pid"), "error": wrong})
    return f"{line}\n".encode()


def decode_answer(line: bytes) -> dict[str, Any]:
    """The inverse, for whatever has come; raises ``WireError``."""
    found = _object(line, longest=LONGEST_ANSWER)
    if found.get(_KEY) != VERSION:
        raise WireError(f"it speaks version {str(found.get(_KEY))[:20]!r}, not {VERSION}")
    return found


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _MOST_WORDS else f"{value[:_MOST_WORDS]}..."
    if isinstance(value, Mapping):
        return {_cut(name): _cut(each) for name, each in value.items()}
    return [_cut(each) for each in value] if isinstance(value, (list, tuple)) else value


def _object(line: bytes, *, longest: int) -> dict[str, Any]:
    if len(line) > longest:
        raise WireError(f"longer than {longest} bytes")
    try:
        found = _decode(line.decode())
    except (ValueError, RecursionError) as error:
        raise WireError("no line of JSON") from error
    if type(found) is not dict:
        raise WireError("no object of JSON")
    return found
