"""How a recording lies in its file: a header, the tests that grew most, a ring of the last tests, and what came of it.

The number of its test begins and ends each block of one, written in that order, and pages of JSON have a checksum: what
a process was in the middle of writing when it was killed is told from what it had written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from struct import Struct, error
from typing import Any, Final, NamedTuple
from zlib import crc32

__all__ = [
    "AFTERWARDS",
    "ENDED",
    "ENDED_AT",
    "FIRST_MARK",
    "FIRST_TEST",
    "HEADER",
    "MAGIC",
    "MARKS",
    "NAME_ROOM",
    "OTHER_OUTCOME",
    "OUTCOMES",
    "OUTCOME_NUMBERS",
    "PHASES",
    "PHASE_AT",
    "SEEN",
    "SEEN_AT",
    "SIZE",
    "SLOT",
    "STAGES",
    "STAGE_AT",
    "STARTED",
    "TESTS",
    "Ended",
    "Seen",
    "Started",
    "packed_json",
    "read_ended",
    "read_json",
    "read_phase",
    "read_seen",
    "read_started",
    "shortened",
]

MAGIC: Final = b"memguard flight recorder 2\0\0\0\0\0\n"
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
ENDED_AT: Final = 416
SEEN_AT: Final = 464
PHASE_AT: Final = 504
NAME_ROOM: Final = 376

STAGES: Final = ("collecting", "running", "checking", "reporting", "ended")
PHASES: Final = ("setup", "call", "teardown")
OUTCOMES: Final = ("passed", "failed", "skipped", "error", "xfailed", "xpassed")

_CHECKED = Struct("<I")
_LENGTH = Struct("<I")
# Number, seconds, resident bytes, runs, length of the name, pass, whether that is shortened, the name, number.
STARTED: Final = Struct(f"<QdqIHBB{NAME_ROOM}sQ")
ENDED: Final = Struct("<QdqqBQ")  # number, seconds, resident bytes, their peak, outcome, number
SEEN: Final = Struct("<QdqqQ")  # number, seconds, resident bytes, the most of them, number
OTHER_OUTCOME: Final = 255
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


def shortened(nodeid: str) -> bytes:
    """A node id that has no room, as it is kept: without its middle, whatever the text holds."""
    head = NAME_ROOM // 3
    first = nodeid[:head].encode("utf-8", "backslashreplace")[:head]
    tail = NAME_ROOM - len(first) - len(_LEFT_OUT)
    return first + _LEFT_OUT + nodeid[-tail:].encode("utf-8", "backslashreplace")[-tail:]


def read_started(slot: bytes) -> Started | None:
    """The beginning of a test, ``None`` where there is none that was written whole."""
    number, at_s, rss, runs, length, pass_number, is_shortened, name, again = STARTED.unpack_from(slot)
    if not number or number != again or length > NAME_ROOM:
        return None
    nodeid = name[:length].decode("utf-8", "ignore")  # a character that was cut in two is left out
    return Started(number, at_s, _known(rss), runs, pass_number, nodeid, bool(is_shortened))


def read_ended(slot: bytes, number: int) -> Ended | None:
    """The end of the test with that number, ``None`` where it was not written, or not whole."""
    first, at_s, rss, peak, outcome, last = ENDED.unpack_from(slot, ENDED_AT)
    if not first == last == number:
        return None
    return Ended(number, at_s, _known(rss), _known(peak), OUTCOMES[outcome] if outcome < len(OUTCOMES) else None)


def read_seen(slot: bytes, number: int) -> Seen | None:
    """The last look at the test with that number."""
    first, at_s, rss, highest, last = SEEN.unpack_from(slot, SEEN_AT)
    return Seen(number, at_s, rss, highest) if first == last == number else None


def read_phase(slot: bytes, number: int) -> str:
    """The phase that the test with that number was in; a test begins with its setup.

    The byte has the lowest bits of the number above the phase: that of the test before it is none of its own.
    """
    phase, of = slot[PHASE_AT] & 3, slot[PHASE_AT] >> 2
    return PHASES[phase] if of == number & 63 and phase < len(PHASES) else PHASES[0]


def packed_json(values: Mapping[str, Any]) -> bytes:
    """*values* with length and checksum. Raises ``ValueError`` where they are too much for a page."""
    text = json.dumps(values, separators=(",", ":")).encode()
    if len(text) > _JSON_ROOM - _LENGTH.size - _CHECKED.size:
        raise ValueError(f"{len(text)} bytes do not fit a page")
    body = _LENGTH.pack(len(text)) + text
    return _CHECKED.pack(crc32(body)) + body


def read_json(data: bytes, start: int) -> dict[str, Any] | None:
    """What was packed there, ``None`` where nothing whole is."""
    try:
        (length,) = _LENGTH.unpack_from(data, start + _CHECKED.size)
        if length > _JSON_ROOM:
            return None
        raw = data[start : start + _CHECKED.size + _LENGTH.size + length]
        if not _is_whole(raw):
            return None
        values = json.loads(raw[_CHECKED.size + _LENGTH.size :])
    except (error, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _is_whole(raw: bytes) -> bool:
    (expected,) = _CHECKED.unpack_from(raw)
    return bool(expected == crc32(raw[_CHECKED.size :]))


def _known(value: int) -> int | None:
    return value if value >= 0 else None


OUTCOME_NUMBERS: Final = {outcome: number for number, outcome in enumerate(OUTCOMES)}
