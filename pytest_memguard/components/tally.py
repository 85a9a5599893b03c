"""What the tests of a run have made of one component: its growth over all of them, and whether it looks like a leak."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import replace

from pytest_memguard.components.course import Course
from pytest_memguard.components.gauge import Reading
from pytest_memguard.events import ComponentUsage
from pytest_memguard.growth import GrowthSettings, GrowthTracker, judge
from pytest_memguard.units import format_bytes

__all__ = ["Tally"]

_MOST_POINTS = 1_000


class Tally:
    """Adds up readings, one after each test."""

    def __init__(self, growth: GrowthSettings) -> None:
        self._first = Reading()
        self._last = Reading()
        self._peak: int | None = None
        self._accounted: int | None = None
        self.course = Course()  #: over the tests, to be drawn
        self._most = 0
        self._most_nodeid: str | None = None
        self._entries = _Course(growth, lambda gained: f"{gained:+,} entries")
        self._bytes = _Course(growth, lambda gained: format_bytes(gained, signed=True))

    def add(self, nodeid: str | None, reading: Reading, accounted: int | None) -> None:
        """One more test."""
        if self._first.entries is None and self._first.bytes is None:
            self._first = reading
        self._last = reading
        self.course.add(reading.entries, reading.bytes, tests=nodeid is not None)
        if reading.entries is not None:
            self._peak = max(reading.entries, self._peak or 0)
        if accounted is not None:
            self._accounted = accounted + (self._accounted or 0)
        grown = reading.grown_entries if reading.grown_entries is not None else reading.grown_bytes
        if grown is not None and grown > self._most:
            self._most, self._most_nodeid = grown, nodeid
        self._entries.add(reading.entries, nodeid)
        self._bytes.add(reading.bytes, nodeid)

    def total(self, now: ComponentUsage) -> ComponentUsage:
        """*now*, with the growth over the run in place of that over a test."""
        return replace(
            now,
            grown_entries=_more(self._first.entries, now.entries),
            grown_bytes=_more(self._first.bytes, now.bytes),
            accounted_bytes=self._accounted,
            peak_entries=self._peak,
            grown_most_by=self._most_nodeid,
        )

    def growth(self) -> str | None:
        """How it keeps growing, in words; None where it does not."""
        return self._entries.told() or self._bytes.told()

    @property
    def last(self) -> Reading:
        """What it held after the last test."""
        return self._last

    @property
    def is_over(self) -> bool:
        """Whether a container held more than it may after the last test."""
        return bool(self._last.over)

    def warnings(self, name: str, limits: Mapping[str, int], growth: str | None) -> list[str]:
        """What people should know of it after the run; *growth* as ``growth`` gives it."""
        found = []
        if growth is not None:
            found.append(f"component {name} keeps growing: {growth}")
        if self._last.over:
            held = ", ".join(f"{container} (limit {limits[container]})" for container in self._last.over)
            found.append(f"component {name} holds more than it may: {held}")
        if self._last.error is not None and not self._last.waiting:
            found.append(f"component {name} could not be measured: {self._last.error}")
        return found


class _Course:
    """One metric over the tests that changed it: those that do not touch a component say nothing about it."""

    __slots__ = ("_amount", "_nodeids", "_settings", "_values")

    def __init__(self, settings: GrowthSettings, amount: Callable[[int], str]) -> None:
        self._settings = replace(settings, own_bytes=0)
        self._nodeids: list[str | None] = []
        self._values = array("q")
        self._amount = amount

    def add(self, value: int | None, nodeid: str | None) -> None:
        if value is not None and (not self._values or value != self._values[-1]):
            self._nodeids.append(nodeid)
            self._values.append(value)

    def told(self) -> str | None:
        # Judged at the end, and of a long run some points: a window after each test would cost more than counting.
        stride = len(self._values) // _MOST_POINTS + 1
        values, nodeids = self._values[::stride], self._nodeids[::stride]
        tracker = GrowthTracker(self._settings)
        for value in values:
            tracker.add(value)
        found = tracker.candidate()
        if found is None:
            return None
        # Nothing that is held was for the collector to give back, hence the efficiency of 0.
        confidence = judge(found, 0.0, self._settings).confidence
        first, last = (nodeids[place] for place in (found.first, found.last))
        gained = self._amount(values[found.last] - values[found.first])
        stretch = f"from {first} to {last}" if first is not None else f"until {last}"
        steps = f"up in {found.up} of {found.steps} {'tests that changed it' if stride == 1 else 'steps'}"
        return f"{gained} {stretch}, {steps} (confidence {confidence:.2f})"


def _more(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else now - before
