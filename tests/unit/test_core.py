"""The core manager: what it does about pressure, in which order, and when it gives up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_memguard.core import MOST_ATTEMPTS, RESERVE, CoreManager
from pytest_memguard.events import CleanupResult
from pytest_memguard.pressure import Observation, PressureMonitor
from pytest_memguard.probes.limits import CONFIGURED, Usage
from pytest_memguard.settings import Settings

MIB = 1 << 20
LIMIT = 1000 * MIB
SETTINGS = Settings(pressure_window=1, history_size=15)


class World:
    """Memory, strategies and components, as far as the core manager sees them; what happened, in order."""

    def __init__(
        self, used, *, frees=None, source="cgroup v2", limit=LIMIT, ours=True, down=(), refuses=False, **changes
    ):
        self.used = used  # share of the limit
        self.frees = frees or {}  # by level: the share that it leaves
        self.source = source
        self.now = 0.0
        self.happened = []
        self.running = list(down)
        self.stopped = []
        self.limit = limit
        self.ours = ours
        self.refuses = refuses
        settings = replace(SETTINGS, **changes)
        self.core = CoreManager(
            settings,
            monitor=PressureMonitor(settings, start_s=0.0),
            observe=self.observe,
            cleaner=self,
            components=self,
            collect=lambda: self.happened.append("collect"),
            on_event=lambda event: self.happened.append(f"{event.previous} > {event.level}"),
            on_cleanup=lambda _result: None,
            culprit=lambda nodeid: f"{nodeid} did it",
        )

    def observe(self, _fresh):
        used = round(self.used * self.limit)
        return Observation(self.now, (Usage(self.source, self.limit, used, "group", self.ours),), used)

    def after(self, used, nodeid="t", *, seconds=1.0):
        """A test has ended with so much in use."""
        self.used, self.now = used, self.now + seconds
        return self.core.boundary(nodeid)

    def clean(self, level, *, trigger, nodeid=None, during_test=False):
        if level in self.frees:
            self.used = min(self.used, self.frees[level])
        self.happened.append(f"{level} by {trigger}" + (" in a test" if during_test else ""))
        return CleanupResult(
            at_s=0.0,
            level=level,
            trigger=trigger,
            strategies=(),
            freed_bytes=None,
            duration_s=0.0,
            nodeid=nodeid,
            refused="too soon" if self.refuses else None,
        )

    def measure(self, _nodeid) -> Sequence[object]:
        return ()

    def shut_down_nonessential(self):
        gone, self.running = self.running, []
        self.stopped += gone
        self.happened.append("down")
        return gone

    def restart_all(self):
        back, self.stopped = self.stopped, []
        self.running += back
        self.happened.append("restart")
        return back

    @property
    def told(self):
        """What happened since this was asked last."""
        found, self.happened = self.happened, []
        return found


def test_a_normal_session_is_left_alone():
    world = World(0.3)

    assert not world.after(0.5)
    assert world.told == []
    assert world.core.stop_reason is None


def test_warning_is_cleaned_gently_once():
    world = World(0.3)

    assert world.after(0.85)
    assert not world.after(0.86)
    assert world.told == ["normal > warning", "gentle by pressure"]


def test_critical_goes_on_to_aggressive_where_moderate_did_not_help():
    world = World(0.3)
    world.after(0.92)

    assert world.told == ["normal > critical", "moderate by pressure", "aggressive by pressure"]


def test_critical_stops_at_moderate_where_that_helped():
    world = World(0.3, frees={"moderate": 0.5})
    world.after(0.92)

    assert world.told == ["normal > critical", "moderate by pressure", "critical > normal"]


def test_emergency_is_cleaned_with_everything():
    world = World(0.3, frees={"emergency": 0.85})
    world.after(0.96)

    assert world.told == ["normal > emergency", "emergency by pressure", "emergency > warning"]
    assert world.core.stop_reason is None


def test_a_level_that_stays_is_cleaned_again_when_an_alert_is_due():
    world = World(0.3)
    world.after(0.85)
    world.told.clear()
    world.after(0.85, seconds=301.0)

    assert world.told == ["warning > warning", "gentle by pressure"]


@pytest.mark.parametrize("off", [{"auto_cleanup": False}, {"cleanup_enabled": False}])
def test_without_automatic_cleanups_it_only_tells(off):
    world = World(0.3, **off)
    world.after(0.96)

    assert world.told == ["normal > emergency"]


# -- past the line


def test_past_the_line_everything_is_tried_and_then_the_session_ends():
    world = World(0.3, down=["web"])
    world.after(0.985, "t.py::hungry")

    assert world.told == ["normal > emergency", "down", "emergency by pressure"]
    assert world.core.stop_reason == (
        "98.5% of 1000 MiB in use (cgroup v2), and an emergency cleanup did not help; t.py::hungry did it"
    )
    assert world.core.statistics()["down"] == ["web"]


def test_what_helps_ends_nothing_and_components_come_back():
    world = World(0.3, frees={"emergency": 0.5}, down=["web"])
    world.after(0.99)

    assert world.core.stop_reason is None
    assert world.told == [
        "normal > emergency",
        "down",
        "emergency by pressure",
        "emergency > normal",
        "restart",
    ]
    assert world.running == ["web"]
    assert world.core.statistics()["attempts"] == 0


def test_components_come_back_later_when_it_is_normal_later():
    world = World(0.3, frees={"emergency": 0.92}, down=["web"])
    world.after(0.99)
    assert "restart" not in world.told
    world.after(0.4)

    assert world.told == ["critical > normal", "restart"]
    assert world.core.down == []


def test_where_a_cleanup_is_refused_the_collector_runs_at_least():
    world = World(0.3, refuses=True)
    world.after(0.99)

    assert world.told == ["normal > emergency", "down", "emergency by pressure", "collect"]


def test_attempts_are_bounded_until_it_is_normal_again():
    world = World(0.3, frees={"emergency": 0.92})
    for _ in range(MOST_ATTEMPTS):
        world.after(0.99)
    assert world.core.stop_reason is None
    world.after(0.99)

    assert world.core.stop_reason.endswith("3 emergency cleanups did not help for long; t did it")


def test_recovery_makes_attempts_count_anew():
    world = World(0.3, frees={"emergency": 0.92})
    for _ in range(2 * MOST_ATTEMPTS):
        world.after(0.99)
        world.after(0.3)

    assert world.core.stop_reason is None


def test_attempts_count_for_one_cooldown():
    world = World(0.3, frees={"emergency": 0.92}, emergency_cooldown_s=60.0)
    for _ in range(3 * MOST_ATTEMPTS):
        world.after(0.99, seconds=31.0)

    assert world.core.stop_reason is None


def test_without_protection_nothing_ends():
    world = World(0.3, emergency_shutdown=False)
    for _ in range(2 * MOST_ATTEMPTS):
        world.after(0.995)

    assert world.core.stop_reason is None
    assert world.told.count("emergency by pressure") == MOST_ATTEMPTS


def test_protection_can_be_turned_on_while_it_runs():
    world = World(0.3, emergency_shutdown=False)
    world.after(0.995)
    world.core.protects = True
    world.after(0.995)

    assert world.core.stop_reason is not None


def test_without_automatic_cleanups_the_session_still_ends_in_time():
    world = World(0.3, auto_cleanup=False)
    world.after(0.99)

    assert world.told == ["normal > emergency"]
    assert "automatic cleanups are off" in world.core.stop_reason


@pytest.mark.parametrize(
    ("shares", "stops"),
    [
        ((0.61, 0.72, 0.83, 0.94), True),
        ((0.79, 0.84, 0.89, 0.94), False),  # 5 % more would still fit
        ((0.93, 0.94), False),  # two tests are no trend
        ((0.61, 0.72, 0.83, 0.5, 0.94), False),  # nor is growth that was given back
    ],
)
def test_growth_that_would_pass_the_limit_with_the_next_test_is_past_the_line(shares, stops):
    world = World(0.5, auto_cleanup=False)
    for share in shares:
        world.after(share)

    assert (world.core.stop_reason is not None) is stops


@pytest.mark.parametrize(("source", "stops"), [("cgroup v1", True), ("RLIMIT_AS", True), (CONFIGURED, False)])
def test_what_the_end_of_a_run_needs_must_be_left_of_a_small_limit_that_is_enforced(source, stops):
    world = World(0.3, source=source, limit=8 * RESERVE)
    world.after(0.91)

    assert (world.core.stop_reason is not None) is stops


def test_a_limit_that_others_fill_ends_nothing():
    world = World(0.3, ours=False)
    world.after(0.999)

    assert world.core.stop_reason is None
    assert world.core.monitor.level == "warning"


# -- inside a test


def observed(world, used):
    world.used = used
    return world.observe(False)


def test_inside_a_test_nothing_is_cleaned_and_events_wait_for_its_end():
    world = World(0.3)

    assert not world.core.inside(observed(world, 0.96), "t")
    assert world.told == []
    world.after(0.5)
    assert world.told == ["normal > emergency", "emergency > normal"]


def test_what_rose_inside_a_test_is_cleaned_when_it_has_ended():
    world = World(0.3)
    world.core.inside(observed(world, 0.85), "t")
    world.after(0.85)

    assert world.told == ["normal > warning", "gentle by pressure"]


@pytest.mark.parametrize(("used", "rate", "acute"), [(0.97, 0, False), (0.981, 0, True), (0.97, 2000 * MIB, True)])
def test_a_running_test_is_interrupted_past_the_line_or_when_it_will_be_before_the_next_look(used, rate, acute):
    world = World(0.3)

    assert world.core.inside(observed(world, used), "t", rate=rate) is acute


def test_an_interruption_is_the_last_resort():
    world = World(0.3, frees={"emergency": 0.9})
    world.core.inside(observed(world, 0.99), "t")

    assert world.core.interruption("t") is None
    assert world.told == ["emergency by pressure in a test"]


def test_what_did_not_help_interrupts():
    world = World(0.3)
    world.core.inside(observed(world, 0.99), "t")

    assert world.core.interruption("t") == "99.0% of 1000 MiB in use (cgroup v2)"
    assert world.core.statistics()["interruptions"] == 1


def test_what_an_interrupted_test_held_is_collected_before_anything_is_judged():
    world = World(0.3)
    world.core.inside(observed(world, 0.99), "t")
    world.core.interruption("t")
    world.told.clear()
    world.after(0.5)
    world.after(0.5)

    assert world.told == ["normal > emergency", "collect", "emergency > normal", "restart"]


def test_without_protection_no_test_is_interrupted():
    world = World(0.3, emergency_shutdown=False)

    assert not world.core.inside(observed(world, 0.999), "t")


# -- what is asked of it


@pytest.mark.parametrize(("used", "refused"), [(0.3, False), (0.85, False), (0.92, True), (0.96, True)])
def test_heavy_tests_are_refused_while_pressure_is_critical_or_worse(used, refused):
    world = World(0.3)
    world.after(used)

    reason = world.core.refusal_of_heavy
    assert (reason is not None) is refused
    if refused:
        assert reason.startswith("memory pressure is ")
        assert "of 1000 MiB in use (cgroup v2)" in reason


def test_leaks_are_answered_with_an_aggressive_cleanup():
    world = World(0.3)
    world.core.on_leak("t")

    assert world.told == ["aggressive by leak"]
    assert World(0.3, auto_cleanup=False).core.on_leak("t") is None


def test_plans_and_markers_clean_even_where_automatic_cleanups_are_off():
    world = World(0.3, auto_cleanup=False)

    assert world.core.clean("gentle", trigger="schedule", nodeid="t").level == "gentle"


def test_statistics_say_how_things_stand():
    world = World(0.3)
    world.after(0.92)

    assert world.core.statistics() == {
        "level": "critical",
        "usage_bytes": 920 * MIB,
        "limit_bytes": LIMIT,
        "limit_source": "cgroup v2",
        "share": 0.92,
        "samples": 3,
        "events": 1,
        "cleanups": 2,
        "attempts": 0,
        "interruptions": 0,
        "protects": True,
        "down": [],
        "stop_reason": None,
    }


def test_before_the_first_reading_nothing_is_known():
    stands = World(0.3).core.statistics()

    assert stands["level"] == "normal"
    assert [stands[name] for name in ("usage_bytes", "limit_bytes", "limit_source", "share")] == [None] * 4
