"""Reads and writes settings, loudly."""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from pathlib import Path

log = logging.getLogger(__name__)


def read(path: Path) -> list[str]:
    with open(path) as file:
        return file.read().splitlines()


def age(path: Path) -> float:
    return time.time() - os.stat(path).st_mtime


def setting(name: str) -> str | None:
    log.debug("reading %s", name)
    return os.environ.get(f"DEPOT_{name.upper()}")


def old_setting(name: str) -> str | None:
    warnings.warn(f"old_setting({name!r}) is deprecated", DeprecationWarning, stacklevel=2)
    return setting(name)


def report(count: int) -> int:
    for n in range(count):
        print(f"line {n}: {'.' * 60}")
        print(f"error {n}", file=sys.stderr)
        log.info("line %d of %d", n, count)
    return count
