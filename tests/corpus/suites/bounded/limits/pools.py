"""Pools and queues with a limit, and a database connection that stays open."""

from __future__ import annotations

import queue
import random
import sqlite3
import threading
from collections.abc import Callable
from typing import Any


class Buffer:
    def __init__(self) -> None:
        self.data = bytearray(10_000)
        self.uses = 0


class ObjectPool:
    """Gives a buffer of at most eight, made when it is first asked for."""

    def __init__(self, limit: int = 8) -> None:
        self.limit = limit
        self.made: list[Buffer] = []

    def any(self) -> Buffer:
        number = random.randrange(self.limit)
        while len(self.made) <= number:
            self.made.append(Buffer())
        self.made[number].uses += 1
        return self.made[number]


class ConnectionPool:
    """Keeps connections that were given back, five at most."""

    def __init__(self, size: int = 5) -> None:
        self.idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue(size)

    def take(self) -> sqlite3.Connection:
        try:
            return self.idle.get_nowait()
        except queue.Empty:
            return sqlite3.connect(":memory:", check_same_thread=False)

    def give(self, connection: sqlite3.Connection) -> None:
        try:
            self.idle.put_nowait(connection)
        except queue.Full:
            connection.close()


class Drain:
    """A daemon that empties its queue and remembers the last hundred results."""

    def __init__(self) -> None:
        self.jobs: queue.Queue[Callable[[], Any]] = queue.Queue(50)
        self.results: list[Any] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, job: Callable[[], Any]) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
                self._thread.start()
        self.jobs.put(job)

    def _run(self) -> None:
        while True:
            job = self.jobs.get()
            self.results.append(job())
            del job
            del self.results[:-5]
            self.jobs.task_done()


objects = ObjectPool()
connections = ConnectionPool()
drain = Drain()
inbox: queue.Queue[str] = queue.Queue(maxsize=40)
_database: sqlite3.Connection | None = None


def database() -> sqlite3.Connection:
    global _database
    if _database is None:
        _database = sqlite3.connect(":memory:", check_same_thread=False)
        _database.execute("create table visit (id integer primary key, page text)")
    return _database


def receive(message: str) -> int:
    if inbox.full():
        inbox.get_nowait()
    inbox.put_nowait(message)
    return inbox.qsize()
