"""What is shown of a live run: whole screens, at 80 columns and 120, with everything and with next to nothing known."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest

from pytest_memguard.events import (
    CleanupResult,
    CollectionSummary,
    ComponentUsage,
    GenerationSummary,
    PressureEvent,
    StrategyResult,
    StrategyStatistics,
)
from pytest_memguard.live.standing import LimitStanding, Moment, Protecting, Retained, Standing
from pytest_memguard.report.commanded import cleanup_text, collected_text, protection_text, reset_text
from pytest_memguard.report.live import curve, memory_text, status_text
from pytest_memguard.report.screen import Shown, screen
from pytest_memguard.report.text import cells

MIB = 1 << 20
PROTECTING = Protecting(protects=True, line=0.98, attempts=1, most_attempts=3, cooldown_s=60.0, interruptions=1)
EVENT = PressureEvent(
    at_s=60.0,
    level="warning",
    previous="normal",
    cause="limit",
    usage_bytes=850 * MIB,
    limit_bytes=1000 * MIB,
    limit_source="cgroup v2",
    nodeid="tests/test_import.py::test_big",
)
CLEANUP = CleanupResult(
    at_s=61.0,
    level="gentle",
    trigger="pressure",
    strategies=(
        StrategyResult(name="young_gc", level="gentle", freed_bytes=MIB, freed_entries=12, duration_s=0.01),
        StrategyResult(
            name="orders", level="gentle", freed_bytes=None, freed_entries=None, duration_s=0.0, error="it broke"
        ),
    ),
    freed_bytes=MIB,
    duration_s=0.02,
    nodeid="tests/test_import.py::test_big",
)
FULL = Standing(
    at_s=65.0,
    level="warning",
    protecting=PROTECTING,
    nodeid="tests/test_cart.py::test_checkout[\x1b[2J]",
    running_s=12.0,
    tests=120,
    total=412,
    usage_bytes=850 * MIB,
    limit_bytes=1000 * MIB,
    limit_source="cgroup v2",
    share=0.85,
    thresholds={"warning": 0.8, "critical": 0.9, "emergency": 0.95},
    rss_bytes=800 * MIB,
    rss_start_bytes=100 * MIB,
    peak_rss_bytes=820 * MIB,
    peak_nodeid="tests/test_import.py::test_big",
    slope_bytes=1.5 * MIB,
    slope_tests=15,
    growth="+1.5 MiB (3.1%) a test over 30 tests, confidence 0.45",
    retained=(Retained(nodeid="tests/test_import.py::test_big", bytes=20 * MIB, metric="heap"),),
    history=tuple(Moment(at_s=float(place), share=place / 10) for place in range(9)),
    events=2,
    cleanups=1,
    freed_bytes=MIB,
    last_event=EVENT,
    last_cleanup=CLEANUP,
    leaking=("tests/test_cart.py::test_add",),
    over_limit=("tests/test_cart.py::test_much",),
    components=(ComponentUsage(component="orders", nodeid=None, entries=60, bytes=4096, limits={"done": 50}),),
    waiting=1,
    limits=(LimitStanding(source="cgroup v2", limit_bytes=1000 * MIB, used_bytes=850 * MIB, scope="group"),),
    pressure=(replace(EVENT, alert=False),),
    past_cleanups=(CLEANUP,),
    strategies=(StrategyStatistics(name="young_gc", level="gentle", category="gc", runs=1),),
    collections=CollectionSummary(
        generations=(
            GenerationSummary(runs=9, duration_s=0.1, freed=90, uncollectable=0),
            GenerationSummary(runs=2, duration_s=0.1, freed=5, uncollectable=0),
            GenerationSummary(runs=1, duration_s=0.1, freed=5, uncollectable=0),
        )
    ),
    gc_enabled=False,
    gc_counts=(1, 2, 3),
    gc_thresholds=(700, 10, 10),
    faults=("sampling: OSError: gone",),
)
BARE = Standing(at_s=0.0, level="normal", protecting=replace(PROTECTING, protects=False, attempts=0))


def texts(lines):
    return [each.text for each in lines]


def test_the_memory_of_a_run():
    found = texts(memory_text(FULL, 100, verbose=False, plain=True))

    assert [text.removeprefix("  ") for text in found] == dedent(
        """\
          in use     850 MiB of 1000 MiB (85 %, cgroup v2)
          resident   800 MiB, 100 MiB before the first test, peak 820 MiB in tests/test_import.py::test_big
          pressure   warning (warning from 80 %, critical from 90 %, emergency from 95 %); 2 events
          protection on, acts from 98 %; 1 of 3 attempts within 1 min, 1 interruption
          trend      +1.5 MiB a test over the last 15; it grows as leaks do: +1.5 MiB (3.1%) a test over 30
                     tests, confidence 0.45
          history    _.,,=++*# 0 % to 80 %
          retained   +20.0 MiB heap by tests/test_import.py::test_big
          components orders 60 entries
          gc         off (gc.disable); 9/2/1 collections of generations 0/1/2 in 0.3 s, 100 objects freed;
                     counts 1/2/3 of 700/10/10
          cleanups   1, freed 1.0 MiB; the last gentle by pressure, 1 min 1 s in
          tests      120 of 412 ended; tests/test_cart.py::test_checkout[\\x1b[2J] runs for 12 s
          over limit tests/test_cart.py::test_much
          leaking    tests/test_cart.py::test_add
        """
    ).splitlines()


def test_with_v_there_is_everything():
    found = "\n".join(texts(memory_text(FULL, 100, verbose=True, plain=True)))

    for part in (
        "cgroup v2: 850 MiB of 1000 MiB (85 %), of the group",
        "component  entries  bytes",
        "pressure (1 change without an alert)",
        "cleanups (1)",
        "failed: orders",
        "strategies (1, what pays best first)",
        "memguard error: sampling: OSError: gone",
    ):
        assert part in found


def test_what_is_not_known_is_said():
    found = texts(memory_text(BARE, 80, verbose=True, plain=True))

    assert "  in use     not known" in found
    assert "  trend      no two tests have ended yet" in found
    assert "  tests      0 ended, between two" in found


def test_the_status_of_an_emergency():
    emergency = replace(
        FULL,
        level="emergency",
        protecting=replace(PROTECTING, down=("orders",), stop_reason="97 % of 1 GiB in use"),
    )
    found = texts(status_text(emergency, 100))

    assert found[:6] == [
        "  emergency  on; pressure is emergency",
        "  in use     850 MiB of 1000 MiB (85 %, cgroup v2)",
        "  protection on, acts from 98 %; 1 of 3 attempts within 1 min, 1 interruption",
        "  stopping   97 % of 1 GiB in use",
        "  down       orders",
        "  cleanups   automatic; 1, freed 1.0 MiB; the last gentle by pressure, 1 min 1 s in",
    ]
    assert texts(status_text(BARE, 100))[0] == "  emergency  off; pressure is normal"


def test_what_commands_have_done():
    cycles = {
        "cycles": [{"objects": 12, "duration_s": 0.01}, {"objects": 0, "duration_s": 0.01}],
        "freed_bytes": 4096,
        "freed_rss_bytes": None,
        "uncollectable": 2,
    }

    assert texts(collected_text(cycles, 100)) == [
        "  collected  12, 0 objects by 2 collections in 20 ms",
        "  freed      4.0 KiB of the heap",
        "  left       2 objects in gc.garbage",
    ]
    assert texts(cleanup_text(CLEANUP, FULL, 100))[:3] == [
        "  freed      1.0 MiB by level gentle in 20 ms, after tests/test_import.py::test_big",
        "  by         young_gc 1.0 MiB, 12 entries",
        "  failed     orders: it broke",
    ]
    assert texts(cleanup_text(replace(CLEANUP, refused="cleanups are off"), FULL, 100)) == [
        "  refused    cleanups are off"
    ]
    assert "(was on)" in texts(protection_text(True, BARE, 100))[0]
    assert texts(reset_text(FULL, BARE, 200))[0].startswith(
        "  forgotten  9 readings, 1 attempt, 1 interruption, 1 cleanup; the report"
    )


def test_the_history_is_flat_where_nothing_happens():
    assert curve([0.5, 0.501, 0.5], 10, plain=True) == "___"
    assert curve([0.5] * 5, 3, plain=True) == "___"
    assert curve([0.0, 1.0], 10, plain=False) == "▁█"


@pytest.mark.parametrize("width", [80, 120])
def test_one_screen_of_one_process(width):
    found = texts(screen("memguard top", [Shown("main", FULL)], width, 24, plain=True))

    assert found[0] == "memguard top"
    assert found[2] == "  [#################...] warning  850 MiB of 1000 MiB (85 %, cgroup v2)"[:width]
    assert "LEAK  tests/test_cart.py::test_add" in found
    assert "LIMIT  tests/test_cart.py::test_much" in found
    assert all(cells(text) <= width for text in found)
    assert len(found) <= 24


@pytest.mark.parametrize("width", [80, 120])
def test_one_screen_of_many_workers_and_one_that_is_silent(width):
    workers = [Shown(f"gw{number}", FULL) for number in range(40)]
    found = texts(screen("memguard top", [*workers, Shown("gw40", None, "no answer")], width, 24, plain=True))

    assert found[2].startswith("worker  tests  resident  peak     of limit  level    runs")
    assert found[3].startswith("gw0     120    800 MiB   820 MiB  85 %      warning  12 s ")
    assert "and 28 more processes" in found
    assert found[-1].startswith("kept  +20.0 MiB")
    assert len(found) == 24
    assert all(cells(text) <= width for text in found)


def test_a_silent_process_says_why():
    found = texts(screen("memguard top", [Shown("main", None, "no answer within 10 s")], 80, 24, plain=True))

    assert found[-1].endswith("no answer within 10 s")
