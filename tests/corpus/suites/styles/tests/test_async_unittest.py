from __future__ import annotations

import asyncio
import contextvars
import unittest

request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="")


class Oven:
    baked: list[asyncio.Future[str]] = []
    timers: list[dict[str, float]] = []
    warm: set[str] = set()


class BakingTest(unittest.IsolatedAsyncioTestCase):
    async def test_futures_are_kept(self):
        future = asyncio.get_running_loop().create_future()
        future.set_result("bread")
        Oven.baked.append(future)  # leak: isolated-test
        self.assertEqual(await future, "bread")


class TimerTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.started = asyncio.get_running_loop().time()
        Oven.timers.append({"started": self.started})  # leak: isolated-setup

    async def test_started(self):
        await asyncio.sleep(0)
        self.assertGreaterEqual(asyncio.get_running_loop().time(), self.started)


class QuietBakingTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.queue = asyncio.Queue()

    async def asyncTearDown(self):
        self.assertTrue(self.queue.empty())

    async def test_queue(self):
        await self.queue.put(1)
        self.assertEqual(await self.queue.get(), 1)

    async def test_gathered(self):
        async def bake(n):
            await asyncio.sleep(0)
            return n

        self.assertEqual(await asyncio.gather(*(bake(n) for n in range(50))), list(range(50)))

    async def test_cancelled(self):
        task = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task

    async def test_context(self):
        request.set("only here")
        self.assertEqual(request.get(), "only here")

    async def test_timeout(self):
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(3600), timeout=0.001)

    def test_plain_method(self):
        Oven.warm.add("bread")
        self.assertIn("bread", Oven.warm)
