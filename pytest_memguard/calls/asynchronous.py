"""Coroutine functions inside a running event loop: the check has a thread of its own, the calls are made by the loop.

Loop and check take turns and never run at the same time: while memory is read the loop stands still. Any event loop
will do, because nothing but ``await`` is asked of it.
"""

from __future__ import annotations

import _thread
import inspect
import sys
import threading
from collections.abc import Callable, Generator
from itertools import repeat
from typing import Any

from pytest_memguard.calls.making import CallsOnLoop, Making
from pytest_memguard.settle import Settler

__all__ = ["PendingCheck", "is_awaited", "start"]

Check = Callable[[Making], None]


def is_awaited(function: Callable[..., object]) -> bool:
    """Whether calling it gives something to be awaited, as far as can be told without a call; never raises."""
    try:
        return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
    except Exception:  # noqa: BLE001 - a callable may be anything
        return False


def start(check: Check, call: Callable[[], Any], *, name: str) -> PendingCheck:
    """Check a coroutine function: at once where no event loop runs in this thread, else when it is awaited."""
    if _in_loop():
        return PendingCheck(check, call, name=name)
    calls = CallsOnLoop(call)
    try:
        check(calls)
    finally:
        calls.close()
    return PendingCheck(None, call, name=name)


def _in_loop() -> bool:
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    if asyncio is not None and asyncio._get_running_loop() is not None:  # noqa: SLF001 - the public one raises
        return True
    return trio is not None and bool(trio.lowlevel.in_trio_task())


class PendingCheck:
    """What ``assert_no_leak`` gives for a coroutine function, to be awaited; done already outside an event loop."""

    def __init__(self, check: Check | None, call: Callable[[], Any], *, name: str) -> None:
        self._check = check
        self._call = call
        self.name = name

    @property
    def is_done(self) -> bool:
        """Whether the check has been made, or begun."""
        return self._check is None

    def __await__(self) -> Generator[Any, None, None]:
        __tracebackhide__ = True
        return self._run().__await__()

    async def _run(self) -> None:
        __tracebackhide__ = True
        check, self._check = self._check, None
        if check is not None:
            await _Turns(self._call).serve(check)


class _Turns:
    """Calls that the check asks for from its thread and the loop makes. ``one``, ``many``: see ``Making``."""

    threads = 1

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._wanted = 0
        self._result: object = None
        self._error: BaseException | None = None
        self._is_over = False
        self._saturate = Settler().saturate
        self._loop_may = _thread.allocate_lock()
        self._check_may = _thread.allocate_lock()
        self._loop_may.acquire()
        self._check_may.acquire()

    # -- in the thread of the check

    def one(self) -> object:
        self.many(1)
        result, self._result = self._result, None
        return result

    def many(self, count: int) -> None:
        __tracebackhide__ = True
        self._wanted = count
        self._loop_may.release()
        self._check_may.acquire()
        error, self._error = self._error, None
        if error is not None:
            raise error
        if count > 1:
            self._result = None

    def close(self) -> None:
        pass

    def _work(self, check: Check) -> None:
        __tracebackhide__ = True
        try:
            check(self)
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            self._error = error
        self._is_over = True
        self._loop_may.release()

    # -- in the thread of the loop

    async def serve(self, check: Check) -> None:
        """Make the calls that the check wants until it is over; raises what it raises."""
        __tracebackhide__ = True
        thread = threading.Thread(target=self._work, args=(check,), name="memguard.assert_no_leak", daemon=True)
        thread.start()
        self._wait()
        while not self._is_over:
            if self._error is None:
                await self._make()
            self._check_may.release()
            self._wait()
        thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def _make(self) -> None:
        __tracebackhide__ = True
        try:
            for _ in repeat(None, self._wanted):
                self._result = await self._call()
        except BaseException as error:  # noqa: BLE001 - the check ends with it, and raises it again
            self._error = error
        self._saturate()  # each thread has chunk caches of its own

    def _wait(self) -> None:
        try:
            self._loop_may.acquire()
        except KeyboardInterrupt as error:
            self._loop_may.acquire()
            self._error = self._error or error
