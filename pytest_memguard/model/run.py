"""A run as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, Protocol

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.events import (
    CleanupResult,
    CollectionSummary,
    ComponentUsage,
    PressureEvent,
    PressureFailure,
    StrategyStatistics,
)
from pytest_memguard.model.findings import Finding
from pytest_memguard.model.record import MemoryRecord
from pytest_memguard.values import dataclass

__all__ = [
    "Environment",
    "GrownTest",
    "LimitExceeded",
    "Records",
    "RunReport",
    "SessionGrowth",
    "SessionSummary",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitExceeded:
    """A test whose peak went over the limit that its marker (or the fixture) set. Bytes above the test's start."""

    nodeid: str
    limit_bytes: int
    peak_growth_bytes: int
    origin: str
    gates: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class GrownTest:
    """A test that takes more than it did in the last runs of the history, by more than the tolerance.

    ``metric``: what it retained, or its peak above what it started with. ``usual_bytes`` is the median of ``runs``
    earlier runs, which had between ``lowest_bytes`` and ``highest_bytes``.
    """

    nodeid: str
    metric: Literal["retained", "peak"]
    bytes: int
    usual_bytes: int
    lowest_bytes: int
    highest_bytes: int
    runs: int
    gates: bool = False

    def to_json(self) -> dict[str, Any]:
        """This test's entry in ``grown`` of the JSON report."""
        return {
            "nodeid": self.nodeid,
            "metric": self.metric,
            "bytes": self.bytes,
            "usual_bytes": self.usual_bytes,
            "lowest_bytes": self.lowest_bytes,
            "highest_bytes": self.highest_bytes,
            "runs": self.runs,
            "gates": self.gates,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionGrowth:
    """The two session heuristics: growth over the window, and what a full collection gave back of it.

    ``gates``: it fails the run.
    """

    suspected: bool = False
    confidence: float = 0.0
    slope_per_test: float = 0.0
    gc_efficiency: float | None = None
    reason: str | None = None
    first_nodeid: str | None = None
    last_nodeid: str | None = None
    gates: bool = False

    def to_json(self) -> dict[str, Any]:
        """``session.growth`` of the JSON report."""
        return {
            "suspected": self.suspected,
            "confidence": self.confidence,
            "slope_per_test": self.slope_per_test,
            "gc_efficiency": self.gc_efficiency,
            "reason": self.reason,
            "first_nodeid": self.first_nodeid,
            "last_nodeid": self.last_nodeid,
            "gates": self.gates,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where the run took place and which probe reads what (or why it cannot)."""

    python: str
    platform: str
    probes: Mapping[str, str]
    limit_bytes: int | None = None
    limit_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """The run as a whole. Sizes in bytes, times in seconds, ``started`` is ISO 8601 with zone."""

    started: str
    duration_s: float
    tests: int
    exit_status: int
    peak_rss_bytes: int | None
    peak_nodeid: str | None
    rss_start_bytes: int | None
    rss_end_bytes: int | None
    watching_cost_s: float
    checking_cost_s: float
    repetitions: int
    checked: int
    clean_repetitions: int = 0
    clean: int = 0
    growth: SessionGrowth = field(default_factory=SessionGrowth)
    collections: CollectionSummary | None = None

    @property
    def own_cost_s(self) -> float:
        """Time that memguard itself took: watching plus checking."""
        return self.watching_cost_s + self.checking_cost_s


class Records(Protocol):
    """The tests of a run, made one at a time: 100,000 of them are never in memory as objects."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[MemoryRecord]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The whole run: the only input of every renderer.

    ``failures``: why pressure fails the run. ``warnings`` is what the user should act on; ``errors`` is what went wrong
    inside memguard itself, one line each.
    """

    version: str
    environment: Environment
    session: SessionSummary
    tests: Records
    leaks: Sequence[Finding] = ()
    limits: Sequence[LimitExceeded] = ()
    pressure: Sequence[PressureEvent] = ()
    cleanups: Sequence[CleanupResult] = ()
    strategies: Sequence[StrategyStatistics] = ()
    failures: Sequence[PressureFailure] = ()
    warnings: Sequence[str] = ()
    errors: Sequence[str] = ()
    components: Sequence[ComponentUsage] = ()
    accepted: Sequence[Acceptance] = ()
    grown: Sequence[GrownTest] = ()
