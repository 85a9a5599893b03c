"""Mails."""

from __future__ import annotations

import asyncio

from shop.notifications import Delivery, notify


def test_one_failure_does_not_stop_the_others() -> None:
    mails: dict[str, str] = {}

    async def send(customer: str, text: str) -> None:
        await asyncio.sleep(0)
        if customer == "eve":
            raise ConnectionError(customer)
        mails[customer] = text

    delivery = asyncio.run(notify(["ada", "eve", "grace"], "Your tea is on its way.", send, at_once=2))

    assert delivery == Delivery(sent=("ada", "grace"), failed=("eve",))
    assert set(mails) == {"ada", "grace"}
