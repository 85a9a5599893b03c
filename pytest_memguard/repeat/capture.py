"""Output of repetitions: captured once for all of them, and dropped.

pytest redirects the descriptors anew for each phase of a test and puts them back after it, to be able to write in
between. Nothing is written between repetitions, and those system calls are a fifth of what a small test takes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.capture import CaptureResult

_METHODS = ("resume_global_capture", "suspend_global_capture", "read_global_capture")
_NOTHING = CaptureResult("", "")


class StillCapture:
    """A context manager; while it is entered pytest's capturing goes on through all phases.

    Does nothing where pytest captures nothing, or shows it at once (``-s``, ``--capture=tee-sys``).
    """

    def __init__(self, config: pytest.Config) -> None:
        manager: Any = config.pluginmanager.getplugin("capturemanager")
        is_hidden = config.getoption("capture", "fd") in ("fd", "sys")
        known = is_hidden and all(callable(getattr(manager, name, None)) for name in _METHODS)
        self._manager = manager if known and manager.is_globally_capturing() else None

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
        """Drop what the last repetition has written."""
        if self._manager is not None:
            type(self._manager).read_global_capture(self._manager)

    def _hold(self) -> None:
        if self._manager is not None:
            self._manager.resume_global_capture()
            for name, method in zip(_METHODS, (_pass, _pass, _read_nothing), strict=True):
                setattr(self._manager, name, method)

    def _let_go(self) -> None:
        if self._manager is not None:
            for name in _METHODS:
                vars(self._manager).pop(name, None)
            self._manager.suspend_global_capture(in_=False)
            self._manager.read_global_capture()


def _pass(*_arguments: object, **_keywords: object) -> None:
    pass


def _read_nothing() -> CaptureResult[str]:
    return _NOTHING
