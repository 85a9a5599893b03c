"""Temporary directories of repetitions: apart from the suite's own, under the same names each time.

Python 3.12 interns the parts of every path for ever, so a fresh name in each repetition would be a leak. What a test
makes goes after its repetition; what a fixture above function scope makes stays for as long as the fixture is set up.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_OF_TESTS, _OF_FIXTURES = "_m", "_w"


class TempRoot:
    """Stands in for the base of ``tmp_path_factory`` while it is entered, and leaves nothing behind."""

    def __init__(self, config: pytest.Config) -> None:
        self._factory: Any = getattr(config, "_tmp_path_factory", None)
        self._base: Any = None
        self._tests: Path | None = None
        self._fixtures: Path | None = None
        self._makers: dict[str, Any] = {}
        self._numbers: dict[str, int] | None = None
        self._seen = (0, 0)

    def __enter__(self) -> None:
        base = getattr(self._factory, "_basetemp", None)
        if base is None:
            return
        tests, fixtures = base / _OF_TESTS, base / _OF_FIXTURES
        try:
            for root in (tests, fixtures):
                root.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            return
        self._base, self._tests, self._fixtures = base, tests, fixtures
        self._numbers = self._factory.__dict__.get("_next_number")
        self._factory._basetemp = tests
        self._reset_numbers()

    def __exit__(self, *exc_info: object) -> None:
        if self._tests is None or self._fixtures is None:
            return
        self._factory._basetemp = self._base
        if self._numbers is not None:
            self._factory._next_number = self._numbers
        for root in (self._tests, self._fixtures):
            _remove(str(root))

    @contextlib.contextmanager
    def of_fixture(self, definition: Any) -> Iterator[None]:
        """While entered, what is made belongs to this fixture above function scope, and stays while that is set up."""
        if self._fixtures is None:
            yield
            return
        outer = self._factory._basetemp
        self._factory._basetemp = self._fixtures
        try:
            yield
        finally:
            self._factory._basetemp = outer
            for entry in _entries(self._fixtures):
                self._makers.setdefault(entry.name, definition)

    def clean(self) -> None:
        """Remove what the last repetition made, so that the next one gets the same names."""
        if self._tests is None or self._fixtures is None:
            return
        found = _entries(self._tests) if self._has_changed(self._tests) else ()
        gone = [name for name, maker in self._makers.items() if maker.cached_result is None] if self._makers else ()
        for entry in found:
            _remove(entry.path)
        for name in gone:
            del self._makers[name]
            _remove(str(self._fixtures / name))
        if found or gone:
            self._reset_numbers()

    def _has_changed(self, folder: Path) -> bool:
        """Whether anything was made there since the last time; a file made in the very tick of that is seen later."""
        try:
            now = os.stat(folder)
        except OSError:
            return True
        seen, self._seen = self._seen, (now.st_nlink, now.st_mtime_ns)
        return seen != self._seen

    def _reset_numbers(self) -> None:
        if self._numbers is not None:
            self._factory._next_number = {}


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return list(entries)
    return []


def _remove(path: str) -> None:
    if os.path.islink(path) or not os.path.isdir(path):
        with contextlib.suppress(OSError):
            os.unlink(path)
        return
    shutil.rmtree(path, ignore_errors=True)
    if os.path.isdir(path):  # some test has made a folder read-only
        _make_writable(path)
        shutil.rmtree(path, ignore_errors=True)


def _make_writable(path: str) -> None:
    with contextlib.suppress(OSError):
        os.chmod(path, 0o700)
    for folder, names, _ in os.walk(path):
        for name in names:
            inner = os.path.join(folder, name)
            if not os.path.islink(inner):
                with contextlib.suppress(OSError):
                    os.chmod(inner, 0o700)
