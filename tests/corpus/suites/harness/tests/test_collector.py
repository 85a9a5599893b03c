"""Tests that have their own opinion of the garbage collector and of the interpreter's settings."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref

import pytest


class Node:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collector_off():
    was = gc.isenabled()
    gc.disable()
    yield
    if was:
        gc.enable()


def test_collect_finds_a_cycle():
    node = weakref.ref(Node())
    gc.collect()
    assert node() is None


def test_cycles_pile_up_while_the_collector_is_off(collector_off):
    for _ in range(10_000):
        Node()
    assert not gc.isenabled()


def test_collector_is_off_and_on():
    gc.disable()
    try:
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_thresholds():
    before = gc.get_threshold()
    gc.set_threshold(5_000, 20, 20)
    try:
        assert gc.get_threshold()[0] == 5_000
    finally:
        gc.set_threshold(*before)


def test_objects_are_listed():
    node = Node()
    assert any(found is node for found in gc.get_objects())


def test_number_of_instances():
    nodes = [Node() for _ in range(10)]
    assert sum(type(found) is Node for found in gc.get_objects()) >= len(nodes)


def test_referrers():
    node = Node()
    holder = [node]
    assert any(found is holder for found in gc.get_referrers(node))


def test_freeze_and_unfreeze():
    gc.collect()
    gc.freeze()
    try:
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_counts_and_statistics():
    assert len(gc.get_count()) == len(gc.get_stats()) == 3


def test_callbacks():
    phases = []

    def note(phase, info):
        phases.append(phase)

    gc.callbacks.append(note)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(note)
    assert phases[:2] == ["start", "stop"]


def test_nothing_is_uncollectable():
    assert gc.garbage == []


def test_reference_count():
    value = object()
    before = sys.getrefcount(value)
    also = [value] * 10
    assert sys.getrefcount(value) == before + len(also)


def test_traced_memory():
    tracemalloc.start()
    try:
        data = [bytes(1_000) for _ in range(100)]
        assert tracemalloc.get_traced_memory()[0] > len(data) * 1_000
    finally:
        tracemalloc.stop()


def test_switch_interval():
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.001)
    sys.setswitchinterval(before)
    assert sys.getswitchinterval() == pytest.approx(before)


def test_recursion_limit():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + 500)
    try:
        assert sys.getrecursionlimit() == before + 500
    finally:
        sys.setrecursionlimit(before)


def test_profile_function():
    calls = []
    sys.setprofile(lambda frame, event, arg: calls.append(event))
    try:
        len([])
    finally:
        sys.setprofile(None)
    assert calls


def test_finalizers_run_once():
    ended = []

    class Ending:
        def __del__(self):
            ended.append(1)

    Ending()
    gc.collect()
    assert ended == [1]
