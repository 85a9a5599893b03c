from __future__ import annotations

import asyncio

from courier import depot


def test_run():
    assert asyncio.run(depot.drive(2)) == 4


def test_loop_that_is_closed():
    loop = asyncio.new_event_loop()
    loop.call_later(3600, print)
    loop.close()
    assert loop.is_closed()
