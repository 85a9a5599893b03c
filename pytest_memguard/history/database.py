"""The file of a history: opened, brought to the present schema, or set aside where it is damaged.

The only user of SQLite, which is loaded when a file is opened and not before. A file that is no history is never
touched; one that is damaged is renamed, never deleted.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from pytest_memguard.history.header import (
    DamagedError,
    EmptyError,
    HistoryError,
    Identity,
    identity_of,
    is_cut,
    named,
    refuse_foreign,
)
from pytest_memguard.history.schema import APPLICATION_ID, STEPS, Step
from pytest_memguard.values import dataclass

if TYPE_CHECKING:
    import sqlite3

if sys.platform != "win32":
    import fcntl

__all__ = ["Patience", "readable", "set_aside", "transaction"]

T = TypeVar("T")

_DAMAGE = (11, 26)  # SQLITE_CORRUPT, SQLITE_NOTADB
_BUSY = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for other runs that write, in seconds, and by which clock."""

    seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def transaction(
    path: str,
    action: Callable[[sqlite3.Connection], T],
    *,
    patience: Patience | None = None,
    steps: Sequence[Step] = STEPS,
) -> T:
    """Do *action* in one transaction on the history *path*, made where there is none: all of it is written, or nothing.

    Waits for other writers. Raises ``DamagedError``, or ``HistoryError`` for everything else that is in the way.
    """
    patience = patience or Patience()
    until = patience.clock() + patience.seconds
    sqlite = _sqlite()
    while True:
        refuse_foreign(path)
        identity = identity_of(path)
        try:
            return _attempt(path, action, max(until - patience.clock(), 0.0), steps)
        except sqlite.Error as error:
            # SQLite itself waits for a lock, but not in every case: of two that make the file, one is told at once.
            if not (_is(error, _BUSY, "locked") and patience.clock() < until):
                raise _refusal(path, error, identity) from error
            patience.sleep(_PAUSE_S)


@contextlib.contextmanager
def readable(path: str, *, steps: Sequence[Step] = STEPS) -> Iterator[sqlite3.Connection]:
    """The history *path*, to be read only; raises ``HistoryError``. Works where nothing may be written, too."""
    if not os.path.exists(path):
        raise HistoryError(
            f"there is no history {named(path)}", remedy=f"begin it with pytest --memguard --memguard-history={path}"
        )
    refuse_foreign(path)
    identity = identity_of(path)
    sqlite = _sqlite()
    connection: sqlite3.Connection | None = None
    try:
        if is_cut(path):
            raise sqlite.DatabaseError("it is cut off: malformed")
        connection = _connection_to_read(path)
        version = _known_version(path, connection, steps)
        if version == 0:
            raise EmptyError(f"history {named(path)} has no run yet", remedy="run pytest with it")
        if version < len(steps):
            connection.close()
            transaction(path, lambda _connection: None, steps=steps)
            connection = _connection_to_read(path)
        yield connection
    except sqlite.Error as error:
        raise _refusal(path, error, identity) from error
    finally:
        if connection is not None:
            connection.close()


def set_aside(path: str, identity: Identity | None, *, stamp: str) -> str | None:
    """Rename the damaged history that had *identity*, with what SQLite keeps beside it; gives the new path.

    None where another run has done it: several may find the damage at once, and all but the first must not rename the
    new file. Whoever holds the lock on the old file moves it.
    """
    path = os.path.realpath(path)
    with open(path, "rb") as stream:
        if sys.platform != "win32":
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX)
        if identity is None or identity_of(path) != identity or identity_of(stream.fileno()) != identity:
            return None
        aside = _free_name(f"{path}.damaged-{stamp}")
        # First what belongs to it: a new file must not meet the journal of the old one.
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                os.rename(path + suffix, aside + suffix)
        return aside


def _sqlite() -> Any:
    import sqlite3  # noqa: PLC0415 - nobody pays for it without a history

    return sqlite3


def _attempt(path: str, action: Callable[[sqlite3.Connection], T], wait_s: float, steps: Sequence[Step]) -> T:
    sqlite = _sqlite()
    if is_cut(path):
        raise sqlite.DatabaseError("it is cut off: malformed")
    connection: sqlite3.Connection = sqlite.connect(path, timeout=wait_s, isolation_level=None)
    try:
        _known_version(path, connection, steps)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            _migrate(connection, _known_version(path, connection, steps), steps)
            result = action(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result
    finally:
        connection.close()


def _known_version(path: str, connection: sqlite3.Connection, steps: Sequence[Step]) -> int:
    """The schema version of a file, 0 of a new one; raises ``HistoryError`` for one that is not known here."""
    # Tables first: another run may make the file meanwhile, and it has its mark as soon as it has any.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables and application != APPLICATION_ID:
        raise HistoryError(
            f"{named(path)} is a database of another program, not a history of pytest-memguard",
            remedy="give another file; this one is left as it is",
        )
    if version > len(steps):
        raise HistoryError(
            f"history {named(path)} has schema {version}, and schemas up to {len(steps)} are known here",
            remedy="it was made by a newer pytest-memguard: use that version or a newer one, or give another file",
        )
    return int(version) if tables else 0


def _migrate(connection: sqlite3.Connection, version: int, steps: Sequence[Step]) -> None:
    for number, step in enumerate(steps[version:], version + 1):
        for statement in step:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number:d}")
    if version == 0:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")


def _connection_to_read(path: str) -> sqlite3.Connection:
    sqlite = _sqlite()
    address = f"file:{quote(os.fsencode(os.path.abspath(path)), safe='/')}"
    # Who may write tidies up when the last one closes. Reading needs a place for the index of the journal, too; in a
    # folder that cannot have it nobody writes.
    for access in ("mode=rw", "mode=ro", "immutable=1"):
        connection: sqlite3.Connection = sqlite.connect(f"{address}?{access}", uri=True, isolation_level=None)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite.OperationalError:
            connection.close()
            if access == "immutable=1" or os.path.exists(f"{path}-wal"):
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError(path)


def _refusal(path: str, error: sqlite3.Error, identity: Identity | None) -> HistoryError:
    reason = str(error)
    if _is(error, _DAMAGE, "malformed", "not a database", "no such table", "no such column"):
        return DamagedError(
            f"history {named(path)} is damaged: {reason}",
            remedy="the next run with it sets it aside and begins a new one",
            identity=identity,
        )
    if _is(error, _BUSY, "locked"):
        return HistoryError(
            f"history {named(path)} is locked by another program",
            remedy="end that program, or give each its own history",
        )
    return HistoryError(
        f"history {named(path)}: {reason}", remedy="make room or permission there, or give another file"
    )


def _is(error: sqlite3.Error, codes: Sequence[int], *words: str) -> bool:
    """Whether SQLite said one of *codes*; Python 3.10 does not tell them, and tables that are missing have none."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return (code is not None and code & 0xFF in codes) or any(word in str(error) for word in words)


def _free_name(wanted: str) -> str:
    number, name = 1, wanted
    while os.path.lexists(name):
        number += 1
        name = f"{wanted}-{number}"
    return name
