import anyio
import pytest
import shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stream():
    send, receive = anyio.create_memory_object_stream(3)
    async with send, receive:
        yield send, receive


@pytest.fixture(scope="module")
def anyio_backend(request):
    return request.param


def pytest_generate_tests(metafunc):
    if "anyio_backend" in metafunc.fixturenames:
        metafunc.parametrize("anyio_backend", ["asyncio", "trio"], indirect=True, scope="module")


@pytest.fixture(scope="module")
async def market(anyio_backend):
    lock = anyio.Lock()
    yield lock


async def test_stream(stream):
    send, receive = stream
    await send.send(3)
    assert await receive.receive() == 3


async def test_group():
    done = []

    async def work(number):
        await anyio.sleep(0)
        done.append(number)

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(work, number)
    assert sorted(done) == [0, 1, 2, 3]


async def test_cancelled():
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught


async def test_thread_pool():
    assert (await anyio.to_thread.run_sync(shop.offer, 3)).price == 3


async def test_market(market):
    async with market:
        await anyio.sleep(0)


async def test_group_fails():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0)
        raise LookupError("in a group")


async def test_leak_in_a_group():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0)
        shop.sell()
