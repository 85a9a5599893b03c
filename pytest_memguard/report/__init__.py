"""What becomes of a run's report: renderers turn the value into text, and this module alone writes it to files."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, TextIO

from pytest_memguard.errors import MemguardError, shown
from pytest_memguard.model import RunReport
from pytest_memguard.report import unfinished

__all__ = ["Renderer", "ReportFileError", "check_target", "write_report"]


class Renderer(Protocol):
    """Value in, text out: pieces of text in order, made as they are asked for, so that no report is held whole."""

    def __call__(self, report: RunReport, /) -> Iterable[str]:
        """The text of *report*, in order."""


class ReportFileError(MemguardError):
    """A report that cannot be written to where the user wants it."""

    slug = "report-file"


def check_target(path: str | os.PathLike[str], *, setting: str, origin: str) -> None:
    """Refuse, before the suite runs, a *path* that could not be written after it.

    *setting* and *origin* say what the path was given for and where it came from. Raises :class:`ReportFileError`.
    """
    reason, remedy = _obstacle(path)
    if reason:
        raise _refusal(path, reason, setting=setting, origin=origin, remedy=remedy)


def write_report(path: str | os.PathLike[str], chunks: Iterable[str], *, setting: str, origin: str) -> None:
    """Replace the file *path* by the text in *chunks*, in one step: a reader sees the old report or the new one, whole.

    An existing file keeps its mode, a symbolic link stays and what it points to is replaced; a device or a pipe
    (``/dev/stdout``) is written to as it is. The text is UTF-8, with what UTF-8 cannot hold spelt out.
    Raises :class:`ReportFileError` when the file cannot be written; whatever goes wrong, the old file is kept.
    """
    check_target(path, setting=setting, origin=origin)
    try:
        if _is_device(path):
            with _text(os.open(path, os.O_WRONLY | _CLOEXEC)) as stream:
                stream.writelines(chunks)
        else:
            _replace(Path(os.path.realpath(path)), chunks)
    except OSError as error:
        remedy = "make room or choose another place, and run again"
        raise _refusal(path, error.strerror or str(error), setting=setting, origin=origin, remedy=remedy) from error


_CLOEXEC = getattr(os, "O_CLOEXEC", 0)


def _obstacle(path: str | os.PathLike[str]) -> tuple[str, str]:
    """What is in the way of a file at *path*, and what to do about it; two empty texts where nothing is."""
    if "\0" in os.fspath(path):
        return "a path cannot hold a null character", "take it out"
    if _is_device(path):
        return "", ""
    target = Path(os.path.realpath(path))
    try:
        if stat.S_ISDIR(target.stat().st_mode):
            return "it is a directory", "add the name of a file"
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        return error.strerror or str(error), "give another path"
    return _obstacle_above(target.parent)


def _obstacle_above(directory: Path) -> tuple[str, str]:
    if not directory.is_dir():
        return (
            f"there is no directory {shown(str(directory))}",
            "create the directory first, or give the path of a file in one that exists",
        )
    if not os.access(directory, os.W_OK | os.X_OK):
        return f"no permission to create files in {shown(str(directory))}", "choose a directory that you may write to"
    return "", ""


def _is_device(path: str | os.PathLike[str]) -> bool:
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(target: Path, chunks: Iterable[str]) -> None:
    """Write a new file next to *target* and rename it: rename is atomic, and only within one file system."""
    unfinished.sweep(str(target.parent))
    temporary = target.parent / unfinished.name()
    # 0o666 minus the umask, as for any new file; tempfile would make it unreadable for everybody else.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOEXEC, 0o666)
    unfinished.lock(descriptor)
    try:
        with _text(descriptor) as stream:
            stream.writelines(chunks)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _text(descriptor: int) -> TextIO:
    return open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n", buffering=1 << 16)


def _refusal(path: str | os.PathLike[str], why: str, *, setting: str, origin: str, remedy: str) -> ReportFileError:
    return ReportFileError(f"cannot write {setting} {shown(os.fspath(path))} from {origin}: {why}", remedy=remedy)
