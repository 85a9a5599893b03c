from __future__ import annotations

import asyncio

from svc import streams


def test_first_of_a_stream():
    assert streams.first(100) == 0


def test_exhausted_stream():
    assert sum(streams.numbers(1_000)) == 499_500


def test_abandoned_stream():
    stream = streams.numbers(1_000)
    assert next(stream) == 0


def test_planned_work():
    assert streams.planned(3).cr_frame is None


def test_doubled():
    assert streams.doubled(21) == 42


def test_doubled_quietly():
    assert streams.doubled_quietly(21) == 42


def test_a_loop_of_our_own():
    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(streams.double(4)) == 8
    finally:
        loop.close()


def test_timers_are_cancelled():
    async def main():
        loop = asyncio.get_running_loop()
        handles = [loop.call_later(3600, print) for _ in range(50)]
        for handle in handles:
            handle.cancel()
        await asyncio.sleep(0)
        return len(handles)

    assert asyncio.run(main()) == 50
