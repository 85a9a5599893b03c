"""What happens around the tests, as values that cross boundaries: pressure, cleanups, the usage of components.

Sizes are bytes, times seconds; ``at_s`` counts from the start of the session. What could not be read is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any, Literal, get_args

from pytest_memguard.values import dataclass

__all__ = [
    "CLEANUP_TRIGGERS",
    "COMPONENT_STATES",
    "PRESSURE_LEVELS",
    "CleanupResult",
    "CleanupTrigger",
    "CollectedTest",
    "CollectionSummary",
    "ComponentPoint",
    "ComponentState",
    "ComponentUsage",
    "GenerationSummary",
    "PressureCause",
    "PressureEvent",
    "PressureFailure",
    "PressureLevel",
    "StrategyResult",
    "StrategyStatistics",
    "by_pay",
]

PressureLevel = Literal["normal", "warning", "critical", "emergency"]
PressureCause = Literal["limit", "rss", "external", "stall"]
CleanupTrigger = Literal["schedule", "marker", "pressure", "leak", "request"]
ComponentState = Literal["running", "shut down", "restarted", "failed"]
PRESSURE_LEVELS: tuple[PressureLevel, ...] = get_args(PressureLevel)
CLEANUP_TRIGGERS: tuple[CleanupTrigger, ...] = get_args(CleanupTrigger)
COMPONENT_STATES: tuple[ComponentState, ...] = get_args(ComponentState)


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureEvent:
    """The level has changed, or an alert is due again.

    ``cause``: what the level comes from. ``usage_bytes`` and ``limit_bytes`` are of one scope, which ``limit_source``
    names (``cgroup v2``, ``RLIMIT_AS``, ``memory.limit``, ``physical``, ``thresholds.rss``, ..). ``alert``: whether
    people are to be told, or a cooldown keeps it quiet. ``nodeid``: the test that was running or had just ended.
    """

    at_s: float
    level: PressureLevel
    previous: PressureLevel
    cause: PressureCause
    usage_bytes: int
    limit_bytes: int
    limit_source: str
    nodeid: str | None = None
    worker: str = "main"
    alert: bool = True

    @property
    def share(self) -> float:
        """Usage as a fraction of the limit."""
        return self.usage_bytes / self.limit_bytes

    def to_json(self) -> dict[str, Any]:
        """One entry of ``pressure`` in the JSON report."""
        return {**asdict(self), "share": round(self.share, 4)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PressureEvent:
        """The inverse of ``to_json``; keys that a newer version has added are left out."""
        return cls(**_known(cls, data))


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureFailure:
    """The run fails because of pressure: it was stopped, or ``fail_on`` has ``pressure``. ``reason``: what happened.

    ``nodeid``: the test that was running or had just ended; ``stopped``: whether the run ended with it.
    """

    nodeid: str
    reason: str
    stopped: bool
    worker: str = "main"

    def to_json(self) -> dict[str, Any]:
        """As exact builtins."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PressureFailure:
        """The inverse of ``to_json``; keys that a newer version has added are left out."""
        return cls(**_known(cls, data))


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSummary:
    """The collections of one generation while the tests ran; ``freed`` and ``uncollectable`` count objects."""

    runs: int
    duration_s: float
    freed: int
    uncollectable: int

    def plus(self, other: GenerationSummary) -> GenerationSummary:
        """Both together."""
        return GenerationSummary(
            runs=self.runs + other.runs,
            duration_s=self.duration_s + other.duration_s,
            freed=self.freed + other.freed,
            uncollectable=self.uncollectable + other.uncollectable,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedTest:
    """The collections during one test, of all generations."""

    nodeid: str
    runs: int
    duration_s: float
    freed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionSummary:
    """What the garbage collector did by itself while the tests ran.

    ``generations``: the youngest first. ``costliest``: the tests in which collections took longest. ``lost``: how often
    a test had removed the listener, so that collections went unseen.
    """

    generations: tuple[GenerationSummary, ...]
    costliest: tuple[CollectedTest, ...] = ()
    lost: int = 0

    def merged(self, other: CollectionSummary, *, most: int) -> CollectionSummary:
        """Those of two processes, with at most so many tests."""
        tests = sorted((*self.costliest, *other.costliest), key=lambda test: -test.duration_s)
        return CollectionSummary(
            generations=tuple(one.plus(two) for one, two in zip(self.generations, other.generations, strict=True)),
            costliest=tuple(tests[:most]),
            lost=self.lost + other.lost,
        )

    def to_json(self) -> dict[str, Any]:
        """``session.collections`` of the JSON report."""
        return {
            "generations": [asdict(generation) for generation in self.generations],
            "costliest": [asdict(test) for test in self.costliest],
            "lost": self.lost,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CollectionSummary:
        """The inverse of ``to_json``; keys that a newer version has added are left out."""
        return cls(
            generations=tuple(GenerationSummary(**_known(GenerationSummary, one)) for one in data["generations"]),
            costliest=tuple(CollectedTest(**_known(CollectedTest, test)) for test in data["costliest"]),
            lost=data["lost"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyResult:
    """One strategy of a cleanup. ``error`` says why it failed, took too long or was left out; None: it worked.

    ``freed_bytes`` may be negative: a strategy can allocate. ``note``: what it found and left alone.
    """

    name: str
    level: str
    freed_bytes: int | None
    freed_entries: int | None
    duration_s: float
    error: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyStatistics:
    """All runs of one strategy. ``freed_bytes`` is that of the ``measured_runs``, which took ``measured_s``.

    ``freed_entries`` is None while no run could tell.
    """

    name: str
    level: str
    category: str
    runs: int = 0
    measured_runs: int = 0
    freed_bytes: int = 0
    freed_entries: int | None = None
    duration_s: float = 0.0
    measured_s: float = 0.0
    errors: int = 0
    last_error: str | None = None

    @property
    def bytes_per_ms(self) -> float | None:
        """What it pays: bytes freed for each millisecond. None before its first run with a reading around it."""
        return self.freed_bytes / (self.measured_s * 1000) if self.measured_runs and self.measured_s else None

    def merged(self, other: StrategyStatistics) -> StrategyStatistics:
        """The sum of both, for the same strategy in two processes."""
        known = [entries for entries in (self.freed_entries, other.freed_entries) if entries is not None]
        return StrategyStatistics(
            name=self.name,
            level=self.level,
            category=self.category,
            runs=self.runs + other.runs,
            measured_runs=self.measured_runs + other.measured_runs,
            freed_bytes=self.freed_bytes + other.freed_bytes,
            freed_entries=sum(known) if known else None,
            duration_s=self.duration_s + other.duration_s,
            measured_s=self.measured_s + other.measured_s,
            errors=self.errors + other.errors,
            last_error=other.last_error or self.last_error,
        )

    def to_json(self) -> dict[str, Any]:
        """One entry of ``strategies`` in the JSON report."""
        return {**asdict(self), "bytes_per_ms": self.bytes_per_ms}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StrategyStatistics:
        """The inverse of ``to_json``; keys that a newer version has added are left out."""
        return cls(**_known(cls, data))


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupResult:
    """One cleanup, or one that was refused (cooldown, attempts spent), with the reason."""

    at_s: float
    level: str
    trigger: CleanupTrigger
    strategies: tuple[StrategyResult, ...]
    freed_bytes: int | None
    duration_s: float
    nodeid: str | None = None
    worker: str = "main"
    refused: str | None = None

    def to_json(self) -> dict[str, Any]:
        """One entry of ``cleanups`` in the JSON report."""
        return {**_plain(self), "strategies": [_plain(result) for result in self.strategies]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CleanupResult:
        """The inverse of ``to_json``; keys that a newer version has added are left out."""
        strategies = tuple(StrategyResult(**_known(StrategyResult, result)) for result in data["strategies"])
        return cls(**{**_known(cls, data), "strategies": strategies})


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentPoint:
    """What a component held so many ``tests`` of its process after it became known."""

    tests: int
    entries: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentUsage:
    """What one component holds after one test, and by how much that test has changed it.

    ``limits``: entries allowed by tracked container; ``over``: the containers that hold more. ``error``: why it could
    not be measured, or what failed when it was trimmed, shut down or restarted. ``accounted_bytes``: what tests have
    retained that are marked as this component's. At the end of a run ``grown_*`` count from its start, and there are
    the most entries after any test (``peak_entries``), the test that added most (``grown_most_by``), and the
    ``course``: what it held over the run, in at most 241 points.
    """

    component: str
    nodeid: str | None
    entries: int | None
    bytes: int | None
    grown_entries: int | None = None
    grown_bytes: int | None = None
    limits: Mapping[str, int]
    over: tuple[str, ...] = ()
    state: ComponentState = "running"
    essential: bool = False
    worker: str = "main"
    error: str | None = None
    accounted_bytes: int | None = None
    peak_entries: int | None = None
    grown_most_by: str | None = None
    course: tuple[ComponentPoint, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """One entry of ``components`` in the JSON report, where it stands for the end of the run."""
        course = [asdict(point) for point in self.course]
        return {**asdict(self), "limits": dict(self.limits), "over": list(self.over), "course": course}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ComponentUsage:
        """The inverse of ``to_json``; keys that a newer version has added are left out."""
        course = tuple(ComponentPoint(**_known(ComponentPoint, point)) for point in data.get("course", ()))
        return cls(**{**_known(cls, data), "over": tuple(data["over"]), "course": course})


def by_pay(statistics: Iterable[StrategyStatistics]) -> list[StrategyStatistics]:
    """What frees most for its time first; what was never measured last."""
    return sorted(statistics, key=lambda entry: (entry.bytes_per_ms is None, -(entry.bytes_per_ms or 0.0), entry.name))


def _plain(value: CleanupResult | StrategyResult) -> dict[str, Any]:
    """Its fields; ``asdict`` copies as it goes, which takes longer than a cleanup after each test."""
    return {name: getattr(value, name) for name in value.__slots__}


def _known(cls: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {entry.name for entry in fields(cls)}
    return {name: value for name, value in data.items() if name in names}
