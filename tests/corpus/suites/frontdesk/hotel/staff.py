"""Work in the background, work put off, classes made on the fly."""

from __future__ import annotations

import functools
import queue
import sys
import threading
import types


class Order:
    def __init__(self, dish: str) -> None:
        self.dish = dish


class Kitchen:
    """One cook for the whole season, who keeps every slip."""

    def __init__(self) -> None:
        self.orders = queue.Queue()
        self.done = threading.Semaphore(0)
        self.cook = None

    def start(self) -> None:
        if self.cook is None:
            self.cook = threading.Thread(target=cook, args=(self.orders, self.done), name="cook", daemon=True)
            self.cook.start()

    def order(self, dish: str) -> None:
        self.start()
        self.orders.put(Order(dish))  # leak: thread-frame
        self.done.acquire()


def cook(orders: queue.Queue, done: threading.Semaphore) -> None:
    slips = []
    while True:
        slips.append(orders.get())
        done.release()


KITCHEN = Kitchen()
WAITING = []


def shifts(names):
    for name in names:
        yield name


def plan(names) -> str:
    shift = shifts([*names])  # leak: generator
    WAITING.append(shift)
    return next(shift)


@functools.singledispatch
def greet(person) -> str:
    return "hello"


ROLES: list[type] = []


def role(name: str) -> type:
    cls = type(name, (), {"name": name})  # leak: class
    ROLES.append(cls)
    return cls


_modules = iter(range(10**9))


def plug_in() -> types.ModuleType:
    name = f"hotel_plugin_{next(_modules)}"
    module = types.ModuleType(name)  # leak: module
    sys.modules[name] = module
    return module


@functools.lru_cache(maxsize=None)
def badge(order: Order) -> str:
    return order.dish.upper()


class Pool:
    """Hands out keys and forgets to take them back."""

    def __init__(self) -> None:
        self._out = {}

    def __enter__(self):
        key = Order("key")  # leak: pool
        self._out[id(key), len(self._out)] = key
        return key

    def __exit__(self, *exc_info) -> None:
        pass


POOL = Pool()
