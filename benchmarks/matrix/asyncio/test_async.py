import asyncio
import contextvars

import pytest
import pytest_asyncio
import shop

CUSTOMER = contextvars.ContextVar("customer", default="nobody")
FOREVER = []


@pytest.fixture
async def till():
    queue = asyncio.Queue()
    worker = asyncio.create_task(serve(queue))
    yield queue
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def serve(queue):
    while True:
        await queue.get()
        queue.task_done()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def market():
    lock = asyncio.Lock()
    yield lock
    assert not lock.locked()


async def test_awaits():
    await asyncio.sleep(0)
    print("awaited")


async def test_fails_async():
    await asyncio.sleep(0)
    assert 0, "in a coroutine"


async def test_queue(till):
    for number in range(3):
        till.put_nowait(number)
    await till.join()


async def test_gather():
    assert await asyncio.gather(*(asyncio.sleep(0, n) for n in range(3))) == [0, 1, 2]


async def test_thread_pool():
    assert (await asyncio.to_thread(shop.offer, 3)).price == 3


async def test_timeout():
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)


async def test_context():
    CUSTOMER.set("somebody")
    assert CUSTOMER.get() == "somebody"


async def test_subprocess():
    process = await asyncio.create_subprocess_exec("true")
    assert await process.wait() == 0


async def test_server():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"3\n")
    assert await reader.readline() == b"3\n"
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


async def test_leak_in_a_coroutine():
    shop.sell(3)


async def test_leak_of_a_future():
    FOREVER.append(asyncio.get_running_loop().create_future())


@pytest.mark.asyncio(loop_scope="module")
class TestMarket:
    async def test_first(self, market):
        async with market:
            await asyncio.sleep(0)

    async def test_second(self, market):
        assert not market.locked()

    async def test_leak_of_a_task(self, market):
        task = asyncio.create_task(asyncio.Event().wait())
        FOREVER.append(task)
        await asyncio.sleep(0)


@pytest.mark.parametrize("price", [1, 2])
async def test_parametrized(price):
    assert shop.offer(price).price == price


def test_not_async():
    assert asyncio.run(asyncio.sleep(0, 4)) == 4
