"""Whether there is memory for another repetition."""

from __future__ import annotations

from pytest_memguard.room import Room
from pytest_memguard.subjects import ENDANGERING, TOO_LITTLE_MEMORY, UNDER_PRESSURE


class Pressure:
    refusal: str | None = None
    over = False

    def relieve(self, thaw):
        thaw()
        self.refusal = None
        return True

    def headroom(self):
        return None


def test_what_was_taken_for_a_moment_only_is_forgiven_and_what_is_kept_is_not():
    rss = [100]
    thawed = []
    room = Room(lambda: rss[0], most_growth=50, pressure=None)
    assert (room.refusal(), room.ended_by, room.make(lambda: thawed.append(1))) == (None, None, False)

    rss[0] = 151
    assert room.refusal() == ENDANGERING
    assert (room.is_spent, room.ended_by) == (True, TOO_LITTLE_MEMORY)
    rss[0] = 120
    assert room.refusal() == ENDANGERING  # until somebody has looked
    assert room.make(lambda: thawed.append(1))
    assert (room.refusal(), room.is_spent, thawed) == (None, False, [1])

    rss[0] = 200
    room.refusal()
    assert room.make(lambda: thawed.append(1))
    assert not room.make(lambda: thawed.append(1))  # it has been looked for
    assert (room.ended_by, thawed) == (TOO_LITTLE_MEMORY, [1, 1])


def test_pressure_refuses_before_anything_else():
    pressure = Pressure()
    room = Room(lambda: 1000, most_growth=0, pressure=pressure)
    pressure.refusal = "memory pressure: a lot"
    assert (room.refusal(), room.is_spent, room.ended_by) == ("memory pressure: a lot", True, UNDER_PRESSURE)
    assert room.make(lambda: None)
    assert (room.refusal(), room.ended_by) == (None, None)
