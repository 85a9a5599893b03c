"""What is done with containers and with code of others: found, trimmed, called for a limited time."""

from __future__ import annotations

import collections
import contextlib
import functools
import signal
import sys
import threading
import time
import types
import weakref
from array import array

import pytest

from pytest_memguard.components.action import Action, UnusableError
from pytest_memguard.components.deadline import TookTooLongError, within
from pytest_memguard.components.failure import told, tried
from pytest_memguard.components.reference import NotLoadedError, Reference, UnresolvedError
from pytest_memguard.components.trimming import CannotTrimError, trim

SHORT_S = 0.05
PATIENCE_S = 60.0


class Trimmable:
    def __init__(self):
        self.entries = list(range(8))

    def __len__(self):
        return len(self.entries)

    def trim(self, limit):
        del self.entries[: len(self.entries) - limit]


class Clearable(collections.UserList):
    pass


class TestTrim:
    @pytest.mark.parametrize(
        ("container", "left"),
        [
            (list(range(8)), [5, 6, 7]),
            (dict.fromkeys(range(8)), [5, 6, 7]),
            (collections.deque(range(8)), [5, 6, 7]),
            (collections.OrderedDict.fromkeys(range(8)), [5, 6, 7]),
            (collections.Counter(range(8)), [5, 6, 7]),
            (array("q", range(8)), [5, 6, 7]),
            (bytearray(range(8)), [5, 6, 7]),
            (Clearable(range(8)), []),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_the_oldest_go_first(self, container, left):
        removed = 8 - len(left)
        assert trim(container, 3) == removed
        assert list(container) == left
        assert trim(container, 3) == 0

    def test_what_was_moved_to_the_end_is_not_old(self):
        recent = collections.OrderedDict.fromkeys("abc")
        recent.move_to_end("a")
        trim(recent, 1)
        assert list(recent) == ["a"]

    def test_of_a_set_so_many_are_left(self):
        seen = set(range(8))
        assert trim(seen, 3) == 5
        assert len(seen) == 3

    def test_an_object_knows_best(self):
        cache = Trimmable()
        assert trim(cache, 3) == 5
        assert cache.entries == [5, 6, 7]

    def test_a_cache_of_functions_is_cleared(self):
        function = functools.lru_cache(maxsize=None)(str)
        for number in range(8):
            function(number)
        assert trim(function, 3) == 8
        assert function.cache_info().currsize == 0

    def test_a_proxy_is_trimmed_as_what_it_stands_for(self):
        cache = Trimmable()
        assert trim(weakref.proxy(cache), 3) == 5

    def test_to_nothing(self):
        entries = list(range(8))
        assert trim(entries, 0) == 8

    def test_what_cannot_be_trimmed_says_so(self):
        with pytest.raises(CannotTrimError, match="a tuple has neither"):
            trim(tuple(range(8)), 3)

    def test_what_does_not_get_smaller_says_so(self):
        class Stubborn(list):
            def __delitem__(self, index):
                pass

        with pytest.raises(CannotTrimError, match=r"8 entries are left in a .*Stubborn, 3 are allowed"):
            trim(Stubborn(range(8)), 3)


@pytest.fixture
def shop(monkeypatch):
    """A module that is loaded, and counts what it is asked for."""
    module = types.ModuleType("shop_of_references")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    source = """
history = [1, 2, 3]

class Bus:
    limits = {}
    def __init__(self):
        self.queue = ["a"]
    @property
    def waiting(self):
        return self.queue
    def reset(self):
        self.queue.clear()
    @classmethod
    def kind(cls):
        return cls.__name__

bus = Bus()
asked = []
def __getattr__(name):
    asked.append(name)
    raise AttributeError(name)
"""
    exec(source, vars(module))  # noqa: S102 - a module of this text
    return module


class TestReference:
    def test_leads_to_what_is_there_now(self, shop):
        reference = Reference("shop_of_references:history")
        assert reference.container() is shop.history
        shop.history = []
        assert reference.container() is shop.history
        assert (reference.name, reference.dotted) == ("history", "shop_of_references.history")

    @pytest.mark.parametrize("path", ["bus.queue", "bus.waiting"])
    def test_leads_through_objects_and_properties(self, shop, path):
        assert Reference(f"shop_of_references:{path}").container() is shop.bus.queue

    def test_leads_to_what_a_class_has(self, shop):
        assert Reference("shop_of_references:Bus.limits").container() is shop.Bus.limits

    def test_a_function_is_bound_to_what_it_belongs_to(self, shop):
        Reference("shop_of_references:bus.reset").function()()
        assert shop.bus.queue == []
        assert Reference("shop_of_references:Bus.kind").function()() == "Bus"

    def test_nothing_is_imported(self):
        assert "this" not in sys.modules
        with pytest.raises(NotLoadedError, match="the module this is not loaded"):
            Reference("this:s").container()
        assert "this" not in sys.modules

    def test_a_wrong_name_gets_the_nearest_one(self, shop):
        with pytest.raises(UnresolvedError, match="there is no 'histroy', did you mean 'history'"):
            Reference("shop_of_references:histroy").container()
        with pytest.raises(UnresolvedError, match="there is no 'rest'"):
            Reference("shop_of_references:bus.rest").function()
        assert shop.asked == []


def sleep_for_ever():
    time.sleep(PATIENCE_S)


def loop_for_ever():
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            time.sleep(0.001)


class TestWithin:
    # No assertion on the time: one that is not stopped takes a minute.
    @pytest.mark.parametrize("function", [sleep_for_ever, loop_for_ever, threading.Event().wait])
    def test_what_hangs_is_stopped(self, function):
        with pytest.raises(TookTooLongError, match="took more than"):
            within(SHORT_S, function)

    def test_in_another_thread_it_is_left_behind(self):
        release, results = threading.Event(), []

        def run():
            results.append(tried(within, SHORT_S, release.wait))
            results.append(tried(within, PATIENCE_S, int, "7"))
            results.append(tried(within, PATIENCE_S, int, "x"))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        release.set()
        assert results[0] == (None, "took more than 0.05 s, and still runs in a thread of its own")
        assert results[1] == (7, None)
        assert results[2][1].startswith("ValueError: invalid literal")

    def test_results_and_errors_come_through(self):
        assert within(PATIENCE_S, max, 1, 2) == 2
        with pytest.raises(ZeroDivisionError):
            within(PATIENCE_S, lambda: 1 // 0)

    def test_a_timer_of_somebody_else_still_rings(self):
        rang = threading.Event()
        before = signal.signal(signal.SIGALRM, lambda *_: rang.set())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            within(PATIENCE_S, time.sleep, 0.01)
            assert rang.wait(PATIENCE_S)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            rang.clear()
            within(PATIENCE_S, time.sleep, 0.05)  # it was due inside
            assert rang.wait(PATIENCE_S)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)

    def test_one_inside_another(self):
        with pytest.raises(TookTooLongError, match="took more than"):
            within(SHORT_S, within, PATIENCE_S, sleep_for_ever)
        with pytest.raises(TookTooLongError, match="took more than"):
            within(PATIENCE_S, within, SHORT_S, sleep_for_ever)
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no")


class TestFailure:
    def test_every_error_has_its_words(self):
        assert told(KeyError("cart")) == "KeyError: 'cart'"
        assert told(ValueError("one\n  two")) == "ValueError: one two"
        assert told(UnspeakableError()) == "UnspeakableError"
        assert told(ValueError()) == "ValueError"
        assert len(told(ValueError("x" * 10_000))) < 300

    @pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), pytest.skip.Exception("not here")], ids=repr)
    def test_what_is_no_exception_is_survived_as_well(self, error):
        def fail():
            raise error

        result, reason = tried(fail)
        assert result is None
        assert reason.startswith(type(error).__name__)

    def test_an_interrupt_is_not(self):
        def interrupt():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            tried(interrupt)


async def wait():
    pass


def give_coroutine():
    return wait()


class TestAction:
    @pytest.mark.parametrize(
        ("function", "reason"),
        [
            (lambda force: force, "it takes (force), and gets no arguments"),
            (wait, "it is a coroutine function"),
            (give_coroutine, "it gave a coroutine"),
        ],
    )
    def test_what_cannot_be_called_says_why(self, function, reason):
        with pytest.raises(UnusableError) as caught:
            Action(function).run(PATIENCE_S)
        assert reason in str(caught.value)

    def test_what_is_no_function_says_so(self, shop):
        with pytest.raises(UnusableError, match="a list cannot be called"):
            Action("shop_of_references:history").run(PATIENCE_S)
