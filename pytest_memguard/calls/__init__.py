"""Call one function again and again until it is known whether it leaks: what is behind ``memguard.assert_no_leak``.

A batch of calls takes the place of a test's repetition; settling, reading and judging are those of pass 2. Each batch
is as large as all before it together, so that growth in steps (a list that is resized now and then, a table that
doubles) shows in every batch, and a cache that fills to its bound soon does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from pytest_memguard.calls.arguments import accepted, batch_size, function_name, named_arguments
from pytest_memguard.calls.asynchronous import PendingCheck, is_awaited, start
from pytest_memguard.calls.course import Course
from pytest_memguard.calls.error import CallLeak, CallRound, LeakError
from pytest_memguard.calls.instruments import Instruments, UnmeasurableError
from pytest_memguard.calls.making import Calls, Making

__all__ = [
    "CallLeak",
    "CallRound",
    "Calls",
    "LeakError",
    "Making",
    "PendingCheck",
    "UnmeasurableError",
    "accepted",
    "batch_size",
    "find_leak",
    "function_name",
    "is_awaited",
    "named_arguments",
    "start",
]


def find_leak(
    making: Making,
    *,
    name: str,
    arguments: Sequence[tuple[str, Any]],
    runs: int | None,
    tolerance: int,
    rootdir: str,
) -> CallLeak | None:
    """What each call leaves behind, None if that is nothing, or not more than *tolerance* bytes.

    *arguments*: objects that every call is handed, by what to call them; a call must not keep references to them.
    *runs*: calls in a small batch. Raises ``UnmeasurableError``, and what the function raises.
    """
    with closing(Instruments(aside=making.threads)) as instruments:
        course = Course(
            making, instruments, name=name, arguments=arguments, runs=runs, tolerance=tolerance, rootdir=rootdir
        )
        return course.leak()
