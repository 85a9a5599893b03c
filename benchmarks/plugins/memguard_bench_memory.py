"""A pytest plugin that reads the resident memory of its process at the marks of a run, and the peaks between them.

Loaded with ``-p memguard_bench_memory``; the JSON file is named by the environment variable MEMORY_TO. The peaks come
from a thread that reads every few milliseconds: the kernel's own high-water mark may be reset by what is measured.
"""

from __future__ import annotations

import json
import os
import resource
import threading

import pytest

_INTERVAL_S = 0.004
_PAGE = resource.getpagesize()


class _Memory:
    """Readings in bytes, by the name of the mark; ``peak:`` names hold the highest since the mark before."""

    def __init__(self) -> None:
        self.marks: dict[str, int] = {}
        self._descriptor = os.open("/proc/self/statm", os.O_RDONLY)
        self._peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._thread.start()

    def mark(self, name: str) -> None:
        """Takes a reading under this name, and the peak that led to it."""
        now = self._rss()
        self.marks[name] = now
        self.marks[f"peak:{name}"] = max(self._peak, now)
        self._peak = now

    def close(self) -> None:
        """Ends the thread and writes the file."""
        self._stop.set()
        self._thread.join()
        with open(os.environ["MEMORY_TO"], "w", encoding="utf-8") as sink:
            json.dump(self.marks, sink)

    def _rss(self) -> int:
        return int(os.pread(self._descriptor, 128, 0).split()[1]) * _PAGE

    def _watch(self) -> None:
        while not self._stop.wait(_INTERVAL_S):
            self._peak = max(self._peak, self._rss())


_memory = _Memory()
_ended = 0
_tests = 0


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """All tests are known, none has run."""
    global _tests  # noqa: PLW0603 - a plugin of one run
    _tests = len(session.items)
    _memory.mark("collected")


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish() -> None:
    """The last test has ended, everybody has its records, no report is made yet."""
    global _ended  # noqa: PLW0603
    _ended += 1
    if _ended == _tests:
        _memory.mark("last test")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Everything has been checked, rendered and written."""
    _memory.mark("end")
    _memory.close()
