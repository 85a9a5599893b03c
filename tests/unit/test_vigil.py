"""What follows pressure while tests are repeated: when it refuses, what it does in between, when it is over."""

from __future__ import annotations

import gc
import sys
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from pytest_memguard.core import MOST_ATTEMPTS, RESERVE, pressing
from pytest_memguard.errors import MemoryPressureError
from pytest_memguard.pressure import Observation, Thresholds
from pytest_memguard.probes.limits import CONFIGURED, Usage
from pytest_memguard.settings import Settings
from pytest_memguard.vigil import Vigil
from tests.unit.test_core import World

MIB = 1 << 20
SETTINGS = Settings()
THRESHOLDS = Thresholds.of(SETTINGS)


class Repeated(World):
    """Memory while tests are repeated; ``inside`` is what the sampler was given."""

    def __init__(self, used, **changes):
        super().__init__(used, **changes)
        self.look: Callable[[], Any] | None = None
        self.interrupt: Callable[[Any], None] | None = None
        self.is_test = True
        self.vigil = Vigil(
            self.core,
            thresholds=THRESHOLDS,
            observe=self.observe,
            times=array("d", (1.0, 0.0)),
            open_sampler=self._open,
            interruptible=lambda _frame: self.is_test,
            clock=lambda: self.now,
        )

    def _open(self, look, interrupt):
        self.look, self.interrupt = look, interrupt

    def repetition(self, used, nodeid="t"):
        self.vigil.begins(nodeid)
        self.used, self.now = used, self.now + 1.0
        self.vigil.ended()
        return self.vigil.refusal

    def relieve(self):
        return self.vigil.relieve(lambda: self.happened.append("thaw"))


def test_far_from_the_limit_nothing_happens():
    world = Repeated(0.3)
    with world.vigil:
        assert world.repetition(0.5) is None
        assert not world.relieve()
    assert world.told == []


def test_nothing_is_cleaned_before_the_measurement_is_over():
    world = Repeated(0.75, frees={"gentle": 0.5})
    with world.vigil:
        assert world.repetition(0.85) is None
        assert world.told == []
        assert world.relieve()
        assert world.told == ["normal > warning", "thaw", "gentle by pressure", "warning > normal"]
        assert not world.relieve()


def test_what_was_high_for_a_moment_is_told_and_not_cleaned():
    world = Repeated(0.78)
    with world.vigil:
        world.repetition(0.86)
        world.repetition(0.91)
        world.used = 0.3
        world.relieve()
        assert world.told == ["normal > critical", "critical > normal"]


def test_an_emergency_refuses_until_a_cleanup_has_helped():
    world = Repeated(0.6, frees={"emergency": 0.5})
    with world.vigil:
        assert "memory pressure: 96.0% of" in world.repetition(0.96)
        assert world.vigil.refusal.endswith("while t was repeated")
        assert world.relieve()
        assert (world.vigil.refusal, world.vigil.over) == (None, False)
        assert "emergency by pressure" in world.told


def test_it_is_over_where_the_emergency_stays():
    world = Repeated(0.6)
    with world.vigil:
        world.repetition(0.96)
        assert world.relieve()
        assert world.vigil.over
        assert not world.relieve()
    assert world.core.stop_reason is None  # that is about the run


def test_it_is_over_where_emergencies_come_back_too_often():
    world = Repeated(0.6, frees={"emergency": 0.5})
    with world.vigil:
        for _ in range(MOST_ATTEMPTS + 1):
            assert not world.vigil.over
            assert world.repetition(0.96)
            world.relieve()
        assert world.vigil.over


def test_without_automatic_cleanups_it_waits_for_none():
    world = Repeated(0.6, auto_cleanup=False)
    with world.vigil:
        world.repetition(0.96)
        world.used = 0.6  # the interrupted test had it
        world.relieve()
        assert not world.vigil.over
        assert world.told == ["thaw", "normal > emergency", "emergency > normal"]


def test_a_run_that_ended_in_an_emergency_is_not_repeated():
    world = Repeated(0.96)
    with world.vigil:
        assert world.vigil.refusal == "memory pressure: 96.0% of 1000 MiB in use (cgroup v2)"
        world.relieve()
        assert world.vigil.over


def test_what_another_repetition_would_take_beyond_the_limit_is_refused():
    world = Repeated(0.2)
    with world.vigil:
        assert world.repetition(0.45) is None
        assert world.repetition(0.70) is None
        assert world.repetition(0.94, "t2") is not None  # it takes 240 MiB a time


def test_inside_a_repetition_only_the_last_of_it_counts():
    world = Repeated(0.5)
    with world.vigil:
        world.vigil.begins("t")
        world.used = 0.96
        assert not world.look().acute
        world.used = 0.99
        assert world.look().acute
        world.is_test = False
        world.interrupt(None)  # pytest is at work
        world.is_test = True
        with pytest.raises(MemoryPressureError, match="interrupted this repetition"):
            world.interrupt(None)
        assert world.vigil.refusal is not None
        assert world.told == []  # later


def test_readings_are_not_kept_by_the_monitor():
    world = Repeated(0.85)
    with world.vigil:
        before = len(world.core.monitor.history)
        for _ in range(10):
            world.repetition(0.85)
        assert len(world.core.monitor.history) == before


@pytest.mark.parametrize(
    ("share", "source", "expected", "inside", "pressed"),
    [
        (0.5, "cgroup v2", 0, False, False),
        (0.5, "cgroup v2", 501 * MIB, False, True),
        (0.5, CONFIGURED, 501 * MIB, False, False),  # nobody is killed there
        (0.949, "cgroup v2", 0, False, False),
        (0.95, CONFIGURED, 0, False, True),
        (0.95, CONFIGURED, 0, True, False),
        (0.98, CONFIGURED, 0, True, True),
        (1 - (RESERVE - MIB) / (1000 * MIB), "cgroup v2", 0, True, True),
    ],
)
def test_what_presses(share, source, expected, inside, pressed):
    usage = Usage(source, 1000 * MIB, round(share * 1000 * MIB), "group")
    found = pressing(Observation(0.0, (usage,), usage.used), THRESHOLDS, inside=inside, expected=expected)
    assert (found is not None) is pressed


def test_what_others_fill_does_not_press():
    usage = Usage("cgroup v2", 1000 * MIB, 999 * MIB, "group", ours=False)
    assert pressing(Observation(0.0, (usage,), MIB), THRESHOLDS) is None


def test_what_it_keeps_while_tests_are_measured_are_no_objects():
    world = Repeated(0.3)
    read = array("q", [0]) * 6
    with world.vigil:
        for place, share in enumerate((0.31, 0.32, 0.33, 0.34, 0.35, 0.36)):
            world.vigil.begins("t")
            world.used, world.now = share, world.now + 1.0
            world.look()
            world.vigil.ended()
            gc.collect()
            read[place] = sys.getallocatedblocks()
    assert len(set(read[2:])) == 1, read
