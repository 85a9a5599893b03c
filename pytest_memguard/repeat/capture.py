"""Output of repetitions: captured once for all of them, and dropped.

pytest redirects the descriptors anew for each phase of a test and puts them back after it, to be able to write in
between. Nothing is written between repetitions, and those system calls are a fifth of what a small test takes.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from os import fstat
from typing import Any

import pytest
from _pytest.capture import CaptureResult

_METHODS = ("resume_global_capture", "suspend_global_capture", "read_global_capture")
_NOTHING = CaptureResult("", "")
_STREAMS = ("stdin", "stdout", "stderr")


class StillCapture:
    """A context manager; while it is entered pytest's capturing goes on through all phases.

    Does nothing where pytest captures nothing, or shows it at once (``-s``, ``--capture=tee-sys``).
    """

    def __init__(self, config: pytest.Config) -> None:
        manager: Any = config.pluginmanager.getplugin("capturemanager")
        is_hidden = config.getoption("capture", "fd") in ("fd", "sys")
        known = is_hidden and all(callable(getattr(manager, name, None)) for name in _METHODS)
        self._manager = manager if known and manager.is_globally_capturing() else None
        self._streams: list[object] = []
        self._files: list[tuple[int, int] | None] = []

    def __enter__(self) -> StillCapture:
        self._hold()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._let_go()

    @contextlib.contextmanager
    def lifted(self) -> Iterator[None]:
        """What is written meanwhile is seen."""
        self._let_go()
        try:
            yield
        finally:
            self._hold()

    def forget(self) -> None:
        """Drop what the last repetition has written, and mend the descriptors if it has redirected them."""
        if self._manager is None:
            return
        type(self._manager).read_global_capture(self._manager)
        if self._files != _open_files():
            self._let_go()
            self._hold()

    def _hold(self) -> None:
        if self._manager is not None:
            self._manager.resume_global_capture()
            self._streams = [getattr(sys, name) for name in _STREAMS]
            self._files = _open_files()
            for name, method in zip(_METHODS, (self._put_back, _pass, _read_nothing), strict=True):
                setattr(self._manager, name, method)

    def _let_go(self) -> None:
        if self._manager is not None:
            for name in _METHODS:
                vars(self._manager).pop(name, None)
            self._manager.suspend_global_capture(in_=False)
            self._manager.read_global_capture()

    def _put_back(self) -> None:
        """What resuming comes to: a test may leave a closed stream there (``monkeypatch`` before ``capsys``)."""
        for name, stream in zip(_STREAMS, self._streams, strict=True):
            setattr(sys, name, stream)


def _open_files() -> list[tuple[int, int] | None]:
    """Device and inode behind the three standard descriptors; None where one is closed."""
    found: list[tuple[int, int] | None] = []
    for descriptor in range(3):
        try:
            status = fstat(descriptor)
            found.append((status.st_dev, status.st_ino))
        except OSError:
            found.append(None)
    return found


def _pass(*_arguments: object, **_keywords: object) -> None:
    pass


def _read_nothing() -> CaptureResult[str]:
    return _NOTHING
