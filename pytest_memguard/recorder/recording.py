"""A recording read back, whatever the file holds."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from pytest_memguard.errors import MemguardError, shown
from pytest_memguard.recorder.layout import (
    AFTERWARDS,
    FIRST_MARK,
    FIRST_TEST,
    HEADER,
    MAGIC,
    MARKS,
    PHASES,
    SIZE,
    SLOT,
    STAGE_AT,
    STAGES,
    TESTS,
    read_ended,
    read_json,
    read_phase,
    read_seen,
    read_started,
)
from pytest_memguard.recorder.processes import ProcessIdentity
from pytest_memguard.values import dataclass

__all__ = ["RecordedTest", "Recording", "UnreadableRecordingError", "read_recording"]

_LONGEST = 1_000
_REMEDY = "give a file or folder that the flight recorder of `pytest --memguard` has written"


class UnreadableRecordingError(MemguardError):
    """A file that is no recording, or none that this version can read."""

    slug = "recording-unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTest:
    """One test, or ``runs`` repetitions of it in a row. Sizes in bytes, ``at_s`` seconds since the recording began.

    ``rss_after`` is the last that is known of it: at its end, or at the last look while it ran. ``peak`` likewise.
    """

    number: int
    nodeid: str
    shortened: bool
    pass_number: int
    runs: int
    phase: str | None
    started_s: float
    at_s: float
    rss_before: int | None
    rss_after: int | None
    peak: int | None
    outcome: str | None
    is_running: bool

    @property
    def growth(self) -> int | None:
        """Bytes by which the resident memory of the process had grown."""
        if self.rss_before is None or self.rss_after is None:
            return None
        return self.rss_after - self.rss_before

    def to_json(self) -> dict[str, Any]:
        """Exact builtins."""
        return {
            "nodeid": self.nodeid,
            "nodeid_shortened": self.shortened,
            "pass": self.pass_number,
            "runs": self.runs,
            "phase": self.phase,
            "running": self.is_running,
            "outcome": self.outcome,
            "started_s": round(self.started_s, 6),
            "last_s": round(self.at_s, 6),
            "rss_before_bytes": self.rss_before,
            "rss_last_bytes": self.rss_after,
            "peak_rss_bytes": self.peak,
            "growth_bytes": self.growth,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """All that a file says. ``tests`` are the last ones, oldest first; ``grown`` those that had grown most until then.

    ``started`` is seconds since the epoch, ``afterwards`` what was found out when the process had ended.
    """

    path: str
    process: ProcessIdentity
    run: str
    worker: str
    role: str
    rootdir: str
    started: float
    python: str
    version: str
    limit_bytes: int | None
    limit_source: str | None
    kills: Mapping[str, Any]
    stage: str
    tests: tuple[RecordedTest, ...]
    grown: tuple[RecordedTest, ...]
    afterwards: Mapping[str, Any]

    @property
    def has_ended(self) -> bool:
        """Whether the process ended in good order."""
        return self.stage == "ended"


def read_recording(path: str, *, whole: bool = True) -> Recording:
    """Read *path*, without its tests unless the *whole* is wanted; raises ``UnreadableRecordingError``."""
    data = _content(path)
    header = read_json(data, HEADER)
    if not data.startswith(MAGIC) or header is None:
        raise _unreadable(path, "it is not a recording, or one of a version that is not known here")
    return Recording(
        path=path,
        process=ProcessIdentity.from_json(header),
        run=_text(header, "run"),
        worker=_text(header, "worker") or "main",
        role=_text(header, "role") or "main",
        rootdir=_text(header, "rootdir"),
        started=_seconds(header, "started"),
        python=_text(header, "python"),
        version=_text(header, "version"),
        limit_bytes=_size(header, "limit_bytes"),
        limit_source=_text(header, "limit_source") or None,
        kills=_mapping(header, "kills"),
        stage=STAGES[data[STAGE_AT]] if data[STAGE_AT] < len(STAGES) else STAGES[0],
        tests=_tests(data, FIRST_TEST, TESTS) if whole else (),
        grown=tuple(test for test in _tests(data, FIRST_MARK, MARKS) if not test.is_running) if whole else (),
        afterwards=read_json(data, AFTERWARDS) or {},
    )


def _content(path: str) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
        try:
            found = os.fstat(descriptor)
            is_one = stat.S_ISREG(found.st_mode) and found.st_size == SIZE
            content = os.read(descriptor, SIZE) if is_one else b""
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(path, reason[:1].lower() + reason[1:]) from None
    if len(content) != SIZE:
        raise _unreadable(path, "it is not a recording")
    return content


def _unreadable(path: str, reason: str) -> UnreadableRecordingError:
    return UnreadableRecordingError(f"cannot read the recording {shown(path)}: {reason}", remedy=_REMEDY)


def _tests(data: bytes, start: int, count: int) -> tuple[RecordedTest, ...]:
    slots = (data[at : at + SLOT] for at in range(start, start + count * SLOT, SLOT))
    found = [test for test in map(_test, slots) if test is not None]
    return tuple(sorted(found, key=lambda test: test.number))


def _test(slot: bytes) -> RecordedTest | None:
    started = read_started(slot)
    if started is None:
        return None
    ended = read_ended(slot, started.number)
    seen = read_seen(slot, started.number) if ended is None else None
    # A repetition that runs has what the one before it has left.
    before = read_ended(slot, started.number - 1) if ended is None and started.runs > 1 else None
    last = ended or seen or before
    peak = seen.highest if seen is not None else None if last is None else getattr(last, "peak", None)
    return RecordedTest(
        number=started.number,
        nodeid=started.nodeid,
        shortened=started.shortened,
        pass_number=started.pass_number if started.pass_number in (1, 2) else 1,
        runs=started.runs,
        phase=_phase(slot, started.number) if started.pass_number == 1 and ended is None else None,
        started_s=started.at_s,
        at_s=started.at_s if last is None else max(last.at_s, started.at_s),
        rss_before=started.rss,
        rss_after=None if last is None else last.rss,
        peak=peak,
        outcome=None if ended is None else ended.outcome,
        is_running=ended is None,
    )


def _phase(slot: bytes, number: int) -> str:
    phase = read_phase(slot, number)
    return phase if phase in PHASES else PHASES[0]


def _text(data: Mapping[str, Any], key: str) -> str:
    found = data.get(key)
    return found[:_LONGEST] if isinstance(found, str) else ""


def _seconds(data: Mapping[str, Any], key: str) -> float:
    found = data.get(key)
    return float(found) if isinstance(found, (int, float)) and 0 <= found < 1e11 else 0.0  # noqa: PLR2004


def _size(data: Mapping[str, Any], key: str) -> int | None:
    found = data.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}
