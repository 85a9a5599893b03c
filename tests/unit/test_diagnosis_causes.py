"""A cause that was diagnosed in one test is recognised in another, and nothing else is."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest

from pytest_memguard.diagnosis import KnownCauses, new_types
from pytest_memguard.diagnosis.causes import SLACK
from tests.unit.diagnosis_lab import laboratory, settle


@pytest.fixture
def lab(tmp_path):
    with laboratory(tmp_path) as lab:
        yield lab


APP = """
    import collections

    class Order:
        __slots__ = ("lines",)

        def __init__(self):
            self.lines = []

    class Event:
        __slots__ = ()

    class Bus:
        def __init__(self):
            self.handlers = []

    ORDERS, EVENTS = {}, collections.deque()
    BUS = Bus()

    def order(times=1):
        for _ in range(times):
            ORDERS[f"order {len(ORDERS)}"] = Order()

    def event():
        EVENTS.append(Event())

    def handler():
        BUS.handlers.append(Order().__init__)
"""

ORDER = {"shop.app.Order": 1, "list": 1}


@pytest.fixture
def app(lab):
    return lab.module("app", APP)


@pytest.fixture
def known(lab, app):
    causes = KnownCauses()
    assert causes.remember(lab.diagnose(app.order), blocks_per_run=4) is not None
    return causes


def test_the_same_growth_is_the_same_cause(known, app):
    known.mark()
    app.order()
    cause = known.recognise(ORDER, 4)
    assert cause.diagnosis.retainers[0].path == "shop.app.ORDERS[*]"
    assert cause.signature == cause.diagnosis.signature


def test_so_is_a_multiple_of_it(known, app):
    known.mark()
    app.order(5)
    assert known.recognise({"shop.app.Order": 5, "list": 5}, 20) is not None


def test_a_part_of_what_the_proved_test_adds_at_once_is_the_same_cause(lab, app):
    def three_orders():
        app.order(3)

    known = KnownCauses()
    cause = known.remember(lab.diagnose(three_orders), blocks_per_run=12)
    assert (cause.holder_per_run, cause.blocks_per_run) == (1, 4)
    known.mark()
    app.order()
    assert known.recognise(ORDER, 4) is cause
    assert known.recognise(ORDER, 5) is None


def test_what_the_collector_counts_is_what_is_recognised(known, app):
    settle()
    known.mark()
    gc.freeze()
    try:
        app.order(2)
        settle()
        seen = new_types()
    finally:
        gc.unfreeze()
    assert seen["shop.app.Order"] == 2
    assert known.recognise(seen, 8) is not None


@pytest.mark.parametrize(
    ("types", "blocks"),
    [
        ({"shop.app.Order": 2, "list": 1}, 4),
        ({"shop.app.Order": 1}, 4),
        ({"shop.app.Order": 1, "list": 1, "shop.app.Event": 1}, 4),
        (ORDER, 5),
        (ORDER, 3),
        (ORDER, 8),
        ({}, 4),
    ],
)
def test_objects_and_blocks_must_agree(known, app, types, blocks):
    known.mark()
    app.order()
    assert known.recognise(types, blocks) is None


def test_the_holder_must_have_grown_with_them(known, app):
    known.mark()
    assert known.recognise(ORDER, 4) is None
    app.order(2)
    assert known.recognise(ORDER, 4) is None
    app.ORDERS.clear()
    assert known.recognise(ORDER, 4) is None


def test_replaced_helpers_are_tolerated_up_to_the_slack(known, app):
    known.mark()
    app.order()
    assert known.recognise({**ORDER, "tuple": SLACK}, 4) is not None
    assert known.recognise({**ORDER, "tuple": SLACK + 1}, 4) is None
    assert known.recognise({**ORDER, "tuple": SLACK - 1, "dict": 1}, 4) is not None
    assert known.recognise({**ORDER, "tuple": SLACK, "dict": 1}, 4) is None
    assert known.recognise({**ORDER, "_pytest.python.Function": 40}, 4) is not None


def test_what_was_replaced_when_the_cause_was_found_is_tolerated(lab, app):
    class Stream:
        pass

    def order():
        app.last = [Stream(), Stream()]
        app.order()

    known = KnownCauses()
    cause = known.remember(lab.diagnose(order), blocks_per_run=4)
    name = f"{Stream.__module__}.{Stream.__qualname__}"
    assert cause.types_replaced[name] == 2
    known.mark()
    app.order()
    assert known.recognise({**ORDER, name: 2}, 4) is cause
    assert known.recognise({**ORDER, name: 3}, 4) is None
    assert known.recognise(ORDER, 4) is cause


def test_nothing_is_recognised_before_a_mark(known, app):
    app.order()
    assert known.recognise(ORDER, 4) is None


def test_a_sum_of_two_causes(known, lab, app):
    event = known.remember(lab.diagnose(app.event), blocks_per_run=1)
    known.mark()
    app.order(2)
    app.event()
    seen = {"shop.app.Order": 2, "list": 2, "shop.app.Event": 1}

    assert len(known) == 2
    assert len(known.recognise_all(seen, 9)) == 2
    assert known.recognise(seen, 9) is not event
    assert known.recognise_all(seen, 9)[1] is event
    assert known.recognise_all(seen, 10) == ()


def test_one_of_two_known_causes_is_told_from_the_other(known, lab, app):
    event = known.remember(lab.diagnose(app.event), blocks_per_run=1)
    known.mark()
    app.event()
    assert known.recognise({"shop.app.Event": 1}, 1) is event


def test_a_holder_that_was_proved_with_many_amounts_is_familiar(known, lab, app):
    known.mark()
    app.order(6)
    assert known.familiar(6) is None

    evidence = lab.diagnose(lambda: app.order(3))
    for blocks in (12, 15, 18):
        assert known.familiar(6) is None
        assert known.remember(evidence, blocks_per_run=blocks) is not None
    known.mark()
    app.order(5)
    assert known.familiar(6) is None
    app.order(1)
    assert known.familiar(6) is not None


def test_a_holder_that_was_replaced_is_not_taken_for_the_old_one(known, app):
    app.ORDERS = dict(app.ORDERS)
    known.mark()
    app.order()
    assert known.recognise(ORDER, 4) is None


def test_a_holder_in_an_attribute(lab, app):
    known = KnownCauses()
    assert known.remember(lab.diagnose(app.handler), blocks_per_run=5) is not None
    known.mark()
    app.handler()
    assert known.recognise({"shop.app.Order": 1, "list": 1, "builtin_function_or_method": 1, "method": 1}, 5)
    app.BUS.handlers = list(app.BUS.handlers)
    known.mark()
    app.handler()
    assert not known.recognise({"shop.app.Order": 1, "list": 1, "builtin_function_or_method": 1, "method": 1}, 5)


def test_nothing_is_kept_alive(lab, app):
    known = KnownCauses()
    assert known.remember(lab.diagnose(app.handler), blocks_per_run=5) is not None
    bus, module = weakref.ref(app.BUS), weakref.ref(app)
    del sys.modules["shop.app"], sys.modules["shop"].app, app
    gc.collect()
    # Only the fixture's own reference to the module is left, and it is to the module itself.
    assert module() is not None
    del module().BUS
    gc.collect()
    assert bus() is None
    known.mark()
    assert known.recognise({"shop.app.Order": 1}, 5) is None


def test_marking_leaves_no_object_behind(known, app):
    known.mark()
    settle()
    before = sys.getallocatedblocks()
    known.mark()
    settle()
    assert sys.getallocatedblocks() - before <= 1  # the number itself


def test_a_cause_without_a_holder_is_not_remembered(lab):
    app = lab.module(
        "chain",
        """
        HEAD = None

        class Node:
            def __init__(self, before):
                self.before = before

        def test():
            global HEAD
            HEAD = Node(HEAD)
        """,
    )
    known = KnownCauses()
    assert known.remember(lab.diagnose(app.test), blocks_per_run=1) is None
    assert len(known) == 0


def test_the_cache_of_a_function(lab):
    app = lab.module(
        "cached",
        """
        import functools
        import itertools

        NUMBERS = itertools.count(1000)

        @functools.lru_cache(maxsize=None)
        def square(number):
            return number * number

        def test():
            square(next(NUMBERS))
        """,
    )
    known = KnownCauses()
    cause = known.remember(lab.diagnose(app.test), blocks_per_run=2)
    known.mark()
    app.test()
    assert known.recognise({}, 2) is cause
    assert known.recognise({}, 3) is None
