from __future__ import annotations

import anyio
import pytest
from anyio.abc import TaskStatus

pytestmark = pytest.mark.anyio

CROSSINGS: list[dict[str, object]] = []
STREAMS: list[object] = []
LOGBOOK: list[list[float]] = []
HARBOUR: dict[int, bytearray] = {}


async def cross(passengers: int) -> int:
    await anyio.sleep(0)
    return passengers


@pytest.fixture
async def logbook():
    yield "open"
    await anyio.sleep(0)
    LOGBOOK.append([len(LOGBOOK) / 3])  # leak: anyio-fixture


@pytest.fixture
async def harbour():
    await anyio.sleep(0)
    return {"berths": list(range(300))}


async def test_crossing_is_noted():
    CROSSINGS.append({"passengers": await cross(12)})  # leak: anyio-test
    assert CROSSINGS[-1] == {"passengers": 12}


async def test_stream_stays_open():
    send, receive = anyio.create_memory_object_stream(5)
    await send.send(b"fare")
    STREAMS.append((send.statistics(), bytearray(500)))  # leak: anyio-statistics
    assert await receive.receive() == b"fare"
    await send.aclose()
    await receive.aclose()


async def test_logbook(logbook):
    assert logbook == "open"


@pytest.mark.parametrize("berth", [1, 2, 3])
async def test_third_berth_is_taken(berth):
    if berth == 3:
        HARBOUR[len(HARBOUR)] = bytearray(700)  # leak: anyio-parameter
    assert await cross(berth) == berth


async def test_harbour(harbour):
    assert len(harbour["berths"]) == 300


async def test_task_group():
    arrived = []

    async def sail(n):
        arrived.append(await cross(n))

    async with anyio.create_task_group() as group:
        for n in range(50):
            group.start_soon(sail, n)
    assert sorted(arrived) == list(range(50))


async def test_started_task_is_cancelled():
    async def serve(*, task_status: TaskStatus = anyio.TASK_STATUS_IGNORED):
        task_status.started("ready")
        await anyio.sleep(3600)

    async with anyio.create_task_group() as group:
        assert await group.start(serve) == "ready"
        group.cancel_scope.cancel()


async def test_move_on_after():
    with anyio.move_on_after(0.001) as scope:
        await anyio.sleep(3600)
    assert scope.cancelled_caught


async def test_fail_after():
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0.001):
            await anyio.sleep(3600)


async def test_work_in_a_thread():
    assert await anyio.to_thread.run_sync(sum, range(1_000)) == 499_500


async def test_streams_are_closed():
    send, receive = anyio.create_memory_object_stream(10)
    async with send, receive:
        for n in range(10):
            await send.send(n)
        assert [await receive.receive() for _ in range(10)] == list(range(10))


async def test_locks_and_events():
    event, lock = anyio.Event(), anyio.Lock()

    async def wait():
        async with lock:
            await event.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.sleep(0)
        event.set()


async def test_cancelled_scope_in_a_shield():
    with anyio.CancelScope() as scope:
        scope.cancel()
        with anyio.CancelScope(shield=True):
            assert await cross(1) == 1


def test_plain_function():
    assert anyio.run(cross, 4) == 4
