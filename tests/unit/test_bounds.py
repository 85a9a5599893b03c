"""Bounded caches, containers with a bound of their own, and what is known of libraries."""

from __future__ import annotations

import array
import asyncio
import collections
import functools
import gc
import logging
import logging.handlers
import queue
import sqlite3
import sys
import types
import weakref

import pytest

from pytest_memguard import peek
from pytest_memguard.bounds import Bound, LruCensus, bound_on_path, hidden_caches
from pytest_memguard.bounds.known import HIDDEN, KNOWN

HERE = sys.modules[__name__]


class Owner:
    """Holds one container as ``kept``."""

    def __init__(self, kept):
        self.kept = kept


def cached(maxsize):
    @functools.lru_cache(maxsize=maxsize)
    def compute(x):
        return object()

    return compute


class TestLruCensus:
    def test_reports_what_grew_and_how_long_it_lasts(self):
        compute = cached(128)
        compute(-1)
        census = LruCensus()

        assert census.before() > 0
        for number in range(8):
            compute(number)
        mine = [g for g in census.after(reps=8) if "compute" in g.name]

        assert [(g.currsize, g.maxsize, g.grown, g.bounded, g.steady) for g in mine] == [(9, 128, 8, True, True)]
        assert mine[0].reps_left == 119
        assert mine[0].name == f"{__name__}.cached.<locals>.compute"

    def test_an_unbounded_one_is_a_candidate(self):
        compute = cached(None)
        census = LruCensus(lambda: [compute])
        census.before()
        for number in range(8):
            compute(number)

        (growth,) = census.after(reps=8)

        assert not growth.bounded
        assert growth.reps_left is None

    def test_hits_are_no_growth(self):
        compute = cached(128)
        compute(1)
        census = LruCensus(lambda: [compute])
        census.before()
        for _ in range(8):
            compute(1)

        assert census.after(reps=8) == []

    def test_now_and_then_is_not_steady(self):
        compute = cached(128)
        census = LruCensus(lambda: [compute])
        census.before()
        for number in range(8):
            compute(number // 2)

        (growth,) = census.after(reps=8)

        assert (growth.grown, growth.steady) == (4, False)

    def test_rounds_left_are_rounded_up(self):
        compute = cached(10)
        census = LruCensus(lambda: [compute])
        census.before()
        for number in range(3):
            compute(number)

        (growth,) = census.after(reps=1)

        assert growth.reps_left == 3

    def test_a_wrapper_that_dies_is_not_kept_alive(self):
        compute = cached(128)
        proof = weakref.ref(compute)
        census = LruCensus(lambda: [proof()])
        census.before()
        compute(1)

        del compute
        gc.collect()

        assert proof() is None
        assert census.after(reps=1) == []

    def test_attributes_that_shadow_the_methods_are_not_called(self):
        compute = cached(128)

        def trap(*_args):
            raise RuntimeError("called")

        compute.cache_info = compute.cache_clear = trap
        compute.__module__ = compute.__qualname__ = 7
        census = LruCensus(lambda: [compute])
        census.before()
        compute(1)

        (growth,) = census.after(reps=1)

        assert growth.name == "functools.lru_cache"
        assert census.clear_bounded() == 1

    def test_clears_only_bounded_wrappers_that_grew(self):
        grew, endless, quiet = cached(128), cached(None), cached(128)
        quiet(1)
        census = LruCensus(lambda: [grew, endless, quiet])
        census.before()
        grew(1)
        endless(1)

        assert census.clear_bounded() == 1
        assert [c.cache_info().currsize for c in (grew, endless, quiet)] == [0, 1, 1]

    def test_each_round_can_be_emptied_again(self):
        compute = cached(128)
        for number in range(50):
            compute(number)
        census = LruCensus(lambda: [compute])
        census.before()
        compute(50)
        sizes = []
        for number in range(51, 56):
            census.clear_bounded()
            sizes.append(compute.cache_info().currsize)
            compute(number)

        assert sizes == [0] * 5

    def test_clearing_lets_go_of_what_was_held(self):
        alive = weakref.WeakSet()

        @functools.lru_cache(maxsize=64)
        def make(x):
            owner = Owner(x)
            alive.add(owner)
            return owner

        census = LruCensus(lambda: [make])
        census.before()
        for number in range(5):
            make(number)
        held = len(alive)
        census.clear_bounded()

        assert (held, len(alive)) == (5, 0)


class TestKinds:
    @pytest.mark.parametrize("length", [7, 20])
    def test_deque_with_maxlen(self, length):
        kept = collections.deque(range(length), maxlen=20)

        bound = bound_on_path([HERE, kept, 3], kept)

        assert bound == Bound(reason=f"deque(maxlen=20) with {length}", limit=20, length=length)
        assert bound.room == 20 - length

    def test_deque_without_maxlen(self):
        kept = collections.deque(range(9))

        assert bound_on_path([Owner(kept), kept, 3], kept) is None

    def test_a_deque_that_lies_about_itself(self):
        class Liar(collections.deque):
            maxlen = None

            def __len__(self):
                raise RuntimeError("called")

        kept = Liar(range(7), maxlen=20)

        assert bound_on_path([HERE, kept, 3], kept).limit == 20

    def test_lru_cache_by_the_wrapper_and_by_the_dict_inside(self):
        compute = cached(128)
        for number in range(7):
            compute(number)
        inside = next(r for r in gc.get_referents(compute) if type(r) is dict and len(r) == 7)

        for growing in (compute, inside):
            bound = bound_on_path([HERE, compute, inside, 3], growing)
            assert (bound.limit, bound.length, bound.proven) == (128, 7, True)
            assert "compute (7 of 128 entries)" in bound.reason

    def test_unbounded_lru_cache(self):
        compute = cached(None)
        for number in range(7):
            compute(number)

        assert bound_on_path([HERE, compute, 3], compute) is None

    @pytest.mark.parametrize(
        "kept", [[1] * 9, dict.fromkeys(range(9)), set(range(9)), collections.Counter("abcdefghi")]
    )
    def test_plain_containers(self, kept):
        assert bound_on_path([Owner(kept), kept, 1], kept) is None

    def test_weak_containers_bound_nothing(self):
        keys = [Owner(number) for number in range(9)]
        by_key = weakref.WeakKeyDictionary((key, [key]) for key in keys)
        by_value = weakref.WeakValueDictionary(enumerate(keys))
        weak_set = weakref.WeakSet(keys)

        for weak in (by_key, by_value, weak_set):
            assert bound_on_path([HERE, weak, weak.data, keys[0]], weak.data) is None


class TestKnown:
    @pytest.mark.parametrize("kind", [queue.Queue, queue.LifoQueue, queue.PriorityQueue])
    @pytest.mark.parametrize(("maxsize", "limit"), [(50, 50), (0, None)])
    def test_queues(self, kind, maxsize, limit):
        waiting = kind(maxsize)
        for number in range(9):
            waiting.put(number)

        bound = bound_on_path([HERE, waiting, waiting.queue, 3], waiting.queue)

        assert (bound and bound.limit) == limit

    @pytest.mark.parametrize(("maxsize", "limit"), [(50, 50), (0, None)])
    def test_asyncio_queue(self, maxsize, limit):
        async def fill():
            waiting = asyncio.Queue(maxsize)
            for number in range(9):
                waiting.put_nowait(number)
            return waiting

        waiting = asyncio.run(fill())
        bound = bound_on_path([HERE, waiting, waiting._queue, 3], waiting._queue)

        assert (bound and bound.limit) == limit

    def test_cursors_of_a_living_connection(self):
        connection = sqlite3.connect(":memory:")
        for _ in range(9):
            connection.execute("select 1")
        cursors = next(r for r in gc.get_referents(connection) if type(r) is list and len(r) >= 9)

        bound = bound_on_path([HERE, connection, cursors, cursors[-1]], cursors)
        connection.close()

        assert bound.limit in (201, 202)  # one more where the last cursor still lives
        assert "prunes dead cursors" in bound.reason

    def test_cancelled_timers_but_not_living_ones(self):
        loop = asyncio.new_event_loop()
        for _ in range(9):
            loop.call_later(1000, print).cancel()
        scheduled = loop._scheduled
        cancelled = bound_on_path([HERE, loop, scheduled, scheduled[0]], scheduled)
        for _ in range(30):
            loop.call_later(1000, print)
        living = next(handle for handle in scheduled if not handle.cancelled())
        alive = bound_on_path([HERE, loop, scheduled, living], scheduled)
        loop.close()

        assert cancelled.limit == 100
        assert alive is None

    def test_a_memory_handler_needs_a_target(self):
        aimless = logging.handlers.MemoryHandler(100)
        aimed = logging.handlers.MemoryHandler(100, target=logging.NullHandler())
        for handler in (aimless, aimed):
            for _ in range(9):
                handler.emit(logging.makeLogRecord({"levelno": logging.INFO}))

        assert bound_on_path([HERE, aimless, aimless.buffer, 3], aimless.buffer) is None
        assert bound_on_path([HERE, aimed, aimed.buffer, 3], aimed.buffer).limit == 100

    def test_levels_of_a_logger(self):
        logger = logging.getLogger(f"{__name__}.levels")
        for level in range(9):
            logger.isEnabledFor(level)

        bound = bound_on_path([HERE, logger, logger._cache, True], logger._cache)

        assert (bound.limit, bound.length, bound.room) == (None, 9, None)

    def test_a_module_of_the_standard_library_is_read(self):
        import filecmp

        filecmp.clear_cache()
        filecmp._cache.update((number, True) for number in range(9))
        bound = bound_on_path([filecmp, filecmp._cache, True], filecmp._cache)
        filecmp.clear_cache()

        assert bound.limit == 100
        assert "filecmp.py" in bound.reason

    def test_facts_about_absent_packages_are_well_formed(self):
        assert all(":" in fact.owner and fact.holds and fact.why for fact in KNOWN)

    def test_a_fact_by_the_names_of_its_owner(self, monkeypatch):
        cache_class = type("Cache", (), {"__module__": "cachetools"})
        lru_class = type("LRUCache", (cache_class,), {"__module__": "cachetools"})
        cache = lru_class()
        cache._Cache__data, cache._Cache__maxsize = dict.fromkeys(range(9)), 64

        bound = bound_on_path([HERE, cache, cache._Cache__data, 3], cache._Cache__data)

        assert (bound.limit, bound.reason) == (64, "a cachetools cache evicts at maxsize")

    def test_a_shared_dict_takes_the_limit_of_those_who_share_it(self, monkeypatch):
        name = "django.core.cache.backends.locmem"
        locmem = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, locmem)
        inner = dict.fromkeys(range(9))
        locmem._caches = {"": inner}
        backend = Owner(None)
        chain = [locmem, locmem._caches, inner, 3]

        assert bound_on_path(chain, inner).limit == 300

        backend._cache, backend._max_entries = inner, 40
        assert bound_on_path(chain, inner).limit == 40

    def test_caches_out_of_sight(self):
        assert hidden_caches(["orjson", "json"]) == [
            "orjson keeps up to 2,048 keys of JSON objects, up to 64 bytes each"
        ]
        assert len(hidden_caches(HIDDEN)) == len(HIDDEN)
        assert isinstance(hidden_caches(), list)


class TestHint:
    @pytest.fixture
    def opaque(self, monkeypatch):
        """A class whose code nobody can read, as that of an extension type."""
        module = types.ModuleType("opaque_under_test")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec("class Cache:\n    def __init__(self, **given):\n        self.__dict__.update(given)\n", vars(module))  # noqa: S102 - a class without source
        return module.Cache

    @pytest.mark.parametrize("name", ["maxsize", "_max_entries", "_Cache__capacity", "limit", "MAX_SIZE"])
    def test_a_name_is_a_hint_and_no_proof(self, opaque, name):
        cache = opaque(kept=[0] * 9, **{name: 64})

        bound = bound_on_path([HERE, cache, cache.kept, 0], cache.kept)

        assert (bound.limit, bound.room, bound.proven) == (64, 55, False)

    @pytest.mark.parametrize(
        "attributes",
        [{"maxsize": 8}, {"timeout": 64}, {"maxsize": None}, {"maxsize": True}, {"limit": "64"}, {"limit": 2**63}, {}],
    )
    def test_other_attributes_are_none(self, opaque, attributes):
        cache = opaque(kept=[0] * 9, **attributes)

        assert bound_on_path([HERE, cache, cache.kept, 0], cache.kept) is None


class TestPath:
    """Without ``growing``, a bound is claimed only if nothing else on the path could be what grows."""

    def test_the_only_container(self):
        kept = collections.deque(range(7), maxlen=20)

        assert bound_on_path([HERE, Owner(kept), kept, 3]).limit == 20

    def test_too_short_to_have_taken_one_in_each_round(self):
        kept = collections.deque(range(5), maxlen=20)

        assert bound_on_path([HERE, kept, 3]) is None
        assert bound_on_path([HERE, kept, 3], rounds=3).limit == 20

    def test_an_endless_list_below_a_bounded_deque(self):
        log = list(range(50))
        sessions = collections.deque([Owner(log)] * 7, maxlen=20)

        assert bound_on_path([HERE, sessions, sessions[0], vars(sessions[0]), log, 3]) is None
        assert bound_on_path([HERE, sessions, sessions[0], vars(sessions[0]), log, 3], log) is None

    def test_a_bounded_deque_below_an_endless_list(self):
        log = collections.deque(range(7), maxlen=7)
        sessions = [Owner(log)] * 50

        assert bound_on_path([HERE, sessions, sessions[0], log, 3]) is None
        assert bound_on_path([HERE, sessions, sessions[0], log, 3], log).limit == 7

    def test_attribute_dicts_are_not_containers(self):
        owner = Owner(collections.deque(range(7), maxlen=20))
        for number in range(9):
            setattr(owner, f"attribute_{number}", number)

        assert bound_on_path([HERE, vars(HERE), owner, vars(owner), owner.kept, 3]).limit == 20

    def test_short_ones_on_the_way_do_not_matter(self):
        kept = collections.deque(([number] for number in range(7)), maxlen=20)

        assert bound_on_path([HERE, [kept], kept, kept[0], 0]).limit == 20

    def test_the_growing_container_may_be_missing_on_the_path(self):
        kept = collections.deque(range(7), maxlen=20)

        assert bound_on_path([HERE], kept).limit == 20

    def test_nothing_on_the_path(self):
        assert bound_on_path([]) is None
        assert bound_on_path([HERE]) is None
        assert bound_on_path([HERE, 3], 3) is None


class TestPeek:
    def test_attributes_without_their_descriptors(self):
        class Thing:
            __slots__ = ("__dict__", "slot", "unset")
            constant = 1

            @property
            def computed(self):
                raise RuntimeError("called")

            def __getattr__(self, name):
                raise RuntimeError("called")

        thing = Thing()
        thing.slot, thing.plain = 2, 3

        found = [peek.attribute(thing, name) for name in ("constant", "slot", "plain", "unset", "computed", "absent")]

        assert found == [1, 2, 3, peek.MISSING, peek.MISSING, peek.MISSING]
        assert peek.names_of(thing, thing.slot) == ["slot"]

    def test_attributes_of_classes_and_modules(self):
        assert peek.attribute(Owner, "__module__") == __name__
        assert peek.attribute(HERE, "Owner") is Owner
        assert peek.attribute(HERE, "absent") is peek.MISSING

    def test_a_dict_that_is_no_attribute_dict(self):
        class Odd:
            __dict__ = ["no dict"]

        assert dict(peek.namespace(Odd())) == {}
        assert dict(peek.namespace(3)) == {}

    @pytest.mark.parametrize(
        ("thing", "length"),
        [([1], 1), ((), 0), ({1: 2}, 1), ({1, 2}, 2), (bytearray(3), 3), (array.array("b", b"ab"), 2), ("text", None)],
    )
    def test_lengths(self, thing, length):
        assert peek.length(thing) == length

    def test_a_length_that_raises(self):
        class Sulky(list):
            def __len__(self):
                raise RuntimeError("called")

        assert peek.length(Sulky([1, 2])) == 2

    def test_names_that_are_no_strings(self):
        vars(HERE)[7] = "odd"
        try:
            assert peek.names_of(HERE, "odd") == []
        finally:
            del vars(HERE)[7]
