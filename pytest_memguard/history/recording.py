"""One run written into a history, and what is too old taken out of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING

from pytest_memguard.history.revision import Revision
from pytest_memguard.history.values import EnvironmentKey, Figures
from pytest_memguard.model import Finding, MemoryRecord, RunReport

if TYPE_CHECKING:
    import sqlite3

__all__ = ["figures_of", "record"]

_BATCH = 1000
_LONGEST = 4000
_LONGEST_DETAIL = 300
_HIGHEST = 2**63 - 1

_FIGURES = """INSERT OR REPLACE INTO figures VALUES (
    ?, (SELECT id FROM nodes WHERE nodeid = ?), (SELECT id FROM words WHERE word = ?),
    (SELECT id FROM words WHERE word = ?), ?, ?, ?, ?, ?)"""
_NODE = """INSERT INTO nodes (nodeid, last_run) VALUES (?, ?)
    ON CONFLICT (nodeid) DO UPDATE SET last_run = excluded.last_run"""


def record(
    connection: sqlite3.Connection,
    report: RunReport,
    *,
    environment: EnvironmentKey,
    revision: Revision,
    keep: int,
) -> int:
    """Write the run of *report*, keep the last *keep* runs; gives the number of the run. In a transaction."""
    _forget(connection, keep - 1)
    number = _insert_run(connection, report, _environment(connection, environment), revision)
    tests = iter(report.tests)
    while batch := [figures_of(test) for test in islice(tests, _BATCH)]:
        _insert(connection, number, batch)
    connection.executemany(
        f"INSERT INTO findings VALUES ({', '.join('?' * 13)})",
        (_finding(number, place, finding) for place, finding in enumerate(report.leaks)),
    )
    return number


def figures_of(test: MemoryRecord) -> Figures:
    """What the history keeps of a test."""
    return Figures(
        nodeid=_text(test.nodeid),
        outcome=test.outcome,
        verdict=test.verdict,
        duration_s=test.duration_s,
        retained_bytes=test.retained_bytes,
        start_bytes=test.rss_before_bytes,
        end_bytes=test.rss_after_bytes,
        top_bytes=test.peak_rss_bytes,
    )


def _forget(connection: sqlite3.Connection, keep: int) -> None:
    """Take out all but the last *keep* runs; the room is used again."""
    newest = connection.execute("SELECT id FROM runs ORDER BY id DESC LIMIT 1 OFFSET ?", (keep,)).fetchone()
    if newest is None:
        return
    for table in ("figures", "findings"):
        connection.execute(f"DELETE FROM {table} WHERE run <= ?", newest)
    connection.execute("DELETE FROM runs WHERE id <= ?", newest)
    connection.execute("DELETE FROM nodes WHERE last_run <= ?", newest)
    connection.execute("DELETE FROM environments WHERE id NOT IN (SELECT environment FROM runs)")


def _environment(connection: sqlite3.Connection, key: EnvironmentKey) -> int:
    values = (key.python, key.platform, key.version, int(key.distributed))
    connection.execute(
        "INSERT OR IGNORE INTO environments (python, platform, version, distributed) VALUES (?, ?, ?, ?)", values
    )
    found: tuple[int] = connection.execute(
        "SELECT id FROM environments WHERE python = ? AND platform = ? AND version = ? AND distributed = ?", values
    ).fetchone()
    return found[0]


def _insert_run(connection: sqlite3.Connection, report: RunReport, environment: int, revision: Revision) -> int:
    session = report.session
    cursor = connection.execute(
        """INSERT INTO runs (started, duration_ms, commit_id, branch, environment, tests, exit_status,
            peak_rss_bytes, peak_nodeid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            _utc(session.started),
            _scaled(session.duration_s, 1e3),
            revision.commit,
            None if revision.branch is None else _text(revision.branch),
            environment,
            session.tests,
            session.exit_status,
            _whole(session.peak_rss_bytes),
            None if session.peak_nodeid is None else _text(session.peak_nodeid),
        ),
    )
    return int(cursor.lastrowid or 0)


def _insert(connection: sqlite3.Connection, number: int, tests: Sequence[Figures]) -> None:
    connection.executemany(_NODE, ((test.nodeid, number) for test in tests))
    words = {word for test in tests for word in (test.outcome, test.verdict)}
    connection.executemany("INSERT OR IGNORE INTO words (word) VALUES (?)", ((_text(word),) for word in sorted(words)))
    connection.executemany(_FIGURES, _rows(number, tests))


def _rows(number: int, tests: Iterable[Figures]) -> Iterator[tuple[object, ...]]:
    for test in tests:
        yield (
            number,
            test.nodeid,
            _text(test.outcome),
            _text(test.verdict),
            _scaled(test.duration_s, 1e6),
            _whole(test.retained_bytes),
            _whole(test.start_bytes),
            _whole(test.end_bytes),
            _whole(test.top_bytes),
        )


def _finding(number: int, place: int, finding: Finding) -> tuple[object, ...]:
    diagnosis = finding.diagnosis
    site = f"{diagnosis.sites[0].file}:{diagnosis.sites[0].line}" if diagnosis.sites else ""
    return (
        number,
        place,
        _text(finding.nodeid),
        _text(diagnosis.signature),
        finding.kind,
        finding.verdict,
        int(finding.gates),
        len(finding.witnesses),
        _whole(finding.bytes_per_run),
        _whole(finding.blocks_per_run),
        _whole(finding.count_per_run),
        _text(site)[:_LONGEST_DETAIL],
        _text(diagnosis.retainers[0].path if diagnosis.retainers else "")[:_LONGEST_DETAIL],
    )


def _text(text: str) -> str:
    """*text* as SQLite can hold it: without halves of characters, and of an id that is too long its digest."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    if len(text) <= _LONGEST:
        return text
    import hashlib  # noqa: PLC0415 - takes OpenSSL along, for ids that hardly anybody has

    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[:_LONGEST]}..{digest}"


def _whole(value: int | None) -> int | None:
    """A figure within what SQLite can hold."""
    return None if value is None else max(-_HIGHEST, min(value, _HIGHEST))


def _scaled(seconds: float | None, factor: float) -> int | None:
    return _whole(round(seconds * factor)) if seconds is not None and math.isfinite(seconds) else None


def _utc(started: str) -> str:
    """ISO 8601 with any zone as UTC, so that texts sort as times do; what is none is kept."""
    try:
        return datetime.fromisoformat(started).astimezone(timezone.utc).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return _text(started)[:_LONGEST_DETAIL]
