"""The built-in strategies that need no library: what they free, and what they leave alone."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import gc
import linecache
import logging
import re
import select
import socket
import sqlite3
import struct
import sys
import threading
import types
import typing
import urllib.parse
import warnings
from collections.abc import Sized

import pytest

from pytest_memguard.cleanup.registry import Outcome
from pytest_memguard.cleanup.strategies import (
    accelerators,
    caches,
    collector,
    connections,
    databases,
    heap,
    interpreter,
    living,
    parts,
    receivers,
    timers,
)
from pytest_memguard.events import StrategyResult


class Seconds:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


# -- finding instances


class Base:
    pass


class Derived(Base):
    pass


def test_living_instances_are_found_by_their_real_type():
    class Liar:
        @property
        def __class__(self):
            return Base

    kept = [Base(), Derived(), Liar()]

    assert {id(found) for found in living.instances(Base)} == {id(kept[0]), id(kept[1])}
    assert living.instances(None, "no class") == []


def test_instances_of_types_made_in_c_are_found_too():
    async def wait():
        await asyncio.sleep(0)

    async def look():
        task = asyncio.create_task(wait())
        found = living.instances(asyncio.Task)
        await task
        return task in found

    assert asyncio.run(look())


def test_one_scan_serves_all_that_a_cleanup_looks_for_and_lets_go_at_its_end(monkeypatch):
    class Sought:
        pass

    class AlsoSought:
        pass

    class Dearer:
        pass

    module = types.ModuleType("sought_here")
    vars(module).update(Sought=Sought, AlsoSought=AlsoSought, Dearer=Dearer)
    monkeypatch.setattr(living, "_sought", [])
    monkeypatch.setitem(sys.modules, "sought_here", module)
    passes = []
    referrers = living._referrers
    monkeypatch.setattr(living, "_referrers", lambda *family: passes.append(len(family)) or referrers(*family))
    first, second, dearer, absent = (
        living.Sought(("sought_here", name), level=level)
        for name, level in (
            ("Sought", "moderate"),
            ("AlsoSought", "aggressive"),
            ("Dearer", "emergency"),
            ("Absent", "gentle"),
        )
    )
    kept = [Sought(), AlsoSought(), Dearer()]

    with living.one_scan("aggressive"):
        assert passes == []  # nobody has asked yet
        assert (first.instances(), second.instances(), absent.instances()) == (kept[:1], kept[1:2], [])
        assert passes == [2]
        assert dearer.instances() == kept[2:]
        assert passes == [2, 1]  # it is for a higher level
        kept.append(Sought())
        del kept[0]
        assert first.instances() == []  # it keeps nothing alive, and what is new is for the next cleanup
    assert first.instances() == kept[-1:]
    assert passes == [2, 1, 1]


def test_what_cannot_be_referred_to_weakly_is_found_by_itself(monkeypatch):
    connection = sqlite3.connect(":memory:")
    monkeypatch.setattr(living, "_sought", [])
    sought = living.Sought(("sqlite3", "Connection"), level="gentle")
    with contextlib.closing(connection), living.one_scan("gentle"):
        assert connection in sought.instances()


def test_one_object_that_fails_does_not_keep_the_others_from_being_cleaned():
    def clean(value):
        return 10 // value

    assert living.each([1, 0, 2], clean) == Outcome(entries=15, error="int: ZeroDivisionError")


# -- interpreter


def test_source_lines_of_files_are_forgotten_and_those_of_nowhere_stay(tmp_path):
    file = tmp_path / "source.py"
    file.write_text("x = 1\n" * 10, "utf-8")
    interpreter.SourceLines()()
    linecache.getlines(str(file))
    linecache.cache["<made up>"] = (6, None, ["x = 1\n"], "<made up>")
    linecache.cache["<nonsense>"] = "nonsense"
    forget = interpreter.SourceLines()
    try:
        assert forget.ready()
        assert forget() == 1
        assert not forget.ready()
        assert str(file) not in linecache.cache
        assert linecache.getline("<made up>", 1) == "x = 1\n"
        assert linecache.getline(str(file), 1) == "x = 1\n"
        assert forget.ready()
        assert forget() == 1
    finally:
        del linecache.cache["<made up>"], linecache.cache["<nonsense>"]


@pytest.fixture
def module(monkeypatch):
    made = types.ModuleType("warns")
    monkeypatch.setitem(sys.modules, "warns", made)
    exec("import warnings\ndef warn(text):\n    warnings.warn(text)", made.__dict__)  # noqa: S102 - a module that warns
    return made


def test_stale_warning_registries_are_emptied_once_a_second(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", append=True)
        module.warn("one")
    clock = Seconds()
    registry = module.__warningregistry__ = {"version": 1, ("one", UserWarning, 3): True}
    forget = interpreter.WarningRegistries(clock, allowed=True)

    assert forget.ready()
    assert forget() >= 1
    assert registry == {}
    assert not forget.ready()
    clock.now = 1.5
    assert forget.ready()


def test_warning_registries_that_may_be_in_force_are_left_alone(module):
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        module.warn("one")
        module.warn("one")

    assert len(shown) == 1
    assert not interpreter.WarningRegistries(Seconds(), allowed=False).ready()


@pytest.mark.parametrize("action", ["once", "default", "module", "ignore"])
def test_between_two_tests_emptying_a_registry_changes_nothing_that_is_shown(module, action):
    """Each test has filters of its own, and so makes every registry stale."""

    def shown(*, cleaned):
        module.__dict__.pop("__warningregistry__", None)
        texts = []
        for _test in range(3):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter(action)
                module.warn("again"), module.warn("again"), module.warn("other")
            texts.append([str(warning.message) for warning in caught])
            if cleaned:
                interpreter.WarningRegistries(Seconds(), allowed=True)()
        return texts

    assert shown(cleaned=True) == shown(cleaned=False)


def test_patterns_parsed_urls_and_types_are_forgotten_and_made_again():
    pattern = re.compile("cleanup (.)")
    split = urllib.parse.urlsplit("http://cleanup.example/a")
    struct.calcsize("=3i7q")
    alias = typing.Dict[str, typing.List[int]]  # noqa: UP006 - the cache of typing is what is tested
    assert isinstance([], Sized)

    assert interpreter.forget_patterns() >= 1
    assert interpreter.forget_parsed() >= 1
    assert interpreter.forget_types() >= 1

    assert interpreter.forget_patterns() == interpreter.forget_parsed() == 0
    assert re.compile("cleanup (.)").match("cleanup x")
    assert pattern.match("cleanup x")
    assert urllib.parse.urlsplit("http://cleanup.example/a") == split
    assert typing.Dict[str, typing.List[int]] == alias  # noqa: UP006
    assert isinstance([], Sized)
    assert not isinstance(3, Sized)


# -- functools


class Settings:
    pass


@functools.lru_cache
def settings():
    return Settings()


@functools.cache
def user(number):
    return {"number": number}


@functools.cache
def text(number):
    return str(number) * 1000, (number, None, b"x")


@functools.lru_cache(maxsize=64, typed=True)
def bounded_text(number, *, upper=False):
    return str(number).upper() if upper else str(number)


@functools.lru_cache(maxsize=4)
def evicting(number):
    return {"number": number}


@functools.cache
def empty():
    return []


@functools.lru_cache(maxsize=2)
def fails(number):
    if number:
        raise ValueError
    return Settings()


class Service:
    @functools.lru_cache(maxsize=16)  # noqa: B019 - what people write
    def compute(self, number):
        return number * 2


ALL = (settings, user, text, bounded_text, evicting, empty, fails, Service.compute)


@pytest.fixture
def filled():
    for wrapper in ALL:
        wrapper.cache_clear()
    settings(), empty(), user(1), user(2)
    text(1), text(2), bounded_text(1), bounded_text(1.0, upper=True)
    for number in range(6):
        evicting(number)
    for number in (1, 1, 1, 0):
        with pytest.raises(ValueError, match=r"^$") if number else pytest.MonkeyPatch.context():
            fails(number)
    Service().compute(3)
    yield
    for wrapper in ALL:
        wrapper.cache_clear()


def sizes():
    return {wrapper.__name__: wrapper.cache_info().currsize for wrapper in ALL if wrapper.cache_info().currsize}


@pytest.mark.usefixtures("filled")
def test_moderate_forgets_plain_results_and_what_is_dropped_anyway():
    singleton, first = settings(), user(1)

    forgotten = caches.forget_results((__name__,), everything=False)

    assert sizes() == {"settings": 1, "user": 2, "empty": 1, "fails": 1}
    assert forgotten == 2 + 2 + 4 + 1
    assert settings() is singleton
    assert user(1) is first


@pytest.mark.usefixtures("filled")
def test_aggressive_forgets_everything():
    before = sum(sizes().values())

    assert caches.forget_results((__name__,), everything=True) == before
    assert sizes() == {}


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("packages", [(), ("test_cleanup",), (__name__[:-1],), ("no.such",)])
def test_caches_of_other_packages_are_left_alone(packages):
    before = sizes()

    assert caches.forget_results(packages, everything=True) == 0
    assert sizes() == before


def test_a_package_has_the_modules_below_it():
    wrapper = functools.lru_cache(str)
    wrapper.__module__ = "shop.orders.lines"
    for packages, left in ((("shop.order",), 1), (("shop.orders.lines.more",), 1), (("other", "shop"), 0)):
        wrapper(7)
        caches.forget_results(packages, everything=True)

        assert wrapper.cache_info().currsize == left


# -- the collector and the heap


class Cycle:
    def __init__(self):
        self.me = self


class TwoSteps:
    """Its finalizer leaves a cycle that only the next collection finds."""

    def __init__(self):
        self.me = self

    def __del__(self):
        Cycle()


def test_collections_tell_what_they_found():
    gc.collect()
    Cycle()
    young, full, cycles = (strategy.run for strategy in collector.strategies())

    assert young() >= 1
    Cycle()
    assert full() >= 1
    TwoSteps()
    assert cycles() >= 2
    assert cycles() == 0


def test_memory_that_the_c_library_keeps_is_given_back():
    outcome = heap.HeapTrim()()

    assert (outcome.entries, outcome.error) == (None, None)


# -- events


def test_closed_handlers_are_detached_and_others_stay(tmp_path):
    logger = logging.getLogger("cleanup.handlers")
    stream = open(tmp_path / "b.log", "w", encoding="utf-8")  # noqa: SIM115 - closed below, before its handler
    lost, overwriting = logging.StreamHandler(stream), logging.FileHandler(tmp_path / "a.log", mode="w")
    reopening, flushed, live = logging.FileHandler(tmp_path / "c.log"), logging.StreamHandler(), logging.NullHandler()
    handlers = (lost, overwriting, reopening, flushed, live)
    for handler in handlers:
        logger.addHandler(handler)
    for closed in (stream, overwriting, reopening, flushed):
        closed.close()
    try:
        assert receivers.detach_closed_handlers().entries == 2
        assert logger.handlers == [reopening, flushed, live]
        assert receivers.detach_closed_handlers().entries == 0
    finally:
        logger.handlers.clear()


def test_callbacks_at_exit_are_told_and_left_alone():
    look = receivers.ExitCallbacks()
    assert look() == Outcome(entries=0)

    def callback():
        raise AssertionError

    atexit.register(callback)
    try:
        assert look() == Outcome(entries=0, note="1 more callbacks at exit than at the start")
    finally:
        atexit.unregister(callback)


# -- timers


def test_cancelled_handles_are_dropped_and_pending_ones_fire():
    loop = asyncio.new_event_loop()
    fired = []
    try:
        handles = [loop.call_later(60 + number, fired.append, "late") for number in range(50)]
        loop.call_later(0.001, fired.append, "soon")
        for handle in handles:
            handle.cancel()

        assert timers.drop_cancelled_handles().entries == 50
        assert timers.drop_cancelled_handles().entries == 0
        assert len(loop._scheduled) == 1
        loop.call_later(0.002, loop.stop)
        loop.run_forever()
    finally:
        loop.close()

    assert fired == ["soon"]


def test_tasks_of_closed_loops_are_ended():
    ended = []

    async def wait():
        try:
            await asyncio.sleep(600)
        finally:
            ended.append(True)

    loop = asyncio.new_event_loop()
    stuck, done = loop.create_task(wait()), loop.create_task(asyncio.sleep(0))
    loop.run_until_complete(done)
    assert timers.close_stranded_tasks().entries == 0
    loop.close()

    assert timers.close_stranded_tasks().entries == 1
    assert ended == [True]
    assert timers.close_stranded_tasks().entries == 0
    stuck._log_destroy_pending = False


def test_pending_timers_are_cancelled():
    fired = []
    timer = threading.Timer(600, fired.append, ["late"])
    timer.start()

    assert timers.cancel_timers() == 1
    timer.join()
    assert fired == []


# -- connections


def test_sockets_that_were_hung_up_on_are_closed_and_no_others():
    pairs = [socket.socketpair() for _ in range(3)]
    (dead, peer), (full, full_peer), (live, live_peer) = pairs
    fresh, listening = socket.socket(), socket.create_server(("127.0.0.1", 0))
    watched, watched_peer = socket.socketpair()
    loop = asyncio.new_event_loop()
    loop.add_reader(watched, print)
    full_peer.send(b"still to be read")
    peer.close(), full_peer.close(), watched_peer.close()
    try:
        assert connections.close_dead_sockets().entries == 1
        assert dead.fileno() == -1
        assert full.recv(100) == b"still to be read"
        assert -1 not in [open_one.fileno() for open_one in (live, live_peer, fresh, listening, watched)]
    finally:
        loop.remove_reader(watched)
        loop.close()
        for kept in (full, live, live_peer, fresh, listening, watched):
            kept.close()


def test_a_connection_that_was_reset_is_dead_and_a_half_closed_one_is_not():
    with socket.create_server(("127.0.0.1", 0)) as server:
        reset, half = (socket.create_connection(server.getsockname()) for _ in range(2))
        resetting, halving = (server.accept()[0] for _ in range(2))
        resetting.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        resetting.close()
        halving.shutdown(socket.SHUT_WR)
        select.select([reset], [], [], 10)

        assert connections.close_dead_sockets().entries == 1
        assert reset.fileno() == -1
        half.send(b"x")
        assert halving.recv(1) == b"x"
        half.close(), halving.close()


def test_transports_of_closed_loops_are_closed():
    ours, theirs = socket.socketpair()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(loop.create_connection(asyncio.Protocol, sock=ours))
    (transport,) = living.instances(sys.modules["asyncio.selector_events"]._SelectorTransport)
    assert connections.close_stranded_transports().entries == 0
    loop._selector.unregister(ours)
    loop.close()

    assert connections.close_stranded_transports().entries == 1
    assert ours.fileno() == -1
    theirs.close()
    transport._sock = None


# -- databases


def test_sqlite_gives_its_pages_back_and_the_data_stays():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE numbers (number)")
    connection.execute("INSERT INTO numbers VALUES (1)")  # in a transaction
    closed = sqlite3.connect(":memory:")
    closed.close()
    opened, may_close = threading.Event(), threading.Event()

    def use_elsewhere():
        with contextlib.closing(sqlite3.connect(":memory:")):
            opened.set()
            may_close.wait(60)

    thread = threading.Thread(target=use_elsewhere)
    thread.start()
    opened.wait(60)

    outcome = databases.shrink_sqlite()

    assert outcome == Outcome(note="1 connections")
    may_close.set()
    thread.join()
    assert connection.in_transaction
    assert connection.execute("SELECT * FROM numbers").fetchall() == [(1,)]
    connection.close()


# -- accelerators, by contract: what PyTorch documents of torch.cuda, torch.xpu and torch.mps


class Backend(types.SimpleNamespace):
    def __init__(self, *, used, reserved):
        super().__init__(reserved=reserved, emptied=0, used=used)

    def is_initialized(self):
        return self.used

    def memory_reserved(self):
        assert self.used, "asking an unused backend would start it"
        return self.reserved

    def empty_cache(self):
        assert self.used, "emptying an unused backend would start it"
        self.emptied += 1
        self.reserved = 0


class Metal(types.SimpleNamespace):
    def driver_allocated_memory(self):
        return self.allocated

    def empty_cache(self):
        self.allocated //= 2


def test_caches_of_accelerators_are_emptied_where_they_are_in_use(monkeypatch):
    torch = types.ModuleType("torch")
    torch.cuda, torch.xpu = Backend(used=True, reserved=3 << 20), Backend(used=False, reserved=0)
    torch.mps = Metal(allocated=2 << 20)
    monkeypatch.setitem(sys.modules, "torch", torch)

    assert accelerators.empty_accelerator_caches() == Outcome(note="4.0 MiB of accelerator memory")
    assert (torch.cuda.emptied, torch.xpu.emptied) == (1, 0)


def test_a_torch_without_accelerators_is_left_alone(monkeypatch):
    torch = types.ModuleType("torch")
    torch.cuda, torch.mps = Backend(used=False, reserved=0), Metal(allocated=0)
    monkeypatch.setitem(sys.modules, "torch", torch)

    assert accelerators.empty_accelerator_caches() == Outcome()


# -- components


class Parts:
    """A component registry that remembers what was asked of it."""

    def __init__(self, *results):
        self.results = list(results)
        self.asked = []

    def __len__(self):
        return 1

    def clean(self, level):
        self.asked.append(f"clean {level}")
        return self.results

    def trim(self):
        self.asked.append("trim")
        return 40

    def shut_down_nonessential(self):
        self.asked.append("shut down")
        return ["mail", "search"]


def result(name, entries, error=None):
    return StrategyResult(
        name=name, level="gentle", freed_bytes=None, freed_entries=entries, duration_s=0.0, error=error
    )


def test_each_level_asks_components_for_its_share():
    made = Parts(result("cache", 2))
    strategies = {strategy.level: strategy for strategy in parts.strategies(made)}

    outcomes = {level: strategy.run() for level, strategy in strategies.items()}

    assert made.asked == [
        *("clean gentle", "clean moderate", "trim", "clean aggressive", "clean emergency", "shut down")
    ]
    assert [outcome.entries for outcome in outcomes.values()] == [2, 42, 2, 2]
    assert outcomes["emergency"].note == "shut down: mail, search"


def test_a_component_that_fails_is_named():
    outcome = parts.relieve(Parts(result("cache", 3), result("mail", None, "ValueError: no")), "gentle")

    assert outcome == Outcome(entries=3, error="mail: ValueError: no")


def test_entries_that_nobody_knows_are_not_none_freed():
    assert parts.relieve(Parts(result("mail", None)), "gentle").entries is None
    assert parts.relieve(Parts(), "gentle").entries == 0


def test_without_components_there_is_nothing_to_ask():
    class Empty(Parts):
        def __len__(self):
            return 0

    assert not any(strategy.ready() for strategy in parts.strategies(Empty()))
