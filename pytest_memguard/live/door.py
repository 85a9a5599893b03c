"""The socket of a live run: questions come in whole, answers go out at once or not at all, and nothing ever waits."""

from __future__ import annotations

import _socket
import os
import socket
import struct
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from pytest_memguard.live.folder import Folder, FolderError, socket_name
from pytest_memguard.live.wire import LONGEST_REQUEST
from pytest_memguard.probes.descriptor import CLOSED, SystemCalls

if sys.platform == "linux":
    import fcntl

__all__ = ["Door", "DoorError", "Letter", "TakenError"]

_CREDENTIALS = struct.Struct("3i")  # of unix(7): process, user, group
# Room for these alone: descriptors that somebody sends along are not taken.
_ANCILLARY = socket.CMSG_SPACE(_CREDENTIALS.size) if sys.platform == "linux" else 0
_OF_CREDENTIALS = (socket.SOL_SOCKET, getattr(socket, "SCM_CREDENTIALS", -1))
_ROOT = 0
_SUFFIX_OF_SENDERS = ".ask"
_OWNER_ONLY = 0o600
# Numbers of fcntl(2) that the module has no names for in every version.
_F_SETSIG, _F_SETOWN_EX, _F_OWNER_TID = 10, 15, 0
_MOST_REOPENINGS = 4


class DoorError(Exception):
    """There can be no such socket here; the message says why."""


class TakenError(DoorError):
    """This process has one already."""


class Letter(NamedTuple):
    """What somebody has sent: its bytes, and the name to answer to."""

    line: bytes
    sender: str


class Door:
    """One per process; released by ``close``. Raises ``DoorError`` and ``FolderError``.

    What comes from another user, or without a name in the same folder to answer to, is dropped. In a child after a fork
    the socket is closed at once: it is the parent's.
    """

    def __init__(self, folder: Folder) -> None:
        if sys.platform != "linux":
            raise DoorError(f"{sys.platform} does not say who sends")
        self._folder = folder
        self._users = (_ROOT, os.geteuid())
        self._getpid, self._pid = os.getpid, os.getpid()
        self._name = socket_name(self._pid)
        self._calls = SystemCalls()
        self._make: Any = _socket.socket  # of C: a test may forbid the other one
        self._number = CLOSED
        self._identity = (0, 0)
        self._socket: Any = None
        self._reopenings = 0
        self._ringing: tuple[int, int] | None = None
        self._control = fcntl.fcntl
        self._quiet, self._loud = os.O_NONBLOCK, os.O_NONBLOCK | os.O_ASYNC
        self._open()
        _close_in_children(self)

    def ring(self, signal_number: int, thread: int) -> None:
        """From now on the kernel sends that thread the signal whenever a letter has come; raises ``OSError``."""
        self._ringing = signal_number, thread
        self._control(self._number, _F_SETSIG, signal_number)
        self._control(self._number, _F_SETOWN_EX, struct.pack("2i", _F_OWNER_TID, thread))
        self.hush(False)

    def hush(self, quiet: bool) -> None:
        """Do not ring, or ring again."""
        if self._ringing is not None and self.is_ours():
            self._control(self._number, fcntl.F_SETFL, self._quiet if quiet else self._loud)

    def is_ours(self) -> bool:
        """Whether the number still stands for the socket: a test may close any descriptor."""
        if self._number == CLOSED or self._getpid() != self._pid:
            return False
        try:
            found = self._calls.fstat(self._number)
        except OSError:
            return False
        return (found.st_ino, found.st_dev) == self._identity

    def receive(self) -> Letter | None:
        """The next letter that may be answered, ``None`` where there is none; opens anew what a test has closed."""
        if not self.is_ours():
            self._reopen()
            return None
        try:
            line, ancillary, _, address = self._socket.recvmsg(LONGEST_REQUEST + 1, _ANCILLARY)
        except OSError:
            return None
        sender = self._sender(ancillary, address)
        return Letter(line if sender else b"", sender)

    def answer(self, sender: str, line: bytes) -> bool:
        """Send *line*; false where whoever has asked is gone, or does not read."""
        if not self.is_ours():
            return False
        try:
            with self._folder.opened() as number:
                self._socket.sendto(line, Folder.at(number, sender))
        except (OSError, FolderError):
            return False
        return True

    def close(self) -> None:
        """Take the socket away; may be called again."""
        if self._getpid() != self._pid:
            return
        if self.is_ours():
            self._unlink()
        self._release()
        self._reopenings = _MOST_REOPENINGS

    def in_child(self) -> None:
        """After a fork: the socket stays the parent's."""
        self._pid = -1
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        self._socket, self._number = None, CLOSED

    def _open(self) -> None:
        with self._folder.opened() as folder:
            path = Folder.at(folder, self._name)
            kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            if self._folder.accepts(folder, self._name):
                raise TakenError("another run in this process has a socket")
            with suppress(OSError):
                os.unlink(self._name, dir_fd=folder)
            made = self._make(socket.AF_UNIX, kind)
            try:
                made.bind(path)
                os.chmod(self._name, _OWNER_ONLY, dir_fd=folder)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            except OSError as error:
                made.close()
                raise DoorError(f"{self._folder.path}: {error.strerror}") from error
        self._number = self._calls.raise_number(made.detach())
        # Kept as an object, because making one asks the kernel four times; above what tests count and close.
        self._socket = self._make(fileno=self._number)
        found = self._calls.fstat(self._number)
        self._identity = found.st_ino, found.st_dev

    def _reopen(self) -> None:
        if self._reopenings >= _MOST_REOPENINGS or self._getpid() != self._pid:
            return
        self._reopenings += 1
        self._release()
        try:
            self._open()
            if self._ringing is not None:
                self.ring(*self._ringing)
        except (OSError, FolderError, DoorError):
            return

    def _release(self) -> None:
        if self._socket is not None:
            number = self._socket.detach()  # no complaint of an unclosed socket, and nobody else's file closed
            if self.is_ours():
                self._calls.close(number)
        self._socket, self._number = None, CLOSED

    def _unlink(self) -> None:
        with suppress(OSError, FolderError), self._folder.opened() as folder:
            os.unlink(self._name, dir_fd=folder)

    def _sender(self, ancillary: list[tuple[int, int, bytes]], address: object) -> str:
        """The name to answer to; empty where nobody may be answered."""
        if not isinstance(address, str):
            return ""
        users = [
            _CREDENTIALS.unpack(data)[1]
            for level, kind, data in ancillary
            if (level, kind) == _OF_CREDENTIALS and len(data) == _CREDENTIALS.size
        ]
        name = address.rpartition("/")[2]
        trusted = len(users) == 1 and users[0] in self._users
        return name if trusted and name.endswith(_SUFFIX_OF_SENDERS) else ""


def _close_in_children(door: Door) -> None:
    """Handlers of forks cannot be taken back: this one holds no more than a weak reference."""
    reference = weakref.ref(door)

    def tell() -> None:
        live = reference()
        if live is not None:
            live.in_child()

    register: Callable[..., object] = os.register_at_fork
    register(after_in_child=tell)
