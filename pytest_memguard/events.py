"""What happens around the tests, as values that cross boundaries: pressure, cleanups, the usage of components.

Sizes are bytes, times seconds; ``at_s`` counts from the start of the session. What could not be read is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

__all__ = [
    "CLEANUP_TRIGGERS",
    "COMPONENT_STATES",
    "PRESSURE_LEVELS",
    "CleanupResult",
    "CleanupTrigger",
    "ComponentState",
    "ComponentUsage",
    "PressureCause",
    "PressureEvent",
    "PressureLevel",
    "StrategyResult",
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
class StrategyResult:
    """One strategy of a cleanup. ``error`` says why it failed, took too long or was left out; None: it worked.

    ``freed_bytes`` may be negative: a strategy can allocate.
    """

    name: str
    level: str
    freed_bytes: int | None
    freed_entries: int | None
    duration_s: float
    error: str | None = None


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
        return {**asdict(self), "strategies": [asdict(result) for result in self.strategies]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CleanupResult:
        """The inverse of ``to_json``; keys that a newer version has added are left out."""
        strategies = tuple(StrategyResult(**_known(StrategyResult, result)) for result in data["strategies"])
        return cls(**{**_known(cls, data), "strategies": strategies})


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentUsage:
    """What one component holds after one test, and by how much that test has changed it.

    ``limits``: entries allowed by tracked container; ``over``: the containers that hold more. ``error``: why it could
    not be measured, or what failed when it was trimmed, shut down or restarted. ``accounted_bytes``: what tests have
    retained that are marked as this component's. At the end of a run ``grown_*`` count from its start, and there are
    the most entries after any test (``peak_entries``) and the test that added most (``grown_most_by``).
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

    def to_json(self) -> dict[str, Any]:
        """One entry of ``components`` in the JSON report, where it stands for the end of the run."""
        return {**asdict(self), "limits": dict(self.limits), "over": list(self.over)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ComponentUsage:
        """The inverse of ``to_json``; keys that a newer version has added are left out."""
        return cls(**{**_known(cls, data), "over": tuple(data["over"])})


def _known(cls: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {entry.name for entry in fields(cls)}
    return {name: value for name, value in data.items() if name in names}
