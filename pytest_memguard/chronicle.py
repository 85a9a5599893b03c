"""What happened around the tests of a run, in order and bounded: of this process, and of the workers that tell it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from pytest_memguard.events import (
    CleanupResult,
    CollectionSummary,
    PressureEvent,
    PressureFailure,
    StrategyStatistics,
)
from pytest_memguard.retention import RecentCleanups

__all__ = ["COSTLIEST", "Chronicle"]

COSTLIEST = 10
# The controller keeps what so many workers may send.
_WORKERS = 16

Wire = dict[str, Any]


class Chronicle:
    """Pressure events and cleanups, the last ``size`` of each, and what is known once at the end."""

    def __init__(self, size: int, *, absorbs: bool = False) -> None:
        most = size * _WORKERS if absorbs else size
        self.pressure: deque[PressureEvent] = deque(maxlen=most)
        self.cleanups = RecentCleanups(most)
        self.strategies: dict[str, StrategyStatistics] = {}  # what each of them paid
        self.failures: list[PressureFailure] = []
        self.collections: CollectionSummary | None = None
        self.limit: tuple[int, str] | None = None  # bytes and where they come from
        self.sources: dict[str, str] = {}  # what there is to sample with
        self._unsent: deque[PressureEvent | CleanupResult] = deque(maxlen=size)
        self._unsent_failures: list[PressureFailure] = []

    def add(self, happened: PressureEvent | CleanupResult) -> None:
        """Keep one event or cleanup."""
        self._append(happened)
        self._unsent.append(happened)

    def fail(self, failure: PressureFailure) -> None:
        """The run fails because of this."""
        self.failures.append(failure)
        self._unsent_failures.append(failure)

    def add_statistics(self, statistics: StrategyStatistics) -> None:
        """What one strategy did in one process, at the end of it."""
        known = self.strategies.get(statistics.name)
        self.strategies[statistics.name] = statistics if known is None else known.merged(statistics)

    @property
    def stopped(self) -> bool:
        """Whether the run was stopped."""
        return any(failure.stopped for failure in self.failures)

    @property
    def why_stopped(self) -> str:
        """What to say of the tests of a run that was stopped before any was checked."""
        happened = "memory pressure stopped the run" if self.stopped else "the run was stopped"
        return f"{happened} before tests were checked"

    def unsent(self) -> Wire:
        """In a worker: what has come since the last call, as exact builtins; empty most of the time."""
        if not (self._unsent or self._unsent_failures):
            return {}
        found = {
            "pressure": [happened.to_json() for happened in self._unsent if isinstance(happened, PressureEvent)],
            "cleanups": [happened.to_json() for happened in self._unsent if isinstance(happened, CleanupResult)],
            "failures": [failure.to_json() for failure in self._unsent_failures],
        }
        self._unsent.clear()
        self._unsent_failures.clear()
        return found

    def end(self) -> Wire:
        """In a worker: the rest, when it is done."""
        return {
            **self.unsent(),
            "strategies": [statistics.to_json() for statistics in self.strategies.values()],
            "collections": None if self.collections is None else self.collections.to_json(),
            "limit": None if self.limit is None else list(self.limit),
        }

    def absorb(self, wire: Mapping[str, Any]) -> None:
        """Take what a worker has sent."""
        for event in wire.get("pressure", ()):
            self._append(PressureEvent.from_json(event))
        for result in wire.get("cleanups", ()):
            self._append(CleanupResult.from_json(result))
        for data in wire.get("strategies", ()):
            self.add_statistics(StrategyStatistics.from_json(data))
        self.failures.extend(PressureFailure.from_json(failure) for failure in wire.get("failures", ()))
        limit = wire.get("limit")
        if limit is not None and (self.limit is None or limit[0] < self.limit[0]):
            self.limit = (limit[0], limit[1])
        collections = wire.get("collections")
        if collections is not None:
            found = CollectionSummary.from_json(collections)
            self.collections = found if self.collections is None else self.collections.merged(found, most=COSTLIEST)

    def _append(self, happened: PressureEvent | CleanupResult) -> None:
        if isinstance(happened, PressureEvent):
            self.pressure.append(happened)
        else:
            self.cleanups.append(happened)
