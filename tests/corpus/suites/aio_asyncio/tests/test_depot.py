from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio
from courier import depot

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def opened():
    names = ["north", "south"]
    depot.OPENED.append(names)  # leak: async-fixture-setup
    await asyncio.sleep(0)
    return names


@pytest_asyncio.fixture
async def closing():
    buffer = bytearray(3_000)
    yield buffer
    await asyncio.sleep(0)
    depot.CLOSED.append(("closed", buffer))  # leak: async-fixture-teardown


@pytest_asyncio.fixture
async def fleet():
    tasks = [asyncio.create_task(depot.drive(n)) for n in range(10)]
    yield tasks
    await asyncio.gather(*tasks)


async def test_receipt():
    assert (await depot.deliver(3))["parcel"] == 3


async def test_dispatched():
    assert await depot.dispatched(4) == 8


async def test_announced():
    assert await depot.announced() == "here"


async def test_channel():
    assert await depot.channel(b"x" * 100) == 1


async def test_first_stop():
    assert await depot.first_stop(5) == 0


async def test_opened(opened):
    assert opened == ["north", "south"]


async def test_closing(closing):
    assert len(closing) == 3_000


@pytest.mark.parametrize("parcel", [1, 2])
async def test_parametrized(parcel):
    if parcel == 2:
        await depot.deliver(parcel)
    assert await depot.drive(parcel) == 2 * parcel


async def test_fleet(fleet):
    assert len(fleet) == 10


async def test_all_stops():
    assert [stop async for stop in depot.stops(20)] == list(range(20))


async def test_gathered():
    assert sum(await asyncio.gather(*(depot.drive(n) for n in range(100)))) == 9_900


async def test_cancelled():
    task = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_timeout():
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.sleep(3600), 0.001)


async def test_timers_are_cancelled():
    loop = asyncio.get_running_loop()
    handles = [loop.call_later(3600, print) for _ in range(30)]
    for handle in handles:
        handle.cancel()
    await asyncio.sleep(0)


async def test_producer_and_consumer():
    queue = asyncio.Queue(maxsize=3)

    async def produce():
        for n in range(50):
            await queue.put(n)

    producer = asyncio.create_task(produce())
    received = [await queue.get() for _ in range(50)]
    await producer
    assert received == list(range(50))


async def test_lock_and_event():
    lock, event = asyncio.Lock(), asyncio.Event()

    async def wait():
        async with lock:
            await event.wait()

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)
    event.set()
    await waiter
    assert not lock.locked()


async def test_context_of_a_task():
    async def name():
        depot.trace.set("task")
        return depot.trace.get()

    assert await asyncio.create_task(name()) == "task"
    assert depot.trace.get() == "-"


async def test_failure_in_a_task():
    async def fail():
        raise ValueError("parcel lost")

    results = await asyncio.gather(*(fail() for _ in range(5)), return_exceptions=True)
    assert {str(result) for result in results} == {"parcel lost"}


async def test_work_in_a_thread():
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(None, sum, range(1_000)) == 499_500
