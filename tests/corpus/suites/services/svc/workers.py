"""Threads that live as long as the process, and what they hold."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
from collections.abc import Callable
from typing import Any

_local = threading.local()
_local_cache = threading.local()


class Worker:
    """One daemon thread that runs jobs in turn."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[tuple[Callable[[], Any], queue.Queue[Any]]] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, job: Callable[[], Any]) -> Any:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="svc-worker", daemon=True)
                self._thread.start()
        done: queue.Queue[Any] = queue.Queue(1)
        self._jobs.put((job, done))
        return done.get(timeout=30)

    def _work(self) -> None:
        while True:
            job, done = self._jobs.get()
            done.put(job())
            del job, done


worker = Worker()
pool = concurrent.futures.ThreadPoolExecutor(max_workers=2, thread_name_prefix="svc-pool")
_FUTURES: list[concurrent.futures.Future[Any]] = []
_BACKLOG: queue.Queue[dict[str, int]] = queue.Queue()
_STACK: queue.LifoQueue[bytes] = queue.LifoQueue(maxsize=16)


def seen_in_thread(name: str) -> int:
    if not hasattr(_local, "seen"):
        _local.seen = []
    _local.seen.append({"name": name})  # leak: thread-local
    return len(_local.seen)


def cached_in_thread(name: str) -> int:
    if not hasattr(_local_cache, "sizes"):
        _local_cache.sizes = {}
    return int(_local_cache.sizes.setdefault(name, len(name)))


def later(amount: int) -> int:
    _BACKLOG.put({"amount": amount})  # leak: backlog
    return _BACKLOG.qsize()


def bounded(data: bytes) -> int:
    try:
        _STACK.put_nowait(data)
    except queue.Full:
        _STACK.get_nowait()
        _STACK.put_nowait(data)
    return _STACK.qsize()


def in_background(job: Callable[[], Any]) -> concurrent.futures.Future[Any]:
    future = pool.submit(job)
    _FUTURES.append(future)  # leak: futures
    return future
