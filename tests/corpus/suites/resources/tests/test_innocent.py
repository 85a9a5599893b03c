import asyncio
import contextlib
import io
import logging
import multiprocessing
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import pool as multiprocessing_pool
from multiprocessing import shared_memory

import pytest

from dock import boats, chores, crew, files, links, scratch


def test_rotate(tmp_path):
    files.rotate(tmp_path / "harbour.log")


def test_rotate_elsewhere():
    files.rotate(os.path.join(scratch.root(), "harbour.log"))


def test_shared():
    assert files.shared("/etc/hostname").fileno() > 2


def test_recent():
    files.recent("/etc/hostname")


def test_log_once():
    files.log_once(os.path.join(scratch.root(), "once.log"), "arrived")


def test_fifty_files(cargo):
    with contextlib.ExitStack() as stack:
        assert len([stack.enter_context(open(cargo)) for _ in range(50)]) == 50


def test_swapped_by_dup2(cargo):
    saved = os.dup(1)
    with open(cargo, "rb") as stream:
        os.dup2(stream.fileno(), 1)
    os.dup2(saved, 1)
    os.close(saved)


def test_left_to_the_collector(cargo):
    knot = [open(cargo)]
    knot.append(knot)


def test_circle():
    links.Circle()


def test_pair():
    here, there = socket.socketpair()
    with here, there:
        here.sendall(b"x")
        assert there.recv(1) == b"x"


def test_exchange(exchange):
    with socket.create_connection(exchange, timeout=10) as line:
        line.sendall(b"x")
        assert line.recv(1) == b"x"


def test_exchange_twice(exchange):
    for _ in range(2):
        with socket.create_connection(exchange, timeout=10) as line:
            line.sendall(b"y")
            assert line.recv(1) == b"y"


def test_pool_fills_up(pool):
    assert pool.take().fileno() > 2


def test_epoll():
    with select.epoll() as poll:
        assert poll.fileno() > 2


def test_common_gang():
    assert crew.common_gang.submit(pow, 2, 3).result() == 8


def test_common_gang_at_work():
    assert list(crew.common_gang.map(abs, range(-20, 0))) == list(range(20, 0, -1))


def test_gang_for_a_moment():
    with ThreadPoolExecutor(4) as gang:
        assert gang.submit(pow, 2, 3).result() == 8


def test_thread_pool_of_multiprocessing():
    with multiprocessing_pool.ThreadPool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
        pool.close()
        pool.join()


def test_tired():
    crew.tired(0.15)


def test_harbour_master():
    crew.harbour_master()


def test_log_through_a_queue():
    crew.log_through_a_queue()


def test_alarm_cancelled():
    alarm = threading.Timer(600, print)
    alarm.start()
    alarm.cancel()
    alarm.join()


def test_run():
    assert asyncio.run(chores.short_chores()) == list(range(5))


def test_run_in_default_executor():
    assert asyncio.run(chores.in_a_thread(abs, -3)) == 3


def test_office(office):
    assert office.ask(chores.short_chores()) == list(range(5))


def test_office_in_default_executor(office):
    assert office.ask(chores.in_a_thread(abs, -3)) == 3


def test_cancelled_plan(office):
    office.ask(chores.cancelled_plan())


def test_left_alone():
    asyncio.run(chores.left_alone())


def test_subprocess():
    assert subprocess.run(["echo", "x"], capture_output=True, check=True).stdout == b"x\n"


def test_waited_for_later():
    boats.waited_for_later(0.1)


def test_forgotten():
    boats.forgotten()


def test_shared_memory():
    memory = shared_memory.SharedMemory(create=True, size=64)
    memory.close()
    memory.unlink()


def test_forked():
    boat = multiprocessing.get_context("fork").Process(target=boats.sail, args=(0,))
    boat.start()
    boat.join()
    boat.close()


def test_forkserver():
    boat = multiprocessing.get_context("forkserver").Process(target=boats.sail, args=(0,))
    boat.start()
    boat.join()
    boat.close()


@pytest.fixture(scope="module")
def fleet():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as fleet:
        yield fleet


def test_fleet(fleet):
    assert fleet.submit(abs, -4).result() == 4


def test_tmp_path(tmp_path):
    (tmp_path / "note").write_text("x")
    tempfile.mkdtemp(dir=tmp_path)


def test_temporary_folder():
    with tempfile.TemporaryDirectory() as folder:
        assert os.path.isdir(folder)


def test_temporary_file():
    with tempfile.NamedTemporaryFile() as stream:
        assert os.path.exists(stream.name)


def test_unnamed_file():
    with tempfile.TemporaryFile() as stream:
        stream.write(b"x")


def test_removed():
    number, path = tempfile.mkstemp()
    os.close(number)
    os.remove(path)


def test_same_name_each_time():
    with open(os.path.join(tempfile.gettempdir(), "dock-same-name.txt"), "w") as stream:
        stream.write("x")


def test_root():
    assert os.path.isdir(scratch.root())


def test_reading_a_pipe():
    with os.popen("echo x") as stream:
        assert stream.read() == "x\n"


class TestCleanups(unittest.TestCase):
    def setUp(self):
        self.stream = open("/etc/hostname")
        self.addCleanup(self.stream.close)

    def test_read(self):
        self.assertTrue(self.stream.read())


def test_handler_of_the_test_is_removed(tmp_path):
    handler = logging.FileHandler(tmp_path / "x.log")
    files.harbour_log.addHandler(handler)
    files.harbour_log.removeHandler(handler)
    handler.close()
