"""Free memory that the C library keeps: given back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from pytest_memguard.cleanup.registry import Outcome, Strategy

__all__ = ["strategies"]


def strategies() -> tuple[Strategy, ...]:
    """``heap_trim``: what it gives back shows in the resident memory, not in the heap in use."""
    return (
        Strategy(
            name="heap_trim",
            run=HeapTrim(),
            level="aggressive",
            category="heap",
            time_limit_s=None,
            during_tests=True,
            measure="rss",
        ),
    )


class HeapTrim:
    """Calls ``malloc_trim(0)``, where the C library has it (glibc; musl and others have not): see malloc_trim(3)."""

    __slots__ = ("_trim",)

    def __init__(self) -> None:
        self._trim = malloc_trim()

    def __call__(self) -> Outcome:
        """A note where there is nothing to call."""
        if self._trim is None:
            return Outcome(note="this C library cannot give memory back on request")
        self._trim(0)
        return Outcome()


def malloc_trim() -> Callable[[int], int] | None:
    """``malloc_trim``, where the C library has it."""
    try:
        trim: Any = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim  # type: ignore[no-any-return]
