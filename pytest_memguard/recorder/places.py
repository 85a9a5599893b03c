"""Where recordings lie: in the cache of pytest, or in a folder of the user's below that of temporary files."""

from __future__ import annotations

import os
import stat

from pytest_memguard.recorder.ring import RingError

__all__ = ["in_cache", "in_temp", "made"]

_NAME = "memguard"


def in_cache(cache: str) -> str:
    """The folder within a cache folder of pytest."""
    return os.path.join(cache, "d", _NAME)


def in_temp(temp: str) -> str:
    """The folder within that of temporary files, which other users have, too."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    return os.path.join(temp, f"{_NAME}-{user}")


def made(folder: str) -> str:
    """The folder, made if need be. Raises ``OSError``, and ``RingError`` for one that somebody else has put there."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise RingError(f"{folder} is no folder")
    if hasattr(os, "getuid") and found.st_uid != os.getuid():
        raise RingError(f"{folder} belongs to another user")
    return folder
