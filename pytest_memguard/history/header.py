"""What the file of a history is, as far as its first bytes tell: told without SQLite, before anything is opened."""

from __future__ import annotations

import os
import stat
from importlib.util import find_spec

from pytest_memguard.errors import MemguardError, shown
from pytest_memguard.history.schema import APPLICATION_ID

__all__ = [
    "DamagedError",
    "EmptyError",
    "HistoryError",
    "Identity",
    "check_file",
    "identity_of",
    "is_cut",
    "named",
    "refuse_foreign",
]

Identity = tuple[int, int]

# https://www.sqlite.org/fileformat2.html#the_database_header
_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_LARGEST_PAGE = 65536
_LONGEST_PATH = 300


class HistoryError(MemguardError):
    """A history that cannot be read or written."""

    slug = "history"


class DamagedError(HistoryError):
    """A history whose content is destroyed; ``identity`` is that of the file."""

    def __init__(self, message: str, *, remedy: str, identity: Identity | None) -> None:
        super().__init__(message, remedy=remedy)
        self.identity = identity


class EmptyError(HistoryError):
    """A history that no run is in yet."""


def check_file(path: str, *, origin: str) -> None:
    """Refuse, before the suite runs, what can be no history; *origin* named it. Raises ``HistoryError``."""
    if find_spec("_sqlite3") is None:
        raise HistoryError(
            f"cannot keep the history {named(path)} from {origin}: this Python was built without SQLite",
            remedy="use a Python that has the module sqlite3, or leave the history out",
        )
    try:
        refuse_foreign(path)
    except HistoryError as error:
        raise HistoryError(f"{error.message} (from {origin})", remedy=error.remedy) from None


def refuse_foreign(path: str) -> None:
    """Raise ``HistoryError`` for what is there and no history, or has no folder to be in; it is left as it is."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        folder = os.path.dirname(os.path.realpath(path))
        if not os.path.isdir(folder):
            raise _refused(path, f"there is no directory {named(folder)}", "create the directory first") from None
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(path, reason[:1].lower() + reason[1:], "give the path of another file") from None
    if stat.S_ISDIR(status.st_mode):
        raise _refused(path, "it is a directory", "add the name of a file")
    if not stat.S_ISREG(status.st_mode):
        raise _refused(path, "it is a device or a pipe", "give the path of a file")
    if _is_foreign(_header(path)):
        raise _refused(path, "it is no history of pytest-memguard", "give another file; this one is left as it is")


def named(path: str) -> str:
    """A path as messages show it: whole, unless it is longer than any screen has room for."""
    return repr(path) if len(path) <= _LONGEST_PATH else shown(path)


def identity_of(file: str | int) -> Identity | None:
    """Which file that is, whatever its name; None where there is none."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_ino, status.st_dev


def is_cut(path: str) -> bool:
    """Whether a file is shorter than its header says, with no journal that holds the rest: SQLite may miss that."""
    for _ in range(2):  # while a journal is written back the file is short, too
        header = _header(path)
        size = os.path.getsize(path) if header else 0
        if size >= _stated_size(header) or os.path.exists(f"{os.path.realpath(path)}-wal"):
            return False
    return True


def _is_foreign(header: bytes) -> bool:
    """Whether a file that begins so is something else; one that says nothing of that may be a history."""
    if not header.strip(b"\0"):
        return False  # empty, or what a disk that failed leaves of the first page
    if not header.startswith(_MAGIC[: len(header)]):
        return True
    application, pages = int.from_bytes(header[68:72], "big"), int.from_bytes(header[28:32], "big")
    # A history has its mark before it has a second page; of one that is cut before the mark nothing can be told.
    return len(header) == _HEADER and application != APPLICATION_ID and (application != 0 or pages > 1)


def _header(path: str) -> bytes:
    """The first bytes of a file; nothing where it is empty, or not there, or not to be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read(_HEADER)
    except OSError:
        return b""


def _stated_size(header: bytes) -> int:
    """Bytes that the file has by its header; 0 where that says nothing."""
    if not header.startswith(_MAGIC):
        return 0
    if len(header) < _HEADER:
        return _HEADER
    page = int.from_bytes(header[16:18], "big")
    # The number of pages counts only where whoever changed the file last has written it.
    if header[24:28] != header[92:96]:
        return 0
    return int.from_bytes(header[28:32], "big") * (_LARGEST_PAGE if page == 1 else page)


def _refused(path: str, reason: str, remedy: str) -> HistoryError:
    return HistoryError(f"cannot use {named(path)} as history: {reason}", remedy=remedy)
