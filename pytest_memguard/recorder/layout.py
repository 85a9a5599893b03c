"""How a recording lies in its file: a header, the tests that grew most, a ring of the last tests, and what came of it.

Every block has a checksum, and those of one test have its number: what a process was in the middle of writing when it
was killed is told from what it had written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from struct import Struct, error
from typing import Any, Final, NamedTuple
from zlib import crc32

__all__ = [
    "AFTERWARDS",
    "CHECKED",
    "ENDED",
    "ENDED_AT",
    "ENDED_END",
    "FIRST_MARK",
    "FIRST_TEST",
    "HEADER",
    "MAGIC",
    "MARKS",
    "OUTCOMES",
    "PHASES",
    "PHASE_AT",
    "SEEN",
    "SEEN_AT",
    "SEEN_END",
    "SIZE",
    "SLOT",
    "STAGES",
    "STAGE_AT",
    "STARTED",
    "TESTS",
    "Ended",
    "Seen",
    "Started",
    "name_bytes",
    "outcome_number",
    "packed_json",
    "read_ended",
    "read_json",
    "read_phase",
    "read_seen",
    "read_started",
]

MAGIC: Final = b"memguard flight recorder 1\0\0\0\0\0\n"
TESTS: Final = 128
MARKS: Final = 8
SLOT: Final = 512
_PAGE: Final = 4096

# Where the parts of the file are.
HEADER: Final = len(MAGIC)
STAGE_AT: Final = _PAGE - 1
FIRST_MARK: Final = _PAGE
FIRST_TEST: Final = FIRST_MARK + MARKS * SLOT
AFTERWARDS: Final = FIRST_TEST + TESTS * SLOT
SIZE: Final = AFTERWARDS + _PAGE
_JSON_ROOM: Final = STAGE_AT - HEADER

# Where the parts of one test are.
ENDED_AT: Final = 424
SEEN_AT: Final = 464
PHASE_AT: Final = 504
_NAME_ROOM: Final = 384

STAGES: Final = ("collecting", "running", "checking", "reporting", "ended")
PHASES: Final = ("setup", "call", "teardown")
OUTCOMES: Final = ("passed", "failed", "skipped", "error", "xfailed", "xpassed")

CHECKED: Final = Struct("<I")
_LENGTH = Struct("<I")
STARTED: Final = Struct("<QdqIHBB")  # number, seconds, resident bytes, runs, length of the name, pass, shortened
ENDED: Final = Struct("<QdqqB")  # number, seconds, resident bytes, their peak, outcome
SEEN: Final = Struct("<Qdqq")  # number, seconds, resident bytes, the most of them
ENDED_END: Final = ENDED_AT + CHECKED.size + ENDED.size
SEEN_END: Final = SEEN_AT + CHECKED.size + SEEN.size
_OTHER_OUTCOME = 255
_LEFT_OUT = b"..."


class Started(NamedTuple):
    """That a test began: its number, seconds since the recording began, resident bytes, and which run of it this is.

    ``rss`` is what was resident before the first of ``runs`` runs in a row.
    """

    number: int
    at_s: float
    rss: int | None
    runs: int
    pass_number: int
    nodeid: str
    shortened: bool


class Ended(NamedTuple):
    """That it ended: resident bytes, their peak while it ran, and how it ended."""

    number: int
    at_s: float
    rss: int | None
    peak: int | None
    outcome: str | None


class Seen(NamedTuple):
    """A look while it ran: resident bytes then, and the most of all looks."""

    number: int
    at_s: float
    rss: int
    highest: int


def _whole(body: bytes) -> bytes:
    """*body* behind its checksum."""
    return CHECKED.pack(crc32(body)) + body


def name_bytes(nodeid: str) -> tuple[bytes, bool]:
    """The node id as it is kept, and whether its middle is left out; whatever the text holds."""
    if len(nodeid) <= _NAME_ROOM:
        name = nodeid.encode("utf-8", "backslashreplace")
        if len(name) <= _NAME_ROOM:
            return name, False
    head = _NAME_ROOM // 3
    first = nodeid[:head].encode("utf-8", "backslashreplace")[:head]
    tail = _NAME_ROOM - len(first) - len(_LEFT_OUT)
    return first + _LEFT_OUT + nodeid[-tail:].encode("utf-8", "backslashreplace")[-tail:], True


def read_started(slot: bytes) -> Started | None:
    """The beginning of a test, ``None`` where there is none that was written whole."""
    fields = slot[CHECKED.size : CHECKED.size + STARTED.size]
    number, at_s, rss, runs, length, pass_number, shortened = STARTED.unpack(fields)
    end = CHECKED.size + STARTED.size + length
    if not number or length > _NAME_ROOM or not _is_whole(slot[:end]):
        return None
    # A character that was cut in two is left out.
    nodeid = slot[end - length : end].decode("utf-8", "ignore")
    return Started(number, at_s, _known(rss), runs, pass_number, nodeid, bool(shortened))


def read_ended(slot: bytes, number: int) -> Ended | None:
    """The end of the test with that number, ``None`` where it was not written, or not whole."""
    raw = slot[ENDED_AT:ENDED_END]
    found, at_s, rss, peak, outcome = ENDED.unpack(raw[CHECKED.size :])
    if found != number or not _is_whole(raw):
        return None
    return Ended(number, at_s, _known(rss), _known(peak), OUTCOMES[outcome] if outcome < len(OUTCOMES) else None)


def read_seen(slot: bytes, number: int) -> Seen | None:
    """The last look at the test with that number."""
    raw = slot[SEEN_AT:SEEN_END]
    found, at_s, rss, highest = SEEN.unpack(raw[CHECKED.size :])
    return Seen(number, at_s, rss, highest) if found == number and _is_whole(raw) else None


def read_phase(slot: bytes, number: int) -> str:
    """The phase that the test with that number was in; a test begins with its setup.

    The byte has the lowest bits of the number above the phase: that of the test before it is none of its own.
    """
    phase, of = slot[PHASE_AT] & 3, slot[PHASE_AT] >> 2
    return PHASES[phase] if of == number & 63 and phase < len(PHASES) else PHASES[0]


def outcome_number(outcome: str) -> int:
    """The index of an outcome, or that of none."""
    return _OUTCOME_NUMBERS.get(outcome, _OTHER_OUTCOME)


def packed_json(values: Mapping[str, Any]) -> bytes:
    """*values* with length and checksum. Raises ``ValueError`` where they are too much for a page."""
    text = json.dumps(values, separators=(",", ":")).encode()
    if len(text) > _JSON_ROOM - _LENGTH.size - CHECKED.size:
        raise ValueError(f"{len(text)} bytes do not fit a page")
    return _whole(_LENGTH.pack(len(text)) + text)


def read_json(data: bytes, start: int) -> dict[str, Any] | None:
    """What was packed there, ``None`` where nothing whole is."""
    try:
        (length,) = _LENGTH.unpack_from(data, start + CHECKED.size)
        if length > _JSON_ROOM:
            return None
        raw = data[start : start + CHECKED.size + _LENGTH.size + length]
        if not _is_whole(raw):
            return None
        values = json.loads(raw[CHECKED.size + _LENGTH.size :])
    except (error, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _is_whole(raw: bytes) -> bool:
    (expected,) = CHECKED.unpack_from(raw)
    return bool(expected == crc32(raw[CHECKED.size :]))


def _known(value: int) -> int | None:
    return value if value >= 0 else None


_OUTCOME_NUMBERS: Final = {outcome: number for number, outcome in enumerate(OUTCOMES)}
