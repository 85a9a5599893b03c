"""What the tests of a run have made of one component: its growth over all of them, and whether it looks like a leak."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import replace

from pytest_memguard.components.gauge import Reading
from pytest_memguard.events import ComponentUsage
from pytest_memguard.growth import GrowthSettings, GrowthTracker, judge
from pytest_memguard.units import format_bytes

__all__ = ["Tally"]


class Tally:
    """Adds up readings, one after each test."""

    def __init__(self, growth: GrowthSettings) -> None:
        self._first = Reading()
        self._last = Reading()
        self._peak: int | None = None
        self._accounted: int | None = None
        self._most = 0
        self._most_nodeid: str | None = None
        self._entries = _Course(growth, lambda gained: f"{gained:+,} entries")
        self._bytes = _Course(growth, lambda gained: format_bytes(gained, signed=True))

    def add(self, nodeid: str | None, reading: Reading, accounted: int | None) -> None:
        """One more test."""
        if self._first.entries is None and self._first.bytes is None:
            self._first = reading
        self._last = reading
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
        """How it keeps growing, in words; None where it does not, or where it cannot go on for ever."""
        return None if self._last.bounded else self._entries.told() or self._bytes.told()

    def warnings(self, name: str, limits: Mapping[str, int]) -> list[str]:
        """What people should know of it after the run."""
        found = []
        growth = self.growth()
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

    __slots__ = ("_amount", "_nodeids", "_settings", "_tracker", "_values")

    def __init__(self, settings: GrowthSettings, amount: Callable[[int], str]) -> None:
        self._settings = replace(settings, own_bytes=0)
        self._tracker = GrowthTracker(self._settings)
        self._nodeids: list[str | None] = []
        self._values = array("q")
        self._amount = amount

    def add(self, value: int | None, nodeid: str | None) -> None:
        if value is not None and (not self._values or value != self._values[-1]):
            self._tracker.add(value)
            self._nodeids.append(nodeid)
            self._values.append(value)

    def told(self) -> str | None:
        found = self._tracker.candidate()
        if found is None:
            return None
        # Nothing that is held was for the collector to give back, hence the efficiency of 0.
        confidence = judge(found, 0.0, self._settings).confidence
        first, last = (self._nodeids[place] for place in (found.first, found.last))
        gained = self._amount(self._values[found.last] - self._values[found.first])
        stretch = f"from {first} to {last}" if first is not None else f"until {last}"
        steps = f"up in {found.up} of {found.steps} tests that changed it"
        return f"{gained} {stretch}, {steps} (confidence {confidence:.2f})"


def _more(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else now - before
