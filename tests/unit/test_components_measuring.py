"""What containers hold: entries by the builtin that they are made of, bytes by a walk that always ends."""

from __future__ import annotations

import collections
import functools
import itertools
import threading
import time
import types
import weakref
from array import array

import objsize
import pytest

from pytest_memguard.components import size as measured
from pytest_memguard.components.entries import count, is_bounded
from pytest_memguard.components.scale import Scale
from pytest_memguard.components.size import newest

# By number only: a machine that is busy elsewhere for ten milliseconds makes no estimate of what can be counted.
size_of = functools.partial(measured.size_of, clock=lambda: 0.0)


class Liar(dict):
    """Says that it is empty, small and alike, or does not answer at all."""

    def __len__(self):
        return 0

    def __sizeof__(self):
        return -(10**9)

    def __iter__(self, *_):
        raise RuntimeError("no")

    __eq__ = __hash__ = __repr__ = __getattribute__ = __iter__


class Slotted:
    __slots__ = ("history", "name")

    def __init__(self, history):
        self.history = history
        self.name = "bus"


class Sized:
    def __init__(self, length):
        self._length = length

    def __len__(self):
        if isinstance(self._length, Exception):
            raise self._length
        return self._length


def cached(maxsize):
    function = functools.lru_cache(maxsize=maxsize)(lambda number: [number])
    for number in range(5):
        function(number)
    return function


class TestEntries:
    @pytest.mark.parametrize(
        "container",
        [
            [1] * 5,
            (1,) * 5,
            dict.fromkeys(range(5)),
            set(range(5)),
            frozenset(range(5)),
            collections.deque(range(5)),
            collections.OrderedDict.fromkeys(range(5)),
            collections.Counter(range(5)),
            collections.ChainMap(dict.fromkeys(range(5))),
            collections.UserList(range(5)),
            bytearray(5),
            array("q", range(5)),
            cached(None),
            cached(10),
            Sized(5),
            Slotted(list(range(5))),
            types.SimpleNamespace(queue=[1, 2], seen={3, 4, 5}, name="bus", limit=100),
        ],
        ids=lambda container: type(container).__name__,
    )
    def test_of_everything_that_holds_five(self, container):
        assert count(container) == 5

    def test_of_a_container_that_lies_are_those_that_it_has(self):
        assert count(Liar(dict.fromkeys(range(5)))) == 5

    def test_of_a_proxy_are_those_of_what_it_stands_for(self):
        queue = collections.deque(range(5))
        assert count(weakref.proxy(queue)) == 5

    def test_are_unknown_where_there_is_nothing_to_count(self):
        assert count(types.SimpleNamespace(name="bus")) is None
        assert count(object()) is None

    @pytest.mark.parametrize("length", [ValueError("broken"), -1, 2**70], ids=repr)
    def test_a_length_that_is_none_is_an_error(self, length):
        with pytest.raises((ValueError, OverflowError)):
            count(Sized(length))

    def test_bounded_is_what_cannot_grow_without_end(self):
        assert is_bounded(collections.deque(maxlen=3))
        assert is_bounded(cached(10))
        assert not is_bounded(cached(None))
        assert not is_bounded(collections.deque())
        assert not is_bounded([])


class TestSize:
    @pytest.mark.parametrize(
        "container",
        [
            [],
            ["a" * 100, b"b" * 50, 3.5, 10**30],
            {"key": ["value" * 10], "other": {1: 2.5}},
            {("a", 1), ("b", 2)},
            collections.deque([[1.5], [2.5]]),
            collections.OrderedDict(a=[1.5]),
            [[["deep"]], (("deeper",),)],
            array("q", range(1000)),
            Slotted([[1.5], "x" * 33]),
        ],
        ids=lambda container: f"{type(container).__name__}-{len(str(container))}",
    )
    def test_is_what_a_library_has(self, container):
        # The library first: it makes the attribute dictionary that an OrderedDict did not have until then.
        assert (objsize.get_deep_size(container), True) == size_of([container])

    def test_counts_what_is_shared_once(self):
        shared = "s" * 100_000
        alone, twice = size_of([[shared]]).bytes, size_of([[shared], [shared]]).bytes
        assert 100_000 < alone < twice < 101_000

    def test_ends_in_a_cycle(self):
        ring = []
        ring.append(ring)
        assert size_of([ring]).exact

    def test_code_and_modules_are_nobodys(self):
        assert size_of([[pytest, Sized, cached, time.sleep, None, True]]).bytes < 500

    def test_runs_no_code_of_the_objects(self):
        liar = Liar(text="x" * 5000)
        assert 5000 < size_of([[liar]]).bytes < 7000

    def test_attributes_of_instances_count(self):
        plain = types.SimpleNamespace(text="x" * 5000)
        assert size_of([[plain]]).bytes > 5000
        many = [type("Message", (), {})() for _ in range(3)]
        bare = size_of([many]).bytes
        for message in many:
            message.number = 1
        assert size_of([many]).bytes > bare

    @pytest.mark.parametrize(
        "make",
        [list, tuple, set, collections.deque, lambda entries: dict(enumerate(entries))],
        ids=["list", "tuple", "set", "deque", "dict"],
    )
    def test_of_many_entries_is_close_without_counting_all(self, make):
        container = make("x" * 1000 + str(number) for number in range(20_000))
        size = size_of([container])
        assert not size.exact
        assert size.bytes == pytest.approx(objsize.get_deep_size(container), rel=0.1)

    def test_what_many_entries_share_is_not_multiplied(self):
        settings = {"text": "s" * 1_000_000}
        container = [(number, settings) for number in range(10_000)]
        assert 1_000_000 < size_of([container]).bytes < 3_000_000

    def test_a_large_container_inside_another_is_sampled_as_well(self):
        container = {"user": ["x" * 1000 + str(number) for number in range(20_000)]}
        assert size_of([container]).bytes == pytest.approx(objsize.get_deep_size(container), rel=0.1)

    def test_a_huge_graph_ends_by_number(self):
        chain = None
        for number in range(50_000):
            chain = [chain, number]
        size = size_of([chain], most_objects=1000)
        assert not size.exact
        assert size.bytes > 0
        while chain is not None:  # freed step by step: deep chains of lists end the interpreter's stack
            chain = chain[0]

    def test_a_huge_graph_ends_by_time(self):
        ticks = itertools.count()
        container = [[[number]] for number in range(200)]
        size = size_of([container], most_s=0.5, clock=lambda: float(next(ticks)))
        assert not size.exact

    def test_the_newest_entries_are_at_the_end(self):
        assert newest([1, 2, 3, 4], 2) == [3, 4]
        assert newest([1, 2, 3, 4], 2, before=1) == [2, 3]
        assert newest([1, 2], 5) == [1, 2]
        assert newest(collections.deque([1, 2, 3]), 2) == [3, 2]
        assert newest({1: "a", 2: "b", 3: "c"}, 2) == [3, "c", 2, "b"]
        assert newest({1: "a", 2: "b", 3: "c"}, 1, before=1) == [2, "b"]


class Clock:
    """Time that passes only when it is told to, and by ``step`` with every look at it."""

    def __init__(self, step=0.0):
        self.now = 0.0
        self.step = step

    def __call__(self):
        self.now += self.step
        return self.now


def contents(*containers):
    return [(container, len(container)) for container in containers]


class TestScale:
    def test_the_first_weight_has_no_growth(self):
        assert Scale(Clock()).weigh(contents(["x"])).grown is None

    def test_growth_is_that_of_the_last_test(self):
        scale, held = Scale(Clock()), []
        scale.weigh(contents(held))
        held.append("x" * 1000)
        assert 1000 < scale.weigh(contents(held)).grown < 1200
        assert scale.weigh(contents(held)).grown == 0
        held.clear()
        assert scale.weigh(contents(held)).grown < -1000

    def test_growth_inside_an_entry_is_seen(self):
        scale, held = Scale(Clock()), {"log": ""}
        scale.weigh(contents(held))
        held["log"] = "x" * 1000
        assert scale.weigh(contents(held)).grown == 1000

    def test_where_walking_is_dear_it_is_made_only_now_and_then(self):
        clock = Clock(step=0.01)
        scale, held = Scale(clock), {"log": ""}
        before = scale.weigh(contents(held)).bytes
        held["log"] = "x" * 1000
        assert scale.weigh(contents(held)) == (before, None, None)
        clock.now += 100.0
        # By now it is not known in which test that was.
        assert scale.weigh(contents(held)) == (before + 1000, None, None)

    def test_what_is_appended_is_weighed_all_the_same(self):
        clock = Clock()
        scale, held = Scale(clock), [f"{number}" * 100 for number in range(1000)]
        before = scale.weigh(contents(held)).bytes
        held.append("x" * 5000)
        weight = scale.weigh(contents(held))
        assert 5000 < weight.grown < 5100
        assert weight.bytes > before

    def test_what_is_appended_and_shared_weighs_nothing(self):
        shared = "s" * 100_000
        scale, held = Scale(Clock()), [(number, shared) for number in range(1000)]
        scale.weigh(contents(held))
        held.append((1001, shared))
        assert 0 < scale.weigh(contents(held)).grown < 200

    def test_another_container_in_its_place_is_no_growth(self):
        scale = Scale(Clock())
        kept = [["x"] * 1000, ["y"] * 2000]
        scale.weigh(contents(kept[0]))
        assert scale.weigh(contents(kept[1])).grown is None

    def test_begins_again_when_it_has_forgotten(self):
        scale, held = Scale(Clock()), []
        scale.weigh(contents(held))
        held.append("x" * 1000)
        scale.forget()
        assert scale.weigh(contents(held)).grown is None

    def test_what_a_thread_keeps_changing_is_survived(self):
        held, over = dict.fromkeys(range(2000), "x"), threading.Event()

        def change():
            while not over.is_set():
                for number in range(2000, 2100):
                    held[number] = "x"
                for number in range(2000, 2100):
                    del held[number]

        thread = threading.Thread(target=change)
        thread.start()
        try:
            scale = Scale(Clock())
            weights = [scale.weigh([(held, 2000 + number)], anyway=True) for number in range(200)]
        finally:
            over.set()
            thread.join()
        assert all(weight.bytes is None or weight.bytes > 50_000 for weight in weights)
