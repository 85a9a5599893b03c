"""The depot: what is delivered, and what is kept of it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from typing import Any

trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="-")

DELIVERED: list[dict[str, int]] = []
RESULTS: list[asyncio.Task[Any]] = []
WAITING: list[asyncio.Future[Any]] = []
CHANNELS: dict[int, asyncio.Queue[bytes]] = {}
ROUTES: list[Any] = []
OPENED: list[list[str]] = []
CLOSED: list[tuple[str, bytearray]] = []


async def deliver(parcel: int) -> dict[str, int]:
    await asyncio.sleep(0)
    receipt = {"parcel": parcel, "state": 1}
    DELIVERED.append(receipt)  # leak: async-receipts
    return receipt


async def drive(parcel: int) -> int:
    await asyncio.sleep(0)
    return parcel * 2


async def dispatched(parcel: int) -> int:
    task = asyncio.create_task(drive(parcel))
    RESULTS.append(task)  # leak: async-task-results
    return await task


async def announced() -> Any:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: None)
    WAITING.append(future)  # leak: async-futures
    future.set_result("here")
    return await future


async def channel(data: bytes) -> int:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    CHANNELS[len(CHANNELS)] = queue  # leak: async-queues
    await queue.put(data)
    return queue.qsize()


async def stops(count: int) -> AsyncIterator[int]:
    for stop in range(count):
        await asyncio.sleep(0)
        yield stop


async def first_stop(count: int) -> int:
    route = stops(count)
    ROUTES.append(route)  # leak: async-generators
    stop = await route.__anext__()
    await route.aclose()
    return stop
