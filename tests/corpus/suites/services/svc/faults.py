"""What becomes of exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_FAULTS: list[BaseException] = []
_SUMMARIES: list[tuple[str, str]] = []
_LAST: BaseException | None = None


def guarded(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as fault:
        _FAULTS.append(fault)  # leak: stored-exception
        return None


def summarised(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as fault:
        _SUMMARIES.append((type(fault).__name__, str(fault)))  # leak: stored-summary
        return None


def last(function: Callable[[], Any]) -> Any:
    global _LAST
    try:
        return function()
    except Exception as fault:
        _LAST = fault.with_traceback(None)
        return None


def swallowed(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception:
        return None
