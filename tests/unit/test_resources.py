"""What a process holds besides memory is listed by identity, and described without running anybody's code."""

from __future__ import annotations

import _thread
import asyncio
import ctypes
import functools
import gc
import io
import mmap
import os
import resource
import select
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_memguard.probes import open_children, share_of_descriptors
from pytest_memguard.resources.files import untracked_files
from pytest_memguard.resources.inventory import open_inventory
from pytest_memguard.resources.loops import Loops
from pytest_memguard.resources.names import callable_name, stable_path, temp_folder
from pytest_memguard.resources.resource import KINDS, Key
from pytest_memguard.resources.rounds import Rounds, most_telling
from pytest_memguard.resources.signals import FolderStamp, Signals

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def loops():
    return Loops()


@pytest.fixture
def inventory(loops):
    return open_inventory(open_children().read, loops)


class Listing:
    """What is new since it was made."""

    def __init__(self, inventory, kinds=KINDS):
        self.inventory, self.kinds = inventory, kinds
        self.before = inventory.take(kinds)

    def __call__(self):
        new = self.inventory.take(self.kinds) - self.before
        found = self.inventory.describe(new, gc.get_objects()).values()
        # pytest-xdist starts threads of its own in a worker, now and then.
        return sorted((each for each in found if not each.name.startswith("execnet.")), key=lambda each: each.name)

    def only(self):
        (found,) = self()
        return found


class Wild(io.FileIO):
    def fileno(self):
        raise RuntimeError("asked")


def wait_for(gate):
    gate.wait(60)


class TestDescriptors:
    @pytest.fixture
    def new(self, inventory):
        return Listing(inventory, ("fd", "socket"))

    def test_a_file_is_its_path_and_its_outermost_object(self, new, tmp_path):
        path = tmp_path / "data.txt"
        with path.open("w") as stream:
            found = new.only()
            assert (found.kind, found.name, found.is_helper) == ("fd", str(path), False)
            assert found.obj is stream

    def test_the_object_of_a_named_temporary_file_is_the_wrapper(self, new):
        with tempfile.NamedTemporaryFile() as stream:
            assert new.only().obj is stream

    def test_a_file_that_was_removed_keeps_its_path(self, new, tmp_path):
        path = tmp_path / "data.txt"
        with path.open("w"):
            before = new.inventory.take(("fd",))
            path.unlink()
            assert new.inventory.take(("fd",)) == before
            assert new.only().name == str(path)

    def test_nothing_of_a_subclass_is_called(self, new, tmp_path):
        path = tmp_path / "data.txt"
        path.write_text("x")
        with Wild(path) as stream:
            assert new.only().obj is stream

    def test_pipes_serve_others_unless_an_object_has_them(self, new):
        ends = os.pipe()
        try:
            assert [(found.name, found.is_helper) for found in new()] == [("pipe", True)] * 2
            with os.fdopen(os.dup(ends[0]), "rb"):
                assert [found.is_helper for found in new()].count(False) == 1
        finally:
            for end in ends:
                os.close(end)

    def test_sockets_by_family_and_address(self, new):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            port = listening.getsockname()[1]
            found = new.only()
            assert (found.kind, found.name) == ("socket", f"AF_INET SOCK_STREAM at 127.0.0.1:{port}")
            assert str(port) not in found.stable
            assert found.obj is listening
            with socket.create_connection(("127.0.0.1", port)):
                assert f"AF_INET SOCK_STREAM to 127.0.0.1:{port}" in [each.name for each in new()]
        assert new() == []

    def test_an_unnamed_socket_without_an_object(self, new):
        here, there = socket.socketpair()
        there.close()
        number = here.detach()
        try:
            found = new.only()
            assert (found.name, found.obj) == ("AF_UNIX SOCK_STREAM", None)
        finally:
            os.close(number)

    def test_what_the_kernel_makes_without_a_file(self, new):
        with select.epoll():
            assert new.only().name == "eventpoll"

    def test_describing_leaves_no_descriptor_behind(self, new):
        here, there = socket.socketpair()
        with here, there:
            before = new.inventory.take(("fd", "socket"))
            new()
            assert new.inventory.take(("fd", "socket")) == before


class TestThreads:
    @pytest.fixture
    def new(self, inventory):
        return Listing(inventory, ("thread", "timer"))

    @pytest.fixture
    def gate(self):
        gate = threading.Event()
        yield gate
        gate.set()

    def test_name_and_target(self, new, gate):
        thread = threading.Thread(target=functools.partial(wait_for, gate), name="docker-7")
        thread.start()
        found = new.only()
        assert (found.kind, found.name) == ("thread", f"docker-7, target {__name__}.wait_for")
        assert found.stable == f"{__name__}.wait_for"
        assert found.obj is thread
        gate.set()
        thread.join()
        assert new() == []

    def test_a_timer_is_one(self, new):
        timer = threading.Timer(60, print)
        timer.start()
        assert (new.only().kind, new.only().stable) == ("timer", "print")
        timer.cancel()
        timer.join()

    def test_the_worker_of_an_executor_belongs_to_it(self, new, gate):
        with ThreadPoolExecutor(3) as executor:
            executor.submit(wait_for, gate)
            found = new.only()
            assert found.owner is executor
            assert found.head is executor
            assert found.bound == 3
            gate.set()

    def test_one_that_threading_does_not_know(self, new, gate):
        running = threading.Event()

        def work():
            running.set()
            gate.wait(60)

        _thread.start_new_thread(work, ())
        assert running.wait(30)
        assert "work, not of threading" in new.only().name

    @pytest.mark.skipif(sys.platform != "linux", reason="threads are listed by the system on Linux alone")
    def test_one_of_c_code_has_no_name_but_that_of_the_program(self, inventory, gate):
        running = threading.Event()

        def work():
            running.set()
            gate.wait(60)

        _thread.start_new_thread(work, ())
        assert running.wait(30)
        new = Listing(inventory, ("thread",))
        libc, semaphore, number = ctypes.CDLL(None), ctypes.create_string_buffer(64), ctypes.c_ulong()
        libc.sem_init(semaphore, 0, 0)
        libc.pthread_create(ctypes.byref(number), None, ctypes.cast(libc.sem_wait, ctypes.c_void_p), semaphore)
        try:
            assert new.only().stable == "native"
        finally:
            libc.sem_post(semaphore)
            libc.pthread_join(number, None)


class TestLoops:
    @pytest.fixture
    def loop(self, loops):
        loop = asyncio.new_event_loop()
        loops.look([loop])
        yield loop
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    def test_a_task_is_its_coroutine_and_the_line_where_it_waits(self, inventory, loop):
        new = Listing(inventory, ("task",))

        async def wait_for_mail():
            await asyncio.Event().wait()

        task = loop.create_task(wait_for_mail())
        loop.run_until_complete(asyncio.sleep(0))
        line = wait_for_mail.__code__.co_firstlineno + 1
        found = new.only()
        assert found.name == f"{__name__}.{wait_for_mail.__qualname__}, waits at {os.path.basename(__file__)}:{line}"
        assert found.obj is task

    def test_a_timer_is_what_it_will_call_and_those_of_asyncio_are_none(self, inventory, loop):
        new = Listing(inventory, ("timer",))
        loop.create_task(asyncio.sleep(60))
        handle = loop.call_later(60, functools.partial(wait_for, None))
        loop.run_until_complete(asyncio.sleep(0))
        assert new.only().stable == f"{__name__}.wait_for"
        handle.cancel()
        assert new() == []

    def test_closed_loops_have_nothing(self, inventory, loops):
        loop = asyncio.new_event_loop()
        loops.look([loop])
        loop.call_later(60, print)
        loop.close()
        assert loops.open() == []
        assert inventory.take(("task", "timer")) == frozenset(inventory.take(("timer",)))


class TestProcesses:
    def test_a_child_is_its_command_and_a_zombie_says_so(self, inventory):
        new = Listing(inventory, ("process",))
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        found = new.only()
        assert found.name == f"{sys.executable} -c input()"
        assert found.obj is child
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert new.only().name.startswith("zombie python")
        child.wait()
        assert new() == []

    def test_those_that_were_asked_to_end_are_no_longer_listed(self, inventory):
        new = Listing(inventory, ("process",))
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        with child:
            inventory.end_processes(inventory.take(("process",)) - new.before)
            assert new() == []
        assert child.returncode != 0


class TestFilesAndGarbage:
    def test_temporary_files_by_path(self, inventory):
        new = Listing(inventory, ("tempfile",))
        with tempfile.TemporaryDirectory() as folder:
            assert folder in [found.name for found in new()]
        assert folder not in [found.name for found in new()]

    def test_garbage_by_type(self, inventory):
        new = Listing(inventory, ("garbage",))
        gc.garbage.append(wait_for)
        try:
            assert new.only().name == "function in gc.garbage"
        finally:
            gc.garbage.remove(wait_for)


class TestNames:
    def test_of_what_is_called(self):
        class Ship:
            def sail(self):
                pass

            @classmethod
            def build(cls):
                pass

        mine = f"{__name__}.{Ship.__qualname__}"
        assert callable_name(Ship().sail) == callable_name(functools.partial(Ship().sail)) == f"{mine}.sail"
        assert callable_name(Ship.build) == f"{mine}.build"
        assert callable_name(Ship) == callable_name(Ship()) == mine
        assert callable_name(len) == "len"

    def test_paths_lose_what_is_made_up(self):
        folder = temp_folder()
        assert stable_path(os.path.join(folder, "tmp8a7sd.csv")) == "<temp>/#.csv"
        assert stable_path(os.path.join(folder, "crate-8a7sd", "list.txt")) == "<temp>/#/list.txt"
        assert stable_path("/etc/hostname") == "/etc/hostname"


def fds(*numbers):
    return frozenset(Key("fd", number) for number in numbers)


class TestRounds:
    def test_what_each_one_adds_and_stays_is_a_leak(self):
        rounds = Rounds(fds(1))
        for now in (fds(1, 2), fds(1, 2, 3), fds(1, 2, 3, 4)):
            rounds.add(now)
        assert rounds.leaking(fds(1, 2, 3, 4)) == ["fd"]
        assert rounds.deltas("fd", fds(1, 2, 3, 4)) == (1, 1, 1)

    def test_what_goes_a_little_later_is_deferred(self):
        rounds = Rounds(fds(1))
        rounds.add(fds(1, 2))
        rounds.add(fds(1, 2, 3))
        assert rounds.leaking(fds(1)) == []
        assert rounds.deferred(fds(1))
        assert not rounds.deferred(fds(1, 3))

    def test_a_pool_that_fills_adds_nothing_in_the_end(self):
        rounds = Rounds(fds(1))
        rounds.add(fds(1, 2))
        rounds.add(fds(1, 2))
        assert rounds.adding() == set()
        assert rounds.leaking(fds(1, 2)) == []

    def test_numbers_that_are_used_in_turn_do_not_stay(self):
        rounds = Rounds(fds(5))
        for now in (fds(6), fds(5), fds(6), fds(5)):
            rounds.add(now)
        assert rounds.adding() == {"fd"}
        assert rounds.leaking(fds(5)) == []

    def test_what_takes_the_place_of_older_ones_does_not_grow(self):
        rounds = Rounds(fds(1, 2, 3))
        rounds.add(fds(2, 3, 4))
        rounds.add(fds(3, 4, 5))
        assert rounds.leaking(fds(3, 4, 5)) == []

    def test_what_ends_meanwhile_and_has_nothing_to_do_with_it(self):
        rounds = Rounds(fds(1, 2))
        rounds.add(fds(1, 2, 3))
        rounds.add(fds(1, 3, 4))
        assert rounds.keeping() == {"fd"}
        assert rounds.leaking(fds(1, 3, 4)) == ["fd"]
        rounds.add(fds(1, 4, 5))
        assert rounds.adding() == {"fd"}
        assert rounds.keeping() == set()

    def test_the_most_telling_kind(self):
        assert most_telling(["fd", "socket", "process"]) == "process"


class TestSignals:
    def test_growth_is_seen_by_the_step_and_over_all(self):
        counts, children = [3], [0]
        signals = Signals([lambda: counts[0]], [lambda: children[0]])
        signals.begin()
        assert not signals.step()
        assert signals.grown() == (False, False)
        counts[0] = 4
        assert signals.step()
        assert not signals.step()
        assert signals.grown() == (True, False)
        counts[0] = 3
        children[0] = 1
        assert not signals.step()
        assert signals.grown() == (False, True)

    def test_what_cannot_be_read_never_grows(self):
        signals = Signals([lambda: None], [lambda: None])
        signals.begin()
        assert not signals.step()
        assert signals.grown() == (False, False)

    def test_a_folder_that_has_just_changed_may_have_changed_again(self, tmp_path):
        now = [0]
        stamp = FolderStamp(lambda: str(tmp_path), clock=lambda: now[0])
        stamp.begin()
        now[0] = tmp_path.stat().st_mtime_ns + 10**9
        assert not stamp.changed()
        (tmp_path / "new").touch()
        assert stamp.changed()
        now[0] = tmp_path.stat().st_mtime_ns
        assert stamp.changed()
        now[0] += 10**9
        assert not stamp.changed()
        assert stamp.grown()

    def test_a_folder_that_is_gone_says_nothing(self, tmp_path):
        stamp = FolderStamp(lambda: str(tmp_path / "none"), clock=lambda: 10**9)
        stamp.begin()
        assert not stamp.changed()
        assert not stamp.grown()


def test_how_many_of_the_descriptors_are_open():
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert share_of_descriptors(lambda: 0)() == 0.0
    assert share_of_descriptors(lambda: None)() == 0.0
    assert share_of_descriptors(lambda: soft // 2)() == pytest.approx(0.5, abs=0.01)


def test_what_the_collector_does_not_know_is_found_by_its_holders():
    with select.epoll() as poll, mmap.mmap(-1, mmap.PAGESIZE) as mapped:
        holder = [poll, {"mapped": mapped}, "text"]

        assert {id(found) for found in untracked_files(holder)} == {id(mapped)}
        assert {id(found) for found in untracked_files([holder, *holder])} == {id(poll), id(mapped)}


ASKED_TWICE = """
import asyncio, gc, resource
from pytest_memguard.resources.files import untracked_files
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

async def sleep():
    await asyncio.sleep(0.001)

async def several():
    await asyncio.gather(*[sleep() for _ in range(5)])

asyncio.run(several())
for _ in range(3):
    untracked_files(gc.get_objects())
    gc.collect()
"""


def test_modules_are_not_asked_because_they_may_show_what_is_freed():
    """CPython 3.12.0 to 3.12.5 never came back."""
    subprocess.run([sys.executable, "-c", ASKED_TWICE], check=True, timeout=120)
