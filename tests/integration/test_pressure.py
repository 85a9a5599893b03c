"""Memory pressure as a user meets it: suites that eat memory end in good order, and what settings make of it."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.integration.suite import short

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are read on Linux only")

MIB = 1 << 20
GROUPS = "/sys/fs/cgroup/memory"


class Bounds(NamedTuple):
    """A limit on a child process: what memguard calls it, how it is set, and the settings that it needs."""

    source: str
    within: Callable[[], None] | None = None
    settings: str = ""


@contextlib.contextmanager
def group_of(limit_bytes: int) -> Iterator[Callable[[], None]]:
    """A version 1 memory group of its own; gives what puts a process into it."""
    folder = f"{GROUPS}/memguard-test-{os.getpid()}"
    try:
        os.mkdir(folder)
        with open(f"{folder}/memory.limit_in_bytes", "w", encoding="ascii") as file:
            file.write(str(limit_bytes))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.rmdir(folder)
        pytest.skip(f"no memory group can be made here: {error}")

    def enter() -> None:
        with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(os.getpid()))

    try:
        yield enter
    finally:
        for _ in range(100):  # what the last process had is taken back a little after its end
            with contextlib.suppress(OSError):
                os.rmdir(folder)
                break
            time.sleep(0.05)


@contextlib.contextmanager
def bounded(kind: str, limit_bytes: int) -> Iterator[Bounds]:
    if kind == "configured":
        yield Bounds("memory.limit", settings=f"limit: {limit_bytes}")
    elif kind == "rlimit":
        yield Bounds("RLIMIT_AS", within=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes)))
    else:
        with group_of(limit_bytes) as enter:
            yield Bounds("cgroup v1", within=enter)


KINDS = ["configured", "rlimit", "group"]


def write_settings(suite, *lines):
    suite.write("memguard.yaml", "\n  ".join(["memory:", *filter(None, lines)]) + "\n")


def assert_complete(run):
    """Exit 1, nothing wrong inside, and a report that is whole."""
    assert run.code == 1, run.out
    assert run.quiet, run.out
    assert run.report["session"]["exit_status"] == 1
    assert run.report["session"]["tests"] == len(run.tests)
    assert run.report["errors"] == []


# -- suites that eat memory without end

BETWEEN = """
import pytest

kept = []

@pytest.mark.parametrize("number", range(60))
def test_eat(number):
    kept.append(bytearray(8 << 20))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_suite_that_keeps_more_with_every_test_ends_before_its_memory_does(suite, kind):
    suite.write("test_hungry.py", BETWEEN)
    suite.write("test_later.py", "def test_later(): pass")
    with bounded(kind, 280 * MIB) as bounds:
        write_settings(suite, bounds.settings)
        plain = suite.run("-q", memguard=False, within=bounds.within)
        run = suite.run(within=bounds.within)

    assert plain.code == {"configured": 0, "rlimit": 1, "group": -signal.SIGKILL}[kind]
    assert_complete(run)
    assert 10 < run.report["session"]["tests"] < 40
    assert "memguard: stopped under memory pressure" in run.out
    (failure,) = run.report["failures"]
    assert failure["stopped"]
    assert f"({bounds.source})" in failure["reason"]
    assert "an emergency cleanup did not help" in failure["reason"]
    assert "test_hungry.py::test_eat[" in failure["reason"]
    assert "of test_hungry.py that grew kept +" in failure["reason"]
    assert f"PRESSURE {failure['nodeid']}" in run.out
    assert {event["limit_source"] for event in run.report["pressure"]} == {bounds.source}
    risen = [event["level"] for event in run.report["pressure"]]
    assert risen[0] in ("warning", "critical")  # one test may be more than a level
    assert {"critical", "emergency"} & set(risen)
    assert any(cleanup["trigger"] == "pressure" for cleanup in run.report["cleanups"])
    assert run.report["environment"]["limit_source"] == bounds.source
    why = ("unchecked", "memory pressure stopped the run before tests were checked")
    assert {(test["verdict"], test["reason"]) for test in run.report["tests"]} == {why}


# Time, files and system calls are the test's own here: freezing and faking them is what tests do.
INSIDE = """
import builtins
import os
import time

kept = []

def test_before():
    pass

def test_eats(monkeypatch):
    def unusable(*args, **kwargs):
        raise RuntimeError("faked by the test")

    for module, name in ((builtins, "open"), (os, "open"), (os, "pread"), (os, "read"), (time, "perf_counter")):
        monkeypatch.setattr(module, name, unusable)
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    while len(kept) < 2000:
        kept.append(bytearray(1 << 20))

def test_after():
    pass
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_that_takes_more_and_more_is_interrupted(suite, kind):
    suite.write("test_long.py", INSIDE)
    with bounded(kind, 280 * MIB) as bounds:
        write_settings(suite, bounds.settings)
        run = suite.run(within=bounds.within)

    assert_complete(run)
    assert run.tests["test_before"]["outcome"] == "passed"
    assert run.tests["test_eats"]["outcome"] == "failed"
    assert "MemoryPressureError: memguard interrupted this test: " in run.out
    assert f"({bounds.source})" in run.out
    assert any(short(event["nodeid"] or "") == "test_eats" for event in run.report["pressure"])
    for failure in run.report[
        "failures"
    ]:  # what it kept is still there: whether the rest fits is a matter of megabytes
        assert "test_long.py::test_eats kept most: +" in failure["reason"]


LOCAL = """
import time

import pytest

def eat():
    kept = []
    while True:
        kept.append([object() for _ in range(10_000)])

@pytest.fixture
def meal():
    eat()

@pytest.fixture
def dishes():
    yield
    time.sleep(0.2)

def test_eats():
    eat()

def test_eats_in_a_fixture(meal, dishes):
    pass

def test_after(dishes):
    pass
"""


def test_what_an_interrupted_test_had_is_free_again_and_the_run_goes_on(suite):
    suite.write("test_long.py", LOCAL)
    write_settings(suite, "limit: 300MiB")

    run = suite.run("-W", "error")

    assert_complete(run)
    assert run.outcomes == {"failed": 1, "passed": 1, "error": 1}
    assert run.out.count("MemoryPressureError: memguard interrupted this test: ") >= 2
    assert run.report["failures"] == []
    assert run.report["pressure"][-1]["level"] == "normal"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), r"the limit of 977 KiB \(memguard.yaml: memory.limit\) is less than the [\d.]+ MiB that the process had"),
        (("-n2",), r"memory.limit\), 488 KiB for each of 2 workers, is less than the [\d.]+ MiB that the process had"),
    ],
)
def test_a_limit_below_what_the_process_has_is_told_and_blames_no_test(suite, options, told):
    if options:
        pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    write_settings(suite, "limit: 1MB")
    suite.write("test_cart.py", "".join(f"def test_{number}():\n    pass\n" for number in range(9)))

    run = suite.run(*options)

    said = " ".join(run.out.split())
    assert run.code != pytest.ExitCode.USAGE_ERROR
    assert re.search(f"warning: .*{told} before the first test; raise it, or leave it out", said), run.out
    assert "and an emergency cleanup did not help; all of it before the first test" in said
    assert "was the last" not in said


def test_such_a_limit_stops_nothing_where_nothing_is_to_be_stopped(suite):
    write_settings(suite, "limit: 1MB", "cleanup: {emergencyShutdown: false}")
    suite.write("test_cart.py", "def test_checkout():\n    pass\n")

    run = suite.run()

    assert run.code == 0
    assert "is less than the" in run.out


def test_with_workers_each_has_its_share_and_reacts_by_itself(suite):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    suite.write("test_hungry.py", BETWEEN)
    write_settings(suite, "limit: 400MiB")
    suite.write(
        "conftest.py",
        """
        import os

        def pytest_memguard_pressure(event):
            with open("pressure.txt", "a", encoding="utf-8") as log:
                print(os.environ.get("PYTEST_XDIST_WORKER"), event.worker, event.level, file=log)

        def pytest_memguard_cleanup(result):
            with open("cleanups.txt", "a", encoding="utf-8") as log:
                print(result.worker, result.trigger, result.refused is None, file=log)
        """,
    )

    run = suite.run("-n2")

    assert_complete(run)
    assert any(failure["stopped"] for failure in run.report["failures"])
    assert {event["limit_bytes"] for event in run.report["pressure"]} == {200 * MIB}
    assert {event["worker"] for event in run.report["pressure"]} <= {"gw0", "gw1"}
    told = [line.split() for line in (suite.path / "pressure.txt").read_text().splitlines()]
    assert {process == worker for process, worker, _ in told} == {True}
    assert len(told) == len(run.report["pressure"])
    cleaned = [line.split() for line in (suite.path / "cleanups.txt").read_text().splitlines()]
    done = [cleanup for cleanup in run.report["cleanups"] if cleanup["refused"] is None]
    assert len([entry for entry in cleaned if entry[2] == "True"]) == len(done) > 0
    assert {trigger for _, trigger, _ in cleaned} == {"pressure"}


CACHE = """
import pytest

import pictures

@pytest.mark.parametrize("number", range(60))
def test_show(number):
    pictures.cache.append(bytearray(8 << 20))
"""
COMPONENTS = """components:
    pictures:
      track: ["pictures:cache"]
      limits: {cache: 2}"""


@pytest.mark.parametrize("kind", ["configured", "group"])
def test_the_same_suite_passes_where_what_it_fills_can_be_trimmed(suite, kind):
    suite.write("pictures.py", "cache = []\n")
    suite.write("test_pictures.py", CACHE)
    with bounded(kind, 280 * MIB) as bounds:
        write_settings(suite, bounds.settings, COMPONENTS, "confirm: none")
        run = suite.run(within=bounds.within)

    assert run.code == 0, run.out
    assert run.quiet, run.out
    assert run.outcomes == {"passed": 60}
    assert run.report["failures"] == []
    freed = [cleanup["freed_bytes"] or 0 for cleanup in run.report["cleanups"] if cleanup["trigger"] == "pressure"]
    assert max(freed) > 80 * MIB


# -- what settings make of it: every run climbs the same stairs

STAIRS = """
import mmap
import os

import pytest

LIMIT = 400 << 20
STEP = 1 << 20
held = []

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def stand(percent):
    target = LIMIT * percent // 100
    while resident() > target:
        held.pop().close()
    while resident() < target:
        held.append(mmap.mmap(-1, STEP))
        held[-1].write(bytes(STEP))

@pytest.mark.parametrize("percent", [85, 50, 92, 96, 50])
def test_stand(percent):
    stand(percent)
"""


def stairs(suite, *lines, args=()):
    """A run up and down the stairs."""
    suite.write("test_stairs.py", STAIRS)
    write_settings(suite, "confirm: none", *lines)
    run = suite.run(*args)
    assert run.quiet, run.out
    return run


def levels(run):
    """The level after each test. On the way up and down there may have been others: tests are looked into."""
    found, level = [], "normal"
    for nodeid in (test["nodeid"] for test in run.report["tests"]):
        level = next((e["level"] for e in reversed(run.report["pressure"]) if e["nodeid"] == nodeid), level)
        found.append(level)
    return found


def cleanups(run):
    """Level and trigger of each cleanup that was not refused."""
    return [f"{done['level']} by {done['trigger']}" for done in run.report["cleanups"] if done["refused"] is None]


UP_AND_DOWN = ["warning", "normal", "critical", "emergency", "normal"]
CLEANED = ["gentle by pressure", "moderate by pressure", "aggressive by pressure", "emergency by pressure"]
LIMIT = "limit: 400MiB"


def test_levels_are_told_and_cleaned(suite):
    run = stairs(suite, LIMIT)

    assert levels(run) == UP_AND_DOWN
    assert cleanups(run) == CLEANED
    assert run.code == 0
    assert run.report["environment"]["limit_bytes"] == 400 * MIB
    assert run.report["environment"]["limit_source"] == "memory.limit"
    assert [event["level"] for event in run.report["pressure"] if event["alert"]] == [
        "warning",
        "critical",
        "emergency",
    ]
    assert "memory pressure (3 alerts)" in run.out
    assert "SIGURG" in run.report["environment"]["probes"]["sampler"]
    assert sum(generation["runs"] for generation in run.report["session"]["collections"]["generations"]) > 0


def test_the_block_of_the_original_system_drives_it_unchanged(suite):
    run = stairs(
        suite,
        """monitoring:
    enabled: true
    checkInterval: 30000        # 30 seconds
    historySize: 100           # Keep 100 samples
    pressureWindow: 10         # 10 samples for pressure calculation
    leakDetectionWindow: 15    # 15 samples for leak detection
    leakGrowthThreshold: 0.03  # 3% growth per sample
    gcEfficiencyThreshold: 0.10 # 10% minimum GC efficiency

  thresholds:
    warning: 0.80              # 80% - warning level
    critical: 0.90             # 90% - critical level
    emergency: 0.95            # 95% - emergency level
    rss: 1073741824           # 1GB RSS threshold
    external: 536870912       # 512MB external threshold

  cleanup:
    enabled: true
    autoCleanup: true
    emergencyShutdown: true

  alerts:
    enabled: true
    cooldown: 300000          # 5 minutes between alerts
    emergencyCooldown: 60000  # 1 minute between emergency alerts""",
        LIMIT,
    )

    assert levels(run) == UP_AND_DOWN
    assert cleanups(run)[:4] == CLEANED


@pytest.mark.parametrize(
    ("settings", "stood", "cleaned"),
    [
        ("monitoring: {enabled: false}", ["normal"] * 5, []),
        ("thresholds: {warning: 0.86}", ["normal", *UP_AND_DOWN[1:]], None),
        ("thresholds: {critical: 0.93}", [*UP_AND_DOWN[:2], "warning", *UP_AND_DOWN[3:]], None),
        ("thresholds: {emergency: 0.97}", [*UP_AND_DOWN[:3], "critical", "normal"], CLEANED[:3]),
        ("cleanup: {enabled: false}", UP_AND_DOWN, []),
        ("cleanup: {autoCleanup: false}", UP_AND_DOWN, []),
    ],
)
def test_each_setting_has_its_effect(suite, settings, stood, cleaned):
    run = stairs(suite, LIMIT, settings)

    assert levels(run) == stood
    if cleaned is not None:
        assert cleanups(run)[: len(cleaned) or 1] == cleaned
    assert run.code == 0


def test_history_is_as_long_as_it_is_set(suite):
    run = stairs(suite, LIMIT, "monitoring: {historySize: 3, leakDetectionWindow: 3, pressureWindow: 3}")

    assert len(run.report["pressure"]) == 3
    assert run.report["pressure"][-1]["level"] == "normal"


def alerted(run):
    """The stairs on which somebody was alerted."""
    return {event["nodeid"] for event in run.report["pressure"] if event["alert"]}


def test_alerts_keep_to_their_cooldowns(suite):
    # Never below WARNING, and never above CRITICAL, but in the last of these.
    two_levels = "thresholds: {warning: 0.4, critical: 0.84, emergency: 0.999}"
    always_emergency = "thresholds: {warning: 0.4, critical: 0.45, emergency: 0.48}"
    by_default = stairs(suite, LIMIT, two_levels)
    often = stairs(suite, LIMIT, two_levels, "alerts: {cooldown: 1}")
    silent = stairs(suite, LIMIT, two_levels, "alerts: {enabled: false, cooldown: 1}")
    emergency = stairs(suite, LIMIT, always_emergency, "cleanup: {autoCleanup: false}")
    emergencies = stairs(
        suite, LIMIT, always_emergency, "cleanup: {autoCleanup: false}", "alerts: {emergencyCooldown: 1}"
    )
    first = {by_default.report["tests"][0]["nodeid"]}
    every = {test["nodeid"] for test in by_default.report["tests"]}

    assert [alerted(run) for run in (by_default, often, silent)] == [first, every, set()]
    assert [alerted(run) for run in (emergency, emergencies)] == [first, every]
    assert "memory pressure (" in by_default.out
    assert "memory pressure (" not in silent.out


def test_a_window_keeps_a_level_that_is_only_just_left(suite):
    # 50 % is below this threshold by less than the hysteresis.
    thresholds = "thresholds: {warning: 0.515}"
    kept = stairs(suite, LIMIT, thresholds, "monitoring: {pressureWindow: 100}")
    ended = stairs(suite, LIMIT, thresholds, "monitoring: {pressureWindow: 1}")

    assert levels(kept) == ["warning", "warning", "critical", "emergency", "warning"]
    assert levels(ended) == UP_AND_DOWN


HOLDS = """
held = []

def test_small():
    pass

def test_large():
    held.append(bytearray(360 << 20))

def test_small_again():
    held.clear()
"""


@pytest.mark.parametrize("name", ["rss", "external"])
def test_absolute_thresholds_warn_and_fail_the_run_where_that_is_wanted(suite, name):
    suite.write("test_holds.py", HOLDS)
    write_settings(suite, "limit: 8GiB", "confirm: none", f"thresholds: {{{name}: 335544320}}")
    run = suite.run()
    failing = suite.run("--memguard-fail-on=pressure")

    assert levels(run) == ["normal", "warning", "normal"]
    assert {event["cause"] for event in run.report["pressure"] if event["level"] == "warning"} == {name}
    assert run.code == 0
    assert failing.code == failing.report["session"]["exit_status"] == 1
    (failure,) = failing.report["failures"]
    assert not failure["stopped"]
    assert f"(thresholds.{name})" in failure["reason"]
    assert failing.outcomes == {"failed": 1, "passed": 3}


@pytest.mark.parametrize("protected", [True, False])
def test_without_emergency_shutdown_nobody_ends_a_test_or_the_run(suite, protected):
    suite.write("test_stairs.py", STAIRS.replace("92", "99"))
    write_settings(suite, LIMIT, "confirm: none", f"cleanup: {{emergencyShutdown: {str(protected).lower()}}}")

    run = suite.run()

    assert run.code == run.report["session"]["exit_status"] == int(protected), run.out
    assert ("memguard interrupted this test: 9" in run.out or "memguard stopped the run" in run.out) is protected
    assert levels(run)[2] == "emergency"


LONG = """
import time

def test_rises_and_falls():
    held = bytearray(340 << 20)
    time.sleep(1.5)
    del held
    time.sleep(0.5)
"""


@pytest.mark.parametrize(("interval_ms", "seen"), [(100, True), (60_000, False)])
def test_long_tests_are_sampled_at_the_interval(suite, interval_ms, seen):
    suite.write("test_long.py", LONG)
    # The kernel's own limits, if there are any, are far away: nothing but the interval makes anybody look.
    write_settings(
        suite, "limit: auto", "thresholds: {rss: 314572800}", f"monitoring: {{checkInterval: {interval_ms}}}"
    )

    run = suite.run("--memguard-confirm=none")

    assert bool(run.report["pressure"]) is seen
    assert run.code == 0


HEAVY = """
import os

import pytest

LIMIT = 400 << 20
held = []

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def test_fills():
    held.append(bytearray(LIMIT * 92 // 100 - resident()))

@pytest.mark.memguard(heavy=True, reason="renders a film")
def test_heavy_under_pressure():
    pass

@pytest.mark.memguard(cleanup="gentle")
def test_empties():
    held.clear()

@pytest.mark.memguard(heavy=True, reason="renders a film")
def test_heavy():
    pass
"""


def test_heavy_tests_are_left_out_while_memory_is_short_and_plans_and_markers_clean(suite):
    suite.write("test_a.py", HEAVY)
    suite.write("test_b.py", "def test_one(): pass\ndef test_two(): pass\n")
    plan = "strategies: {between_tests: gentle, every: 4, between_modules: moderate}"
    write_settings(suite, LIMIT, "confirm: none", "cleanup: {autoCleanup: false}", plan)

    run = suite.run("-rs")

    assert run.outcomes == {"passed": 5, "skipped": 1}
    assert run.tests["test_heavy_under_pressure"]["outcome"] == "skipped"
    assert run.tests["test_heavy"]["outcome"] == "passed"
    assert "heavy, and memory pressure is critical: 92" in run.out
    assert "(memory.limit) (renders a film)" in run.out
    done = [(cleanup["level"], cleanup["trigger"], short(cleanup["nodeid"])) for cleanup in run.report["cleanups"]]
    assert done == [
        ("gentle", "marker", "test_empties"),
        ("moderate", "schedule", "test_heavy"),  # the plan of every fourth test is part of it
        ("moderate", "schedule", "test_two"),
    ]


@pytest.mark.parametrize("step", ["begin", "stop_looking", "ended"])
def test_a_fault_in_it_is_told_once_and_fails_no_test(suite, step):
    suite.write(
        "conftest.py",
        f"""
        from pytest_memguard.protection import Protection

        def broken(*_):
            raise RuntimeError("cannot look")

        Protection.{step} = broken
        """,
    )
    suite.write("test_two.py", "def test_one(): pass\ndef test_two(): pass\n")

    run = suite.run()

    assert run.outcomes == {"passed": 2}
    assert run.code == 0
    assert run.report["errors"] == ["watching: RuntimeError: cannot look"]
