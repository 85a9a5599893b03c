"""What every strategy has freed and cost over the session, in a few numbers each."""

from __future__ import annotations

from pytest_memguard.cleanup.registry import Strategy
from pytest_memguard.events import StrategyResult, StrategyStatistics

__all__ = ["Tally"]


class Tally:
    """Counters of one strategy: plain numbers, because a scheduled cleanup comes after every test."""

    __slots__ = (
        "_category",
        "_level",
        "_name",
        "duration_s",
        "entries",
        "errors",
        "freed_bytes",
        "last_error",
        "measured_runs",
        "measured_s",
        "runs",
    )

    def __init__(self, strategy: Strategy, level: str) -> None:
        self._name = strategy.name
        self._level = level
        self._category = strategy.category
        self.runs = self.measured_runs = self.freed_bytes = self.errors = 0
        self.duration_s = self.measured_s = 0.0
        self.entries: int | None = None
        self.last_error: str | None = None

    def add(self, result: StrategyResult) -> None:
        """One more run."""
        self.runs += 1
        self.duration_s += result.duration_s
        if result.freed_bytes is not None:
            self.measured_runs += 1
            self.measured_s += result.duration_s
            self.freed_bytes += result.freed_bytes
        if result.freed_entries is not None:
            self.entries = (self.entries or 0) + result.freed_entries
        if result.error is not None:
            self.errors += 1
            self.last_error = result.error

    def statistics(self) -> StrategyStatistics:
        """The numbers as a value."""
        return StrategyStatistics(
            name=self._name,
            level=self._level,
            category=self._category,
            runs=self.runs,
            measured_runs=self.measured_runs,
            freed_bytes=self.freed_bytes,
            freed_entries=self.entries,
            duration_s=self.duration_s,
            measured_s=self.measured_s,
            errors=self.errors,
            last_error=self.last_error,
        )
