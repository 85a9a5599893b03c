from __future__ import annotations

import threading

from svc import workers


def test_worker_counts_what_it_saw():
    assert workers.worker.run(lambda: workers.seen_in_thread("a")) >= 1


def test_worker_caches_by_name():
    assert workers.worker.run(lambda: workers.cached_in_thread("abc")) == 3


def test_worker_handles_large_jobs():
    data = list(range(20_000))
    assert workers.worker.run(lambda: sum(data)) == sum(range(20_000))


def test_backlog_grows():
    assert workers.later(3) >= 1


def test_bounded_stack():
    assert workers.bounded(bytes(600)) <= 16


def test_future_has_a_result():
    assert workers.in_background(lambda: 6 * 7).result(30) == 42


def test_pool_maps():
    assert list(workers.pool.map(len, ["a", "bb", "ccc"])) == [1, 2, 3]


def test_threads_are_joined():
    results = []

    def collect(n):
        loop = {"n": n}
        loop["self"] = loop
        results.append(n)

    threads = [threading.Thread(target=collect, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 1, 2, 3]


def test_thread_local_state_goes_with_its_thread():
    local = threading.local()
    sizes = []

    def fill():
        local.data = list(range(5_000))
        sizes.append(len(local.data))

    for _ in range(2):
        thread = threading.Thread(target=fill)
        thread.start()
        thread.join()
    assert sizes == [5_000, 5_000]
    assert not hasattr(local, "data")


def test_timer_is_cancelled():
    timer = threading.Timer(60, print)
    timer.daemon = True
    timer.start()
    timer.cancel()
    timer.join()
    assert timer.finished.is_set()


def test_event_wakes_a_waiter():
    event = threading.Event()
    waiter = threading.Thread(target=event.wait, args=(30,))
    waiter.start()
    event.set()
    waiter.join()
    assert not waiter.is_alive()
