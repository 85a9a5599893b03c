"""Generators, coroutines and loops."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

_OPEN: list[Generator[int, None, None]] = []
_COROUTINES: list[Coroutine[Any, Any, int]] = []
_DONE: list[asyncio.Task[Any]] = []


def numbers(limit: int) -> Generator[int, None, None]:
    buffer = list(range(limit))
    for number in buffer:
        yield number


def first(limit: int) -> int:
    stream = numbers(limit)
    _OPEN.append(stream)  # leak: suspended-generators
    return next(stream)


async def double(value: int) -> int:
    await asyncio.sleep(0)
    return value * 2


def planned(value: int) -> Coroutine[Any, Any, int]:
    coroutine = double(value)
    coroutine.close()
    _COROUTINES.append(coroutine)  # leak: stored-coroutines
    return coroutine


async def _tracked(value: int) -> int:
    task = asyncio.create_task(double(value))
    _DONE.append(task)  # leak: kept-tasks
    return await task


def doubled(value: int) -> int:
    return asyncio.run(_tracked(value))


def doubled_quietly(value: int) -> int:
    return asyncio.run(double(value))
