"""From readings to a level and to events: thresholds, window, hysteresis, cooldowns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_memguard.pressure import Observation, PressureMonitor, Thresholds, assess
from pytest_memguard.probes.limits import Usage
from pytest_memguard.settings import Settings

MIB = 1 << 20
GIB = 1 << 30
LIMIT = 1000
# Cooldowns are long against the seconds of these tests, unless a test says otherwise.
SETTINGS = Settings(pressure_window=3, history_size=20)
THRESHOLDS = Thresholds.of(SETTINGS)


def reading(share, *, at_s=0.0, ours=True, scope="group", **others):
    """So much in use of one limit."""
    usage = Usage("cgroup v2", LIMIT, round(share * LIMIT), scope, ours)
    return Observation(at_s, (usage,), **others)


def monitor(**changes):
    return PressureMonitor(replace(SETTINGS, **changes), start_s=100.0, worker="gw1")


def levels(shares, **changes):
    """The level after each of these readings, a second apart."""
    follows = monitor(**changes)
    found = []
    for second, share in enumerate(shares):
        follows.observe(reading(share, at_s=100.0 + second), f"t{second}")
        found.append(follows.level)
    return found


# -- one reading


@pytest.mark.parametrize(
    ("share", "level"),
    [
        (0.0, "normal"),
        (0.799, "normal"),
        (0.8, "warning"),
        (0.899, "warning"),
        (0.9, "critical"),
        (0.949, "critical"),
        (0.95, "emergency"),
        (1.3, "emergency"),
    ],
)
def test_levels_begin_at_their_thresholds(share, level):
    assert assess(reading(share), THRESHOLDS).level == level


def test_what_presses_most_counts_each_limit_with_its_own_usage():
    small = Usage("RLIMIT_AS", 100, 50, "process")
    large = Usage("cgroup v2", 10_000, 9_100, "group")

    judged = assess(Observation(0.0, (small, large)), THRESHOLDS)

    assert (judged.level, judged.cause, judged.usage) == ("critical", "limit", large)
    assert judged.share == 0.91


@pytest.mark.parametrize(("scope", "level"), [("group", "warning"), ("machine", "normal")])
def test_a_limit_that_others_fill_stops_no_work(scope, level):
    assert assess(reading(0.99, ours=False, scope=scope), THRESHOLDS).level == level


@pytest.mark.parametrize(
    ("values", "cause", "source", "limit"),
    [
        ({"rss": GIB, "external": 0}, "rss", "thresholds.rss", GIB),
        ({"rss": GIB - 1, "external": 512 * MIB}, "external", "thresholds.external", 512 * MIB),
    ],
)
def test_absolute_thresholds_warn_whatever_the_limit(values, cause, source, limit):
    judged = assess(reading(0.1, **values), THRESHOLDS)

    assert (judged.level, judged.cause) == ("warning", cause)
    assert (judged.usage.source, judged.usage.limit) == (source, limit)


def test_a_limit_comes_before_absolute_thresholds():
    assert assess(reading(0.92, rss=2 * GIB), THRESHOLDS).cause == "limit"


@pytest.mark.parametrize(("stalled", "level"), [(None, "normal"), (0.09, "normal"), (0.1, "warning")])
def test_a_machine_that_stands_still_is_a_warning(stalled, level):
    judged = assess(reading(0.5, stalled=stalled), THRESHOLDS)

    assert judged.level == level
    assert judged.cause == ("stall" if level == "warning" else "limit")


def test_nothing_read_is_nothing_known():
    assert assess(Observation(0.0, ()), THRESHOLDS) is None
    assert monitor().observe(Observation(0.0, ()), "t") is None


# -- the level


def test_it_rises_with_one_reading_over_any_number_of_levels():
    assert levels([0.1, 0.96]) == ["normal", "emergency"]


def test_a_little_below_a_threshold_is_not_below_it_at_once():
    assert levels([0.91, 0.895, 0.895]) == ["critical", "critical", "critical"]


def test_clearly_below_ends_it_at_once():
    assert levels([0.96, 0.86, 0.3]) == ["emergency", "warning", "normal"]


def test_a_whole_window_a_little_below_ends_it_too():
    assert levels([0.91, 0.895, 0.895, 0.895, 0.895]) == ["critical", "critical", "critical", "warning", "warning"]


def test_with_a_window_of_one_there_is_no_hysteresis():
    assert levels([0.91, 0.895, 0.795], pressure_window=1) == ["critical", "warning", "normal"]


# -- events


def test_an_event_tells_what_changed():
    event = monitor().observe(reading(0.92, at_s=103.5), "t.py::a")

    assert (event.at_s, event.level, event.previous, event.cause) == (3.5, "critical", "normal", "limit")
    assert (event.usage_bytes, event.limit_bytes, event.limit_source, event.share) == (920, LIMIT, "cgroup v2", 0.92)
    assert (event.nodeid, event.worker, event.alert) == ("t.py::a", "gw1", True)


def events(readings, **changes):
    """Seconds, level and alert of every event after readings at these seconds."""
    follows = monitor(**changes)
    found = (follows.observe(reading(share, at_s=100.0 + second), "t") for second, share in readings)
    return [(event.at_s, event.level, event.alert) for event in found if event is not None]


def test_a_level_that_stays_is_told_again_when_its_cooldown_is_over():
    readings = [(0, 0.85), (100, 0.85), (299, 0.85), (300, 0.85), (301, 0.85)]

    assert events(readings, alert_cooldown_s=300.0) == [(0.0, "warning", True), (300.0, "warning", True)]


def test_emergency_has_a_cooldown_of_its_own():
    readings = [(0, 0.96), (59, 0.96), (60, 0.96)]

    assert events(readings, emergency_cooldown_s=60.0) == [(0.0, "emergency", True), (60.0, "emergency", True)]


def test_what_comes_back_within_the_cooldown_is_an_event_and_no_alert():
    readings = [(0, 0.85), (1, 0.5), (2, 0.85)]

    assert events(readings) == [(0.0, "warning", True), (1.0, "normal", False), (2.0, "warning", False)]


def test_what_becomes_worse_is_told_at_once():
    assert events([(0, 0.85), (1, 0.92)]) == [(0.0, "warning", True), (1.0, "critical", True)]


def test_without_alerts_levels_still_change():
    assert events([(0, 0.85), (1000, 0.85)], alerts_enabled=False) == [(0.0, "warning", False)]


def test_history_is_bounded():
    follows = monitor(history_size=5, leak_detection_window=3)
    for second in range(20):
        follows.observe(reading(0.1, at_s=float(second)), "t")

    assert [at_s for at_s, _ in follows.history] == [15.0, 16.0, 17.0, 18.0, 19.0]


def test_reset_forgets_readings_and_alerts():
    follows = monitor()
    follows.observe(reading(0.85), "t")
    follows.reset()

    assert not follows.history
    assert follows.observe(reading(0.85, at_s=1.0), "t").alert


class TestRoom:
    """Until how much more is taken no look is needed."""

    def test_the_nearest_threshold_counts(self):
        usage = Usage("cgroup v2", 8 * GIB, GIB, "group", ours=True)
        room = THRESHOLDS.room(Observation(0.0, (usage,), rss=100 * MIB))
        assert room == 412 * MIB  # of 512 MiB of the C allocator

    @pytest.mark.parametrize(
        ("rss", "external", "left"),
        [
            (600 * MIB, 200 * MIB, 312 * MIB),  # resident, but free or not the C allocator's
            (600 * MIB, 520 * MIB, 424 * MIB),  # what is passed already cannot be passed again
            (600 * MIB, None, 424 * MIB),
            (2 * GIB, 2 * GIB, int(8 * GIB * THRESHOLDS.warning) - 2 * GIB),
        ],
    )
    def test_a_threshold_that_is_passed_needs_no_closer_look(self, rss, external, left):
        usage = Usage("cgroup v2", 8 * GIB, 2 * GIB, "group", ours=True)
        assert THRESHOLDS.room(Observation(0.0, (usage,), rss=rss, external=external)) == left

    def test_near_a_limit_each_boundary_is_looked_at(self):
        assert THRESHOLDS.room(reading(0.99, rss=100 * MIB)) == 0
        assert THRESHOLDS.room(reading(0.1)) == 0  # nobody knows
