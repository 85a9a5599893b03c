"""A diagnosis leaves the collector, tracemalloc, linecache and the heap as it found them, however it ends."""

from __future__ import annotations

import gc
import linecache
import time
import tracemalloc
import weakref

import pytest

from pytest_memguard.diagnosis import Scenario, diagnose
from tests.unit.diagnosis_lab import laboratory, settle


@pytest.fixture
def lab(tmp_path):
    with laboratory(tmp_path) as lab:
        yield lab


APP = """
    KEPT = []
    RUNS = []

    class Order:
        pass

    def test():
        RUNS.append(len(RUNS))
        KEPT.append(Order())
"""


@pytest.fixture
def collector():
    """An unusual state, so that a default is told from what was there."""
    before = gc.isenabled(), gc.get_threshold(), gc.get_debug()
    gc.set_threshold(531, 7, 5)
    yield
    gc.set_debug(before[2])
    gc.set_threshold(*before[1])
    (gc.enable if before[0] else gc.disable)()
    gc.unfreeze()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_before(lab, collector, enabled):
    app = lab.module("app", APP)
    (gc.enable if enabled else gc.disable)()

    lab.diagnose(app.test)

    assert gc.isenabled() is enabled
    assert gc.get_threshold() == (531, 7, 5)
    assert gc.get_freeze_count() == 0


def test_a_heap_that_was_frozen_is_thawed(lab, collector):
    app = lab.module("app", APP)
    gc.freeze()

    evidence = lab.diagnose(app.test)

    assert evidence.diagnosis.retainers[0].path == "shop.app.KEPT[*]"
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
@pytest.mark.parametrize("at", [1, 3, 4, 6])
def test_an_exception_of_the_scenario_is_passed_on_and_everything_put_back(lab, collector, error, at):
    app = lab.module("app", APP)

    def repeat():
        gc.set_threshold(1000)
        gc.disable()
        app.test()
        if len(app.RUNS) == at:
            raise error

    scenario = Scenario(repeat=repeat, settle=settle)
    with pytest.raises(error):
        diagnose(scenario, paths=lab.paths, native=False, clock=time.perf_counter, budget_s=60.0)

    assert gc.isenabled()
    assert gc.get_threshold() == (531, 7, 5)
    assert gc.get_freeze_count() == 0
    assert not tracemalloc.is_tracing()


def test_tracing_of_the_users_own_goes_on(lab):
    app = lab.module("app", APP)
    tracemalloc.start(5)
    try:
        evidence = lab.diagnose(app.test)
        assert tracemalloc.is_tracing()
        assert tracemalloc.get_traceback_limit() == 5
    finally:
        tracemalloc.stop()

    assert "shop/app.py" in {site.file for site in evidence.diagnosis.sites}


def test_tracing_is_stopped(lab):
    app = lab.module("app", APP)
    lab.diagnose(app.test)
    assert not tracemalloc.is_tracing()


def test_linecache_is_not_filled(lab):
    app = lab.module("app", APP)
    before = dict(linecache.cache)
    lab.diagnose(app.test)
    assert linecache.cache == before


def test_nothing_is_kept_alive_but_by_the_evidence(lab):
    app = lab.module("app", APP)
    evidence = lab.diagnose(app.test)
    survivors = [weakref.ref(order) for order in app.KEPT]
    app.KEPT.clear()
    del evidence
    gc.collect()
    assert [reference() for reference in survivors] == [None] * len(survivors)


def test_the_repetitions_are_as_many_as_were_asked_for(lab):
    app = lab.module("app", APP)
    scenario = Scenario(repeat=app.test, settle=settle)
    diagnose(scenario, rounds=4, paths=lab.paths, native=False, clock=time.perf_counter, budget_s=60.0)
    survivors, allocations, lines, deeper_frames = 4, 1 + 4, 2, 1 + 4
    assert len(app.RUNS) == survivors + allocations + lines + deeper_frames


class Clock:
    """Goes on only when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_slow_repetitions_are_made_twice_a_phase(lab):
    app = lab.module("app", APP)
    clock = Clock()

    def slow():
        clock.now += 1.5
        app.test()

    scenario = Scenario(repeat=slow, settle=settle)
    diagnosis = diagnose(scenario, rounds=5, paths=lab.paths, native=False, clock=clock, budget_s=2.0).diagnosis

    assert len(app.RUNS) == 2 + 1 + 2
    assert diagnosis.retainers[0].path == "shop.app.KEPT[*]"
    assert "shop/app.py" in {site.file for site in diagnosis.sites}


def test_repetitions_that_take_longer_than_the_budget_are_not_traced(lab):
    app = lab.module("app", APP)
    clock = Clock()

    def slow():
        clock.now += 2.5
        app.test()

    scenario = Scenario(repeat=slow, settle=settle)
    diagnosis = diagnose(scenario, paths=lab.paths, native=False, clock=clock, budget_s=2.0).diagnosis

    assert len(app.RUNS) == 2
    assert diagnosis.retainers[0].path == "shop.app.KEPT[*]"
    assert diagnosis.sites == ()
    assert diagnosis.notes == ("no allocation sites: one repetition takes 2.5 s",)


def test_where_a_search_from_the_objects_runs_out_of_time_the_container_that_grew_is_found(lab):
    app = lab.module("app", APP)
    clock = Clock()

    def impatient():
        clock.now += 0.3
        return clock.now

    scenario = Scenario(repeat=app.test, settle=settle)
    diagnosis = diagnose(scenario, paths=lab.paths, native=False, clock=impatient, budget_s=0.9).diagnosis

    assert [growth.type for growth in diagnosis.types] == ["shop.app.Order"]
    assert [retainer.path for retainer in diagnosis.retainers] == ["shop.app.KEPT[*]"]
