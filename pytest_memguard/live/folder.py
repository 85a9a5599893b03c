"""The folder of a user's live runs: where it may be, and whether it is nobody else's."""

from __future__ import annotations

import os
import socket
import stat
from _socket import socket as _socket  # of C: a test may forbid the other one
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

__all__ = ["Folder", "FolderError", "folders_of", "socket_name"]

_NAME = "memguard"
_OWNER_ONLY = 0o700
_OTHERS = 0o077
_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class FolderError(Exception):
    """A folder cannot be used; the message says why."""


def folders_of(environ: Mapping[str, str], *, uid: int, temp: str) -> list[Folder]:
    """Where the sockets of a user may be, the likeliest first; *temp* is the folder for temporary files.

    A run uses the first one that it can, and who asks looks into all: the two may not have the same environment.
    """
    parents = [environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}"]
    paths = [os.path.join(parent, _NAME) for parent in parents if os.path.isabs(parent)]
    paths += [os.path.join(parent, f"{_NAME}-{uid}") for parent in (temp, "/tmp")]  # noqa: S108 - checked when opened
    return [Folder(path, uid=uid) for path in dict.fromkeys(paths)]


def socket_name(pid: int) -> str:
    """The name of a process's socket in its folder."""
    return f"{pid}.sock"


class Folder:
    """One folder. Everything in it is reached through a descriptor of it, so that no name on the way can be swapped.

    That also makes the length of its path, which the address of a socket limits to 108 bytes, nobody's concern.
    """

    def __init__(self, path: str, *, uid: int) -> None:
        self.path = path
        self._uid = uid
        # Bound now: a test may replace what it likes in ``os``.
        self._open, self._fstat, self._close = os.open, os.fstat, os.close
        self._is_folder, self._mode = stat.S_ISDIR, stat.S_IMODE

    def make(self) -> None:
        """Make it, unless it is there; raises ``FolderError`` where that is not possible."""
        try:
            os.mkdir(self.path, _OWNER_ONLY)
        except FileExistsError:
            return  # whose it is shows when it is opened
        except OSError as error:
            raise FolderError(f"{self.path}: {error.strerror}") from error

    def remove(self) -> None:
        """Take it away if nothing is in it."""
        with suppress(OSError):
            os.rmdir(self.path)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor of it; raises ``FolderError`` where it is not there, a link, somebody else's, or open to others.

        Names in it are then ``at(descriptor, name)``.
        """
        try:
            number = self._open(self.path, _FLAGS)
        except OSError as error:
            raise FolderError(f"{self.path}: {error.strerror}") from error
        try:
            found = self._fstat(number)
            if not self._is_folder(found.st_mode):
                raise FolderError(f"{self.path}: not a folder")
            if found.st_uid != self._uid:
                raise FolderError(f"{self.path}: belongs to user {found.st_uid}, not to {self._uid}")
            if found.st_mode & _OTHERS:
                raise FolderError(f"{self.path}: open to others (mode {self._mode(found.st_mode):o}, not 700)")
            yield number
        finally:
            self._close(number)

    @staticmethod
    def accepts(number: int, name: str) -> bool:
        """Whether somebody has the socket of that name open: one of a process that is gone refuses."""
        probe = _socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            probe.connect(Folder.at(number, name))
        except OSError:
            return False
        finally:
            probe.close()
        return True

    @staticmethod
    def at(number: int, name: str) -> str:
        """The path of what has that name in the folder with that descriptor."""
        return f"/proc/self/fd/{number}/{name}"
