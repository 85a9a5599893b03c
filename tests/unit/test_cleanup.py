"""The cleanup manager: what runs when, what is refused, and what becomes of strategies that misbehave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from pytest_memguard.cleanup import CleanupManager, Outcome, Strategy, StrategyRegistry, open_cleanup
from pytest_memguard.cleanup.meter import BYTES_PER_BLOCK, Meter
from pytest_memguard.errors import MemguardError
from pytest_memguard.events import CleanupResult, StrategyStatistics
from pytest_memguard.settings import Settings, StrategySpec

MIB = 1 << 20
LEVELS = ("gentle", "moderate", "aggressive", "emergency")


class Clock:
    """Stands still but for what a strategy says that it took."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Heap:
    """Readings of a process whose memory strategies change."""

    def __init__(self, *, reading_s=0.0, clock=None):
        self.heap = self.rss = 1000 * MIB
        self.blocks = 10_000_000
        self._reading_s = reading_s
        self._clock = clock

    def reader(self, metric):
        def read():
            if self._clock is not None:
                self._clock.now += self._reading_s
            return getattr(self, metric)

        return read


def nothing(metric):
    return None


class Lab:
    """A manager over strategies of the test, with a clock and a heap that the test moves."""

    def __init__(self, *, start_s=100.0, reading_s=0.0, **settings):
        self.clock = Clock()
        self.heap = Heap(reading_s=reading_s, clock=self.clock)
        self.ran = []
        self.registry = StrategyRegistry()
        self.manager = CleanupManager(
            Settings(**settings),
            self.registry,
            Meter(self.heap.reader, clock=self.clock),
            clock=self.clock,
            start_s=start_s,
            worker="gw1",
        )

    def strategy(self, name, level="gentle", *, takes_s=0.0, frees=0, returns=None, **given):
        def run():
            self.ran.append(name)
            self.clock.now += takes_s
            self.heap.heap -= frees
            return returns

        self.registry.include(Strategy(name=name, run=run, level=level, **given))

    def clean(self, level="gentle", trigger="request", **given):
        return self.manager.clean(level, trigger=trigger, **given)


@pytest.fixture
def lab():
    return Lab()


def one(result):
    (found,) = result.strategies
    return found


# -- which strategies run


def test_a_level_runs_what_is_below_it_first_and_nothing_above():
    lab = Lab()
    for level in reversed(LEVELS):
        lab.strategy(f"of {level}", level)

    for number, level in enumerate(LEVELS, start=1):
        lab.ran.clear()
        result = lab.clean(level)

        assert lab.ran == [f"of {lower}" for lower in LEVELS[:number]]
        assert [(found.name, found.level) for found in result.strategies] == [
            (f"of {lower}", lower) for lower in LEVELS[:number]
        ]


def test_the_collector_runs_after_all_others_and_heap_trim_last(lab):
    lab.strategy("trim", "aggressive", category="heap")
    lab.strategy("collect", "gentle", category="gc")
    lab.strategy("close", "aggressive")
    lab.strategy("cycles", "emergency", category="gc")
    lab.strategy("stop", "emergency")

    lab.clean("emergency")

    assert lab.ran == ["close", "stop", "collect", "cycles", "trim"]


def test_a_list_in_the_settings_replaces_that_level_and_no_other():
    lab = Lab(strategies=StrategySpec(levels={"gentle": ("c", "b"), "moderate": ()}))
    for name, level in (("a", "gentle"), ("b", "gentle"), ("c", "aggressive"), ("d", "moderate"), ("e", "emergency")):
        lab.strategy(name, level)

    assert [(found.name, found.level) for found in lab.clean("emergency").strategies] == [
        ("c", "gentle"),  # runs once, with the lowest level that has it
        ("b", "gentle"),
        ("e", "emergency"),
    ]


def test_a_strategy_that_is_registered_later_runs_too(lab):
    lab.strategy("first")
    lab.clean()
    lab.registry.add("second", lambda: lab.ran.append("second"), level="gentle")

    lab.clean()

    assert lab.ran == ["first", "first", "second"]


def test_a_strategy_whose_library_is_not_loaded_or_that_has_nothing_to_do_is_passed_over(lab):
    lab.strategy("absent", needs="no_such_library")
    lab.strategy("idle", ready=list)
    lab.strategy("there", needs="sys", ready=lambda: 1)

    assert [found.name for found in lab.clean().strategies] == ["there"]
    assert [entry.name for entry in lab.manager.statistics()] == ["there"]


def test_while_a_test_runs_only_what_it_cannot_miss_is_freed(lab):
    lab.strategy("closes")
    lab.strategy("forgets", during_tests=True)

    assert [found.name for found in lab.clean(during_test=True).strategies] == ["forgets"]
    assert [found.name for found in lab.clean().strategies] == ["closes", "forgets"]


def test_unknown_names_are_refused_with_line_and_nearest_name():
    spec = StrategySpec(
        levels={"gentle": ("young_cg",), "moderate": ("full_gc", "nothing of the kind")},
        origins={"gentle": "memguard.yaml, line 4"},
    )
    registry = StrategyRegistry([Strategy(name=name, run=list, level="gentle") for name in ("young_gc", "full_gc")])

    with pytest.raises(MemguardError) as caught:
        registry.check(spec, origin="memguard.yaml: memory.strategies")

    assert str(caught.value).splitlines() == [
        "unknown strategy 'young_cg' from memguard.yaml, line 4: expected young_gc or full_gc",
        "  did you mean 'young_gc'?  [unknown-name]",
        "unknown strategy 'nothing of the kind' from memguard.yaml: memory.strategies: expected young_gc or full_gc",
        "  correct the name, or take it out  [unknown-name]",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": " "}, "expected a name that is not empty"),
        ({"run": 3}, "invalid run of strategy mine 3 from pytest_memguard_strategies"),
        ({"level": "agressive"}, "did you mean 'aggressive'?"),
        ({"time_limit_s": 0}, "expected seconds above 0, a day at most"),
        ({"time_limit_s": True}, "expected seconds above 0, a day at most"),
        ({"name": "young_gc"}, "expected a name that pytest-memguard has not taken"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_registered(given, words):
    registry = StrategyRegistry([Strategy(name="young_gc", run=list, level="gentle")])
    arguments = {"name": "mine", "run": list, "level": "gentle", **given}

    with pytest.raises(MemguardError) as caught:
        registry.add(arguments.pop("name"), arguments.pop("run"), **arguments)

    assert words in str(caught.value)
    assert registry.names == ("young_gc",)


# -- what is measured


def test_what_each_strategy_frees_is_read_before_and_after_it(lab):
    lab.strategy("big", frees=5 * MIB, returns=12, takes_s=0.002)
    lab.strategy("none", returns=0)

    result = lab.clean(nodeid="t.py::test_a")

    assert [(s.name, s.freed_bytes, s.freed_entries, s.error) for s in result.strategies] == [
        ("big", 5 * MIB, 12, None),
        ("none", 0, 0, None),
    ]
    assert result.strategies[0].duration_s == pytest.approx(0.002)
    assert (result.freed_bytes, result.at_s, result.nodeid, result.worker) == (5 * MIB, 0.0, "t.py::test_a", "gw1")


def test_blocks_count_by_their_mean_size_and_trimming_by_pages(lab):
    def drop_blocks():
        lab.heap.blocks -= 1000

    def trim():
        lab.heap.rss -= 3 * MIB
        lab.heap.heap -= MIB

    lab.registry.include(Strategy(name="blocks", run=drop_blocks, level="gentle"))
    lab.registry.include(Strategy(name="trim", run=trim, level="gentle", measure="rss"))

    result = lab.clean()

    assert [found.freed_bytes for found in result.strategies] == [1000 * BYTES_PER_BLOCK, 3 * MIB]
    assert result.freed_bytes == 1000 * BYTES_PER_BLOCK  # pages given back are no memory freed once more


def test_what_cannot_be_read_is_none(lab):
    def broken(_metric):
        def read():
            raise OSError("the test has closed everything")

        return read

    for reader in (nothing, broken):
        manager = CleanupManager(Settings(), lab.registry, Meter(reader, clock=lab.clock), clock=lab.clock, start_s=0.0)
        lab.strategy(f"some {reader.__name__}", returns=3)

        result = manager.clean("gentle", trigger="request")

        assert {found.freed_bytes for found in result.strategies} == {None}
        assert result.freed_bytes is None
        assert result.strategies[-1].freed_entries == 3


def test_cleanups_by_schedule_are_read_around_only_while_that_is_cheap():
    lab = Lab(reading_s=0.001)
    lab.strategy("some", frees=2 * MIB)

    freed = [one(lab.clean(trigger="schedule")).freed_bytes for _ in range(3)]
    lab.clock.now += 60.0  # tests have run meanwhile
    freed.append(one(lab.clean(trigger="schedule")).freed_bytes)

    assert freed == [2 * MIB, None, None, 2 * MIB]
    assert one(lab.clean(trigger="marker")).freed_bytes == 2 * MIB


@pytest.mark.parametrize("returned", [True, -1, 1 << 70, "many", 2.5, object(), [1, 2]])
def test_a_return_value_that_is_no_number_of_entries_says_nothing(lab, returned):
    lab.strategy("liar", returns=returned)

    assert one(lab.clean()).freed_entries is None
    assert one(lab.clean()).error is None


def test_a_strategy_may_say_more_than_a_number(lab):
    lab.strategy("told", returns=Outcome(entries=2, note="one was left alone"))

    found = one(lab.clean())

    assert (found.freed_entries, found.note, found.error) == (2, "one was left alone", None)


# -- strategies that misbehave


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no")


def test_whatever_a_strategy_raises_is_recorded_and_the_others_run(lab):
    raised = {
        "error": ValueError("two\nlines"),
        "exit": SystemExit(3),
        "memory": MemoryError(),
        "unspeakable": UnspeakableError(),
        "outcome": pytest.fail.Exception("a failing test?"),
    }

    def strategy(error):
        def run():
            raise error

        return run

    for name, error in raised.items():
        lab.registry.add(name, strategy(error), level="gentle")
    lab.strategy("last")

    errors = {found.name: found.error for found in lab.clean().strategies}

    assert errors.pop("unspeakable").startswith("UnspeakableError")
    assert errors == {
        "error": "ValueError: two lines",
        "exit": "SystemExit: 3",
        "memory": "MemoryError",
        "outcome": "Failed: a failing test?",
        "last": None,
    }
    assert lab.ran == ["last"]


def test_an_interrupt_by_the_user_is_no_error_of_a_strategy(lab):
    def interrupted():
        raise KeyboardInterrupt

    lab.registry.add("long", interrupted, level="gentle")

    with pytest.raises(KeyboardInterrupt):
        lab.clean()
    lab.strategy("next")
    with pytest.raises(KeyboardInterrupt):
        lab.clean()  # the manager is still there, not locked


def hang_in_sleep():
    time.sleep(600)


def hang_in_lock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def hang_in_loop():
    while True:
        pass


@pytest.mark.parametrize("hang", [hang_in_sleep, hang_in_lock, hang_in_loop])
def test_a_strategy_that_hangs_is_stopped_and_left_out_from_then_on(lab, hang):
    handler = signal.getsignal(signal.SIGALRM)
    lab.registry.add("hangs", hang, level="gentle", time_limit_s=0.05)
    lab.strategy("others")

    first = lab.clean(trigger="schedule")
    second = lab.clean(trigger="schedule")

    assert first.strategies[0].error == "took more than 0.05 s"
    assert second.strategies[0].error == "left out: it took too long before"
    assert lab.ran == ["others", "others"]
    assert signal.getsignal(signal.SIGALRM) == handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_person_who_asks_gets_another_try(lab):
    patience = [0.05, 0.0]
    lab.registry.add("slow", lambda: time.sleep(600 * patience.pop(0)), level="gentle", time_limit_s=0.2)

    lab.clean(trigger="pressure")

    assert one(lab.clean(trigger="request")).error is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_that_comes_back_from_a_strategy_does_not_run_the_suite_again(lab):
    lab.registry.add("forks", os.fork, level="gentle")
    parent = os.getpid()

    error = one(lab.clean()).error

    if os.getpid() != parent:  # pragma: no cover - this very test would have failed in two processes
        os._exit(1)
    assert error == "it forked; a child that came back from it was stopped"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_strategy_that_waits_for_its_child_is_told_so_and_keeps_its_result(lab):
    def fork_and_wait():
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        return 7

    lab.registry.add("forks", fork_and_wait, level="gentle")

    found = one(lab.clean())

    assert found.freed_entries == 7
    assert found.error.startswith("it forked")


def test_a_strategy_that_allocates_has_freed_less_than_nothing(lab):
    lab.strategy("grows a little", frees=-4096)
    lab.strategy("grows", frees=-5 * MIB)

    little, much = lab.clean().strategies

    assert (little.freed_bytes, little.error) == (-4096, None)
    assert (much.freed_bytes, much.error) == (-5 * MIB, "it took 5.0 MiB more than it freed")


def test_a_coroutine_is_not_awaited(lab):
    async def clear():
        raise AssertionError

    lab.registry.add("async", clear, level="gentle")

    assert one(lab.clean()).error == "it returned a coroutine: a strategy is called, not awaited"


def test_a_strategy_in_another_thread_is_stopped_waiting_for(lab):
    release = threading.Event()
    lab.registry.add("hangs", lambda: release.wait(60), level="gentle", time_limit_s=0.05)
    results = []
    thread = threading.Thread(target=lambda: results.append(lab.clean()))
    thread.start()
    thread.join()
    release.set()

    assert one(results[0]).error == "took more than 0.05 s, and still runs in a thread of its own"


# -- refusals


def test_cleanups_that_are_off_are_refused():
    lab = Lab(cleanup_enabled=False)
    lab.strategy("any")

    for trigger in ("schedule", "marker", "pressure", "leak", "request"):
        result = lab.clean(trigger=trigger)

        assert (result.refused, result.strategies) == ("cleanups are off (cleanup.enabled)", ())
    assert lab.ran == []
    assert lab.manager.cleanups == 0


def test_a_cleanup_inside_of_a_cleanup_is_refused(lab):
    inner = []
    lab.registry.add("nests", lambda: inner.append(lab.clean("emergency")), level="gentle")

    assert one(lab.clean()).error is None
    assert inner[0].refused == "another cleanup is running"


def test_what_did_not_help_under_pressure_rests_ten_times_as_long_as_it_took():
    lab = Lab()
    lab.strategy("slow", "moderate", takes_s=2.0)

    assert lab.clean("moderate", "pressure").refused is None
    assert lab.clean("moderate", "pressure").refused == "the last one is too recent; the next may start in 20 s"
    assert lab.clean("gentle", "leak").refused is not None
    assert lab.clean("aggressive", "pressure").refused is None  # a higher level is never held back
    lab.clock.now += 20.0
    assert lab.clean("aggressive", "pressure").refused is None


def test_what_helped_rests_twice_as_long_as_it_took():
    lab = Lab()
    lab.strategy("good", takes_s=2.0, frees=50 * MIB)
    lab.clean("gentle", "pressure")

    lab.clock.now += 3.9
    assert lab.clean("gentle", "pressure").refused is not None
    lab.clock.now += 0.1
    assert lab.clean("gentle", "pressure").refused is None


@pytest.mark.parametrize("trigger", ["schedule", "marker", "request"])
def test_what_somebody_asks_for_has_no_cooldown(trigger):
    lab = Lab()
    lab.strategy("slow", takes_s=2.0)
    lab.clean("gentle", "pressure")

    assert lab.clean("gentle", trigger).refused is None


# -- what is remembered


def test_the_history_is_bounded_and_schedules_do_not_push_out_the_rest():
    lab = Lab(history_size=15)
    lab.strategy("any")
    lab.clean("gentle", "marker", nodeid="marked")
    for _ in range(100):
        lab.clock.now += 1.0
        lab.clean("gentle", "schedule")
    lab.clock.now += 1.0
    lab.clean("moderate", "request")

    history = lab.manager.history

    assert len(history) == 15
    assert [entry.trigger for entry in history] == ["marker", *["schedule"] * 13, "request"]
    assert [entry.at_s for entry in history] == sorted(entry.at_s for entry in history)
    assert lab.manager.cleanups == 102


def test_the_same_refusal_again_and_again_is_remembered_once():
    lab = Lab(cleanup_enabled=False)
    for _ in range(5):
        lab.clean("gentle", "pressure")
    lab.clean("emergency", "pressure")

    assert [entry.level for entry in lab.manager.history] == ["gentle", "emergency"]


def test_statistics_say_which_strategies_pay():
    lab = Lab()
    lab.strategy("pays", frees=2 * MIB, returns=3, takes_s=0.001)
    lab.strategy("costs", takes_s=0.5)
    lab.registry.add("fails", lambda: 1 / 0, level="gentle")
    lab.clean()
    lab.clean()

    statistics = {entry.name: entry for entry in lab.manager.statistics()}

    assert next(iter(statistics)) == "pays"
    pays = statistics["pays"]
    assert (pays.runs, pays.measured_runs, pays.freed_bytes, pays.freed_entries, pays.errors) == (2, 2, 4 * MIB, 6, 0)
    assert pays.bytes_per_ms == pytest.approx(2 * MIB)
    assert statistics["costs"].bytes_per_ms == 0
    assert (statistics["fails"].errors, statistics["fails"].last_error) == (2, "ZeroDivisionError: division by zero")


def test_statistics_of_two_processes_add_up_and_survive_the_way():
    one_process = StrategyStatistics(
        name="a",
        level="gentle",
        category="gc",
        runs=2,
        measured_runs=1,
        freed_bytes=10,
        measured_s=0.01,
        duration_s=0.02,
    )
    other = StrategyStatistics(
        name="a", level="gentle", category="gc", runs=1, freed_entries=4, duration_s=0.01, errors=1, last_error="E"
    )

    both = one_process.merged(StrategyStatistics.from_json(other.to_json()))

    assert (both.runs, both.freed_bytes, both.freed_entries, both.errors, both.last_error) == (3, 10, 4, 1, "E")
    assert both.bytes_per_ms == pytest.approx(1.0)
    assert StrategyStatistics.from_json({**both.to_json(), "from the future": 1}) == both


def test_results_survive_the_way_between_processes(lab):
    lab.strategy("told", returns=Outcome(entries=2, note="note", error="error"))
    result = lab.clean()

    assert CleanupResult.from_json(result.to_json()) == result


# -- the built-in ones


class NoComponents:
    def __len__(self):
        return 0


def open_built_in(**settings):
    return open_cleanup(
        Settings(**settings), components=NoComponents(), reader=nothing, clock=time.perf_counter, start_s=0.0
    )


def test_the_built_in_strategies_cover_every_category_and_level():
    registry = open_built_in().registry
    strategies = [registry[name] for name in registry.names]

    assert {strategy.level for strategy in strategies} == set(LEVELS)
    assert {strategy.category for strategy in strategies} == {
        *("interpreter", "caches", "events", "batches", "connections", "databases", "timers", "accelerators"),
        *("components", "gc", "heap"),
    }


EMERGENCY = """
import sys, time
from pytest_memguard.cleanup import open_cleanup
from pytest_memguard.settings import Settings

class NoComponents:
    def __len__(self):
        return 0

manager = open_cleanup(
    Settings(), components=NoComponents(), reader=lambda metric: None, clock=time.perf_counter, start_s=0.0
)
before = set(sys.modules)
result = manager.clean("emergency", trigger="request")
print(sorted(set(sys.modules) - before), [found.error for found in result.strategies if found.error])
"""


def test_nothing_is_imported_for_a_cleanup():
    done = subprocess.run([sys.executable, "-W", "error", "-c", EMERGENCY], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("[] []\n", "")


def test_the_names_in_the_settings_are_checked_against_all_that_are_registered():
    manager = open_built_in(strategies=StrategySpec(levels={"moderate": ("figures", "mine")}))
    with pytest.raises(MemguardError, match=r"unknown strategy 'mine' from memory.strategies"):
        manager.check()

    manager.registry.add("mine", list, level="gentle")

    manager.check()
