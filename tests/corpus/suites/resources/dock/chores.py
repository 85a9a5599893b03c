"""Event loops: one for the whole session in a thread of its own, others for a moment."""

import asyncio
import threading

_WAITING = []
_OLD_LOOPS = []


class Office:
    """An event loop in a thread."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="office", daemon=True)
        self.thread.start()

    def ask(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(20)
        self.loop.close()


async def wait_for_mail(event):
    await event.wait()


async def subscribe():
    event = asyncio.Event()
    _WAITING.append(event)
    task = asyncio.create_task(wait_for_mail(event))  # leak: subscription
    event.task = task
    await asyncio.sleep(0)


def remind(who):
    return who


async def plan():
    asyncio.get_running_loop().call_later(3600, remind, "pilot")  # leak: plan


def another_loop():
    _OLD_LOOPS.append(asyncio.new_event_loop())  # leak: loop


# -- innocent from here on


async def short_chores():
    return await asyncio.gather(*(asyncio.sleep(0.001, result=n) for n in range(5)))


async def in_a_thread(function, *args):
    return await asyncio.get_running_loop().run_in_executor(None, function, *args)


async def cancelled_plan():
    asyncio.get_running_loop().call_later(3600, remind, "pilot").cancel()


async def left_alone():
    """Cancelled by ``asyncio.run`` when it ends."""
    asyncio.create_task(asyncio.sleep(600))
    await asyncio.sleep(0)
