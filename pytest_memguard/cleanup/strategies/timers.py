"""Timers: cancelled handles in event loops, tasks of loops that are closed, threads that wait to call something."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from typing import Any

from pytest_memguard.cleanup.registry import Outcome, Strategy
from pytest_memguard.cleanup.strategies.living import Sought, each

__all__ = ["strategies"]

_LOOPS, _TASKS = "asyncio.base_events", "asyncio.tasks"
_EVENT_LOOPS = Sought((_LOOPS, "BaseEventLoop"), level="moderate")
_ALL_TASKS = Sought((_TASKS, "Task"), (_TASKS, "_PyTask"), level="aggressive")
_enumerate = threading.enumerate


def strategies() -> tuple[Strategy, ...]:
    """Moderate: cancelled handles. Aggressive: tasks that can never go on. Emergency: pending ``threading.Timer``."""
    return (
        _strategy("cancelled_handles", drop_cancelled_handles, "moderate", needs=_LOOPS),
        _strategy("stranded_tasks", close_stranded_tasks, "aggressive", needs=_TASKS),
        _strategy("pending_timers", cancel_timers, "emergency"),
    )


def _strategy(name: str, run: Callable[[], object], level: Any, needs: str | None = None) -> Strategy:
    return Strategy(name=name, run=run, level=level, category="timers", needs=needs)


def drop_cancelled_handles() -> Outcome:
    """Take cancelled timers out of loops that do not run now; asyncio does so when they are many enough."""
    return each(_EVENT_LOOPS.instances(), _drop_cancelled)


def _drop_cancelled(loop: Any) -> int:
    if loop.is_running() or loop.is_closed() or not loop._timer_cancelled_count:
        return 0
    cancelled = [handle for handle in loop._scheduled if handle._cancelled]
    for handle in cancelled:
        handle._scheduled = False
    loop._scheduled = [handle for handle in loop._scheduled if not handle._cancelled]
    heapq.heapify(loop._scheduled)
    loop._timer_cancelled_count = 0
    return len(cancelled)


def close_stranded_tasks() -> Outcome:
    """End the coroutines of tasks whose loop is closed: they could only be ended by being collected.

    Their ``finally`` blocks run, as they would then. Gives the number of tasks.
    """
    return each(_ALL_TASKS.instances(), _close_stranded)


def _close_stranded(task: Any) -> int:
    coroutine = task.get_coro()
    if task.done() or not task.get_loop().is_closed() or getattr(coroutine, "cr_frame", None) is None:
        return 0
    coroutine.close()
    return 1


def cancel_timers() -> int:
    """Cancel every ``threading.Timer`` that still waits; gives their number."""
    cancelled = 0
    for thread in _enumerate():
        if isinstance(thread, threading.Timer) and not thread.finished.is_set():
            thread.cancel()
            cancelled += 1
    return cancelled
