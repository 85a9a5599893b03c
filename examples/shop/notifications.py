"""Mails to customers, several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

Send = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True)
class Delivery:
    """Who got a mail, and who did not."""

    sent: tuple[str, ...]
    failed: tuple[str, ...]


async def notify(customers: Iterable[str], text: str, send: Send, *, at_once: int = 4) -> Delivery:
    """Send the text to each customer; one that fails does not keep the others from theirs."""
    gate = asyncio.Semaphore(at_once)

    async def deliver(customer: str) -> bool:
        async with gate:
            try:
                await send(customer, text)
            except ConnectionError:
                return False
            return True

    everybody = tuple(customers)
    results = await asyncio.gather(*(deliver(customer) for customer in everybody))
    outcome = tuple(zip(everybody, results, strict=True))
    return Delivery(tuple(c for c, ok in outcome if ok), tuple(c for c, ok in outcome if not ok))
