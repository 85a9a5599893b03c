"""Garbage collections, observed: counted by generation and by test, without any change to the collector."""

from __future__ import annotations

import gc
from itertools import count

import pytest

from pytest_memguard.events import CollectionSummary
from pytest_memguard.probes.collections import CollectionWatch
from pytest_memguard.watch.collected import CollectedTests


@pytest.fixture
def watch():
    """A watch by whose clock every collection takes 5 ms, with no collections but those that are asked for."""
    ticks = count(0, 5_000_000)
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    made = CollectionWatch(clock=lambda: next(ticks))
    yield made
    made.close()
    if was_enabled:
        gc.enable()


class Cyclic:
    def __init__(self):
        self.me = self


def test_collections_are_counted_with_time_and_objects(watch):
    for _ in range(10):
        Cyclic()
    gc.collect(0)
    gc.collect(0)
    gc.collect(2)
    young, middle, full = watch.totals()

    assert (young.runs, middle.runs, full.runs) == (2, 0, 1)
    assert young.seconds == pytest.approx(0.010)
    assert young.freed >= 10
    assert watch.runs == 3
    assert watch.spent_ns == 15_000_000
    assert watch.freed == young.freed + full.freed


def test_the_collector_is_left_as_it_is():
    before = (gc.get_threshold(), gc.isenabled(), gc.get_debug(), list(gc.callbacks))
    watch = CollectionWatch()
    gc.collect()
    watch.close()
    watch.close()

    assert (gc.get_threshold(), gc.isenabled(), gc.get_debug(), list(gc.callbacks)) == before


def test_a_test_that_clears_the_listeners_is_survived(watch):
    kept, gc.callbacks[:] = list(gc.callbacks), []
    gc.collect(0)
    watch.check()
    gc.collect(0)
    watch.check()

    assert watch.lost == 1
    assert watch.totals()[0].runs == 1
    gc.callbacks[:] = kept


def test_taking_the_listener_out_in_the_middle_of_a_collection_is_survived(watch):
    def clear(phase, _info):
        if phase == "start":
            gc.callbacks.clear()

    kept = list(gc.callbacks)
    gc.callbacks.append(clear)
    gc.collect(0)
    watch.check()
    gc.collect(0)

    assert watch.totals()[0].runs == 1
    gc.callbacks[:] = kept


def test_the_costliest_tests_are_kept(watch):
    tests = CollectedTests(watch, most=2)
    for name, collections in (("a", 1), ("b", 0), ("c", 3), ("d", 2)):
        for _ in range(collections):
            gc.collect(0)
        tests.ended(name)
    summary = tests.summary()

    assert [(test.nodeid, test.runs, test.duration_s) for test in summary.costliest] == [
        ("c", 3, 0.015),
        ("d", 2, 0.01),
    ]
    assert [generation.runs for generation in summary.generations] == [6, 0, 0]
    assert CollectionSummary.from_json(summary.to_json()) == summary
    merged = summary.merged(summary, most=3)
    assert [generation.runs for generation in merged.generations] == [12, 0, 0]
    assert [test.nodeid for test in merged.costliest] == ["c", "c", "d"]
