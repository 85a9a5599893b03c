"""A pytest plugin with the rule of pytest-leaks, for an interpreter that counts blocks but no references.

Every test is run five times, then four times more, and then for the record. It leaks if the number of allocated blocks
has grown in each of the four, or if the number of open descriptors has changed in any. Before each reading caches of
the standard library are emptied and garbage is collected, as the original does. A test that fails in a repetition ends
there and is left to its recorded run.
"""

from __future__ import annotations

import contextlib
import gc
import linecache
import os
import re
import sys
import typing
import urllib.parse
from array import array
from collections.abc import Generator
from itertools import pairwise
from typing import Any

import pytest

_SETTLING = 5
_COUNTED = 4
# What a reading is kept in must be there before: a list that gets longer would be the leak.
_blocks = array("q", bytes(8 * (_SETTLING + _COUNTED)))
_descriptors = array("q", bytes(8 * (_SETTLING + _COUNTED)))
_leaking: dict[str, str] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Repeats the test without a report, and goes on with pytest's own run of it."""
    try:
        for number in range(_SETTLING + _COUNTED):
            _repeat(item, nextitem)
            _read(number)
    except (Exception, pytest.fail.Exception, pytest.skip.Exception):  # noqa: BLE001 - a test may raise anything
        _teardown(item, nextitem)
        return
    blocks, descriptors = ([b - a for a, b in pairwise(column[_SETTLING - 1 :])] for column in (_blocks, _descriptors))
    if all(delta >= 1 for delta in blocks) or any(descriptors):
        _leaking[item.nodeid] = f"leaked in every run: blocks {blocks}, descriptors {descriptors}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """The recorded run of a test that leaks fails."""
    report = yield
    if call.when == "call" and report.passed and item.nodeid in _leaking:
        report.outcome = "failed"
        report.longrepr = _leaking.pop(item.nodeid)
    return report


def _repeat(item: Any, nextitem: pytest.Item | None) -> None:
    globs = dict(item.dtest.globs) if isinstance(item, pytest.DoctestItem) else None
    if hasattr(item, "_request") and not item._request:  # noqa: SLF001 - as pytest's own protocol does
        item._initrequest()  # noqa: SLF001
    item.ihook.pytest_runtest_setup(item=item)
    item.ihook.pytest_runtest_call(item=item)
    item.ihook.pytest_runtest_teardown(item=item, nextitem=nextitem)
    _reset(item)
    if globs is not None:
        item.dtest.globs.update(globs)


def _teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    with contextlib.suppress(Exception, pytest.fail.Exception):
        item.ihook.pytest_runtest_teardown(item=item, nextitem=nextitem)
    _reset(item)


def _reset(item: Any) -> None:
    if hasattr(item, "_request"):
        item._request = False  # noqa: SLF001
        item.funcargs = None
    item._report_sections = []  # noqa: SLF001


def _read(number: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for module in list(sys.modules.values()):
        getattr(module, "__dict__", {}).get("__warningregistry__", {}).clear()
    re.purge()
    linecache.clearcache()
    urllib.parse.clear_cache()  # type: ignore[attr-defined]
    for cleanup in typing._cleanups:  # type: ignore[attr-defined]  # noqa: SLF001
        cleanup()
    sys._clear_type_cache()  # noqa: SLF001
    for _ in range(3):
        gc.collect()
    _blocks[number] = sys.getallocatedblocks()
    _descriptors[number] = len(os.listdir("/proc/self/fd"))
