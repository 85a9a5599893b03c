"""Open file descriptors: files by their path, sockets by family and peer, pipes and the like by what they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from pytest_memguard.model import Kind
from pytest_memguard.resources.files import file_of
from pytest_memguard.resources.names import stable_path
from pytest_memguard.resources.resource import Key, Resource
from pytest_memguard.resources.sockets import describe_socket, socket_of

_FOLDER = "/proc/self/fd"
#: What the kernel says of a file without a name: a test's folder is removed while it is looked at.
_DELETED = " (deleted)"
#: What opens for somebody else: ends of pipes, and what the kernel makes without a file.
_HELPERS = ("pipe:", "anon_inode:")


class Descriptors:
    """Lists them where the system has a folder of them, Linux above all; nowhere else any are found."""

    def __init__(self) -> None:
        # Bound now: a test may replace what it likes in ``os``.
        self._listdir, self._readlink = os.listdir, os.readlink

    def keys(self) -> Iterator[Key]:
        """One for each number; what opens the same file at the same number anew is taken for the same."""
        try:
            numbers = self._listdir(_FOLDER)
        except OSError:
            return
        for number in numbers:
            link = self._link(number)
            if link is not None:
                kind: Kind = "socket" if link.startswith("socket:") else "fd"
                yield Key(kind, (int(number), link))

    def _link(self, number: str) -> str | None:
        try:
            return self._readlink(f"{_FOLDER}/{number}").removesuffix(_DELETED)
        except OSError:  # the one that the listing itself had open
            return None

    def describe(self, key: Key, born: Iterable[Any]) -> Resource | None:
        """The path, or family and peer; with the outermost file object, or the socket object, that has the number."""
        identity: Any = key.identity
        number: int = identity[0]
        link: str = identity[1]
        if self._link(str(number)) != link:
            return None
        if key.kind == "socket":
            return describe_socket(number, socket_of(number, born))
        obj = file_of(number, born)
        helper = link.startswith(_HELPERS)
        if link.startswith("/"):
            name = link
        else:
            name = "pipe" if link.startswith("pipe:") else link.partition(":")[2].strip("[]")
        stable = stable_path(name) if name.startswith("/") else name
        return Resource(kind="fd", name=name, stable=stable, obj=obj, head=obj, is_helper=helper and obj is None)
