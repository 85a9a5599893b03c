"""How calls are made, one or many: at once, on an event loop of their own, or by a loop that is running already."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from types import CoroutineType
from typing import Any, Protocol

__all__ = ["Calls", "CallsOnLoop", "Making"]


class Making(Protocol):
    """Makes calls of one function; what that raises is passed on. ``threads``: those that it takes itself."""

    threads: int

    def one(self) -> object:
        """One call; its result."""

    def many(self, count: int) -> None:
        """So many calls; their results are dropped at once."""

    def close(self) -> None:
        """Give back what making calls took."""


class Calls:
    """Calls of a function that is done when it returns."""

    threads = 0

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def one(self) -> object:
        """One call; its result. Raises ``TypeError`` for one that nobody awaits."""
        result = self._call()
        if isinstance(result, CoroutineType):
            result.close()
            raise TypeError(
                "memguard.assert_no_leak: the function returns a coroutine that nobody awaits; pass the coroutine "
                "function itself, and its arguments after it"
            )
        return result

    def many(self, count: int) -> None:
        """So many calls; their results are dropped at once."""
        call = self._call
        for _ in repeat(None, count):
            call()

    def close(self) -> None:
        """Nothing is to be given back."""


class CallsOnLoop:
    """Calls of a coroutine function, each run to its end on one event loop of their own."""

    threads = 0

    def __init__(self, call: Callable[[], Any]) -> None:
        import asyncio  # noqa: PLC0415 - only who tests coroutines pays for it

        self._call = call
        self._loop = asyncio.new_event_loop()
        self._rest = asyncio.sleep

    def one(self) -> object:
        """One call; its result."""
        return self._loop.run_until_complete(_awaited(self._call()))

    def many(self, count: int) -> None:
        """So many calls, and two turns of the loop for what they have left to be called soon."""
        self._loop.run_until_complete(self._many(count))

    async def _many(self, count: int) -> None:
        call = self._call
        for _ in repeat(None, count):
            await call()
        await self._rest(0)
        await self._rest(0)

    def close(self) -> None:
        """Close the loop."""
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


async def _awaited(awaitable: Any) -> object:
    """Any awaitable as a coroutine, which is all that a loop takes."""
    return await awaitable
