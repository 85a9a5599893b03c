import queue
import socket
import subprocess
import threading
import time

import gevent
import gevent.event
import gevent.pool
import pytest
import shop


def test_spawn():
    jobs = [gevent.spawn(shop.offer, n) for n in range(4)]
    gevent.joinall(jobs)
    assert [job.value.price for job in jobs] == [0, 1, 2, 3]


def test_pool():
    assert gevent.pool.Pool(2).map(shop.tax, ["de", "fr"]) == [0.19, 0.2]


def test_sleep():
    time.sleep(0.01)


def test_queue():
    items = queue.Queue()
    worker = threading.Thread(target=items.put, args=(3,))
    worker.start()
    assert items.get(timeout=5) == 3
    worker.join()


def test_server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        visitor = gevent.spawn(socket.create_connection, server.getsockname())
        connection, _ = server.accept()
        connection.close()
        visitor.get().close()


def test_timeout():
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.01):
        gevent.sleep(10)


def test_fails_in_a_greenlet():
    gevent.spawn(int, "3").get()
    assert gevent.spawn(int, "4").get() == 5


def test_leak_of_a_status_that_gevent_keeps():
    assert subprocess.run(["true"], check=False).returncode == 0


def test_leak_in_a_greenlet():
    gevent.spawn(shop.sell).get()


def test_leak_of_a_greenlet():
    shop.ORDERS.append(gevent.spawn(gevent.event.Event().wait))
    gevent.sleep(0)
