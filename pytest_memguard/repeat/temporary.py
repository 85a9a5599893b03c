"""Temporary directories of repetitions: apart from the suite's own, under the same names each time.

Python 3.12 interns the parts of every path for ever, so a fresh name in each repetition would be a leak.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Any

import pytest


class TempRoot:
    """Stands in for the base of ``tmp_path_factory`` while it is entered, and leaves nothing behind."""

    def __init__(self, config: pytest.Config) -> None:
        self._factory: Any = getattr(config, "_tmp_path_factory", None)
        self._base: Any = None
        self._root: Any = None
        self._numbers: dict[str, int] | None = None

    def __enter__(self) -> None:
        base = getattr(self._factory, "_basetemp", None)
        if base is None:
            return
        root = base / "_m"
        try:
            root.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            return
        self._base, self._root = base, root
        self._numbers = self._factory.__dict__.get("_next_number")
        self._factory._basetemp = root
        self._reset_numbers()

    def __exit__(self, *exc_info: object) -> None:
        if self._root is not None:
            self._factory._basetemp = self._base
            if self._numbers is not None:
                self._factory._next_number = self._numbers
            shutil.rmtree(self._root, ignore_errors=True)

    def clean(self) -> None:
        """Remove what the last repetition made, so that the next one gets the same names."""
        if self._root is None:
            return
        found = False
        with contextlib.suppress(OSError), os.scandir(self._root) as entries:
            for entry in entries:
                found = True
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    with contextlib.suppress(OSError):
                        os.unlink(entry.path)
        if found:
            self._reset_numbers()

    def _reset_numbers(self) -> None:
        if self._numbers is not None:
            self._factory._next_number = {}
