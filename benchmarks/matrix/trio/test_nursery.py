import pytest
import shop
import trio
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
async def channel():
    send, receive = trio.open_memory_channel(3)
    async with send, receive:
        yield send, receive


async def test_channel(channel):
    await channel[0].send(3)
    assert await channel[1].receive() == 3


async def test_nursery(nursery):
    event = trio.Event()
    nursery.start_soon(event.wait)
    await trio.testing.wait_all_tasks_blocked()
    event.set()


async def test_background(nursery):
    nursery.start_soon(trio.sleep_forever)


async def test_clock(autojump_clock):
    await trio.sleep(3600)


async def test_fails_in_a_nursery(nursery):
    raise LookupError("in a nursery")


async def test_thread_pool():
    assert (await trio.to_thread.run_sync(shop.offer, 3)).price == 3


async def test_leak_in_a_task(nursery):
    shop.sell()


@settings(max_examples=20)
@given(st.integers())
async def test_property(number):
    await trio.sleep(0)
    assert shop.offer(number).price == number


@settings(max_examples=5)
@given(st.integers())
async def test_leak_in_a_property(number):
    await trio.sleep(0)
    shop.sell(number)
