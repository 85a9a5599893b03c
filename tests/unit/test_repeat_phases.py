"""What grows is put down to the innermost part of a repetition in which it does."""

from __future__ import annotations

import asyncio
import unittest
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from pytest_memguard.model import Origin
from pytest_memguard.repeat.phases import PhaseHooks


class Definition:
    """A fixture definition, as far as hooks care."""

    def __init__(self, argname):
        self.argname = argname
        self.finalizers = []

    def addfinalizer(self, finalizer):
        self.finalizers.append(finalizer)


class Run:
    """Drives the hooks as pytest does; ``kept`` is what grows."""

    def __init__(self):
        self.kept = []
        self.hooks = PhaseHooks(lambda: len(self.kept), lambda definition: definition.argname)

    def grow(self, by=1):
        self.kept.extend([None] * by)

    @contextmanager
    def inside(self, hook, *args):
        wrapper = hook(*args)
        next(wrapper)
        try:
            yield
        finally:
            with pytest.raises(StopIteration):
                next(wrapper)

    def tear_down(self, definition, *, by):
        for finalizer in reversed(definition.finalizers):
            finalizer()
        self.grow(by)
        self.hooks.pytest_fixture_post_finalizer(definition)

    def call(self, instance=None):
        return self.inside(self.hooks.pytest_runtest_call, SimpleNamespace(instance=instance))


@pytest.fixture
def run():
    return Run()


def of(phase, fixture=None):
    return Origin(phase=phase, fixture=fixture)


def test_each_phase_and_each_fixture_has_its_own(run):
    outer, inner = Definition("outer"), Definition("inner")
    with run.inside(run.hooks.pytest_runtest_setup):
        run.grow(1)
        with run.inside(run.hooks.pytest_fixture_setup, outer):
            run.grow(2)
        with run.inside(run.hooks.pytest_fixture_setup, inner):
            run.grow(4)
        run.grow(8)
    with run.call():
        run.grow(16)
    with run.inside(run.hooks.pytest_runtest_teardown):
        run.grow(32)
        run.tear_down(inner, by=64)
        run.tear_down(outer, by=128)
        run.grow(256)
    assert run.hooks.grown == {
        of("setup"): 1 + 8,
        of("setup", "outer"): 2,
        of("setup", "inner"): 4,
        of("call"): 16,
        of("teardown"): 32 + 256,
        of("teardown", "inner"): 64,
        of("teardown", "outer"): 128,
    }


def test_a_fixture_that_the_body_asks_for(run):
    with run.call():
        run.grow(1)
        with run.inside(run.hooks.pytest_fixture_setup, Definition("late")):
            run.grow(2)
        run.grow(4)
    assert run.hooks.grown == {of("call"): 5, of("setup", "late"): 2}


def test_what_comes_and_goes_is_seen_in_both_places(run):
    with run.inside(run.hooks.pytest_runtest_setup):
        run.grow(1)
    with run.inside(run.hooks.pytest_runtest_teardown):
        run.kept.clear()
    assert run.hooks.grown == {of("setup"): 1, of("teardown"): -1}


def test_what_a_test_case_does_before_and_after_is_not_its_call(run):
    class Case(unittest.TestCase):
        def setUp(self):
            run.grow(1)

        async def asyncSetUp(self):
            run.grow(2)

        async def asyncTearDown(self):
            run.grow(4)

        def tearDown(self):
            run.grow(8)

        def test(self):
            run.grow(16)

    case = Case("test")
    case.addCleanup(run.grow, 32)
    with run.call(case):
        case.setUp()
        asyncio.run(case.asyncSetUp())
        case.test()
        asyncio.run(case.asyncTearDown())
        case.tearDown()
        case.doCleanups()
    assert run.hooks.grown == {of("setup"): 1 + 2, of("call"): 16, of("teardown"): 4 + 8 + 32}


def test_a_phase_that_raises_has_ended(run):
    wrapper = run.hooks.pytest_runtest_setup()
    next(wrapper)
    run.grow(1)
    with pytest.raises(ValueError, match=r"^$"):
        wrapper.throw(ValueError())
    with run.call():
        run.grow(2)
    assert run.hooks.grown == {of("setup"): 1, of("call"): 2}


def test_a_fixture_that_outlives_the_watch_is_not_watched_any_more(run):
    definition = Definition("lasting")
    with run.inside(run.hooks.pytest_fixture_setup, definition):
        run.grow(1)
    run.hooks.close()
    before = dict(run.hooks.grown)
    run.grow(2)
    definition.finalizers[0]()
    assert {origin: by for origin, by in run.hooks.grown.items() if by > 0} == before
