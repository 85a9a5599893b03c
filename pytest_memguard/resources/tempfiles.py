"""Files and folders in the folder for temporary ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pytest_memguard.resources.names import stable_path, temp_folder
from pytest_memguard.resources.resource import Key, Resource

#: A folder with more entries is that of a busy machine, and listing it takes milliseconds.
_MOST = 20_000


class TempFiles:
    """Entries of the default folder itself; nothing is known of others, or of what lies deeper."""

    def __init__(self) -> None:
        self._listdir, self._lstat = os.listdir, os.lstat
        self._owner: Callable[[], int] | None = getattr(os, "getuid", None)

    def keys(self) -> Iterator[Key]:
        """One for each entry, other processes' included."""
        folder = temp_folder()
        try:
            names = self._listdir(folder)
        except OSError:
            return
        if len(names) <= _MOST:
            for name in names:
                yield Key("tempfile", f"{folder}/{name}")

    def describe(self, key: Key, born: Iterable[Any]) -> Resource | None:  # noqa: ARG002 - files are no objects
        """The path; None where it is gone or belongs to somebody else."""
        path = str(key.identity)
        try:
            found = self._lstat(path)
        except OSError:
            return None
        if self._owner is not None and found.st_uid != self._owner():
            return None
        return Resource(kind="tempfile", name=path, stable=stable_path(path))
