"""How things stand in one process of a live run: the value that its answers carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from typing import Any

from pytest_memguard.events import (
    CleanupResult,
    CollectionSummary,
    ComponentUsage,
    PressureEvent,
    PressureLevel,
    StrategyStatistics,
)
from pytest_memguard.values import dataclass

__all__ = ["LimitStanding", "Moment", "Protecting", "Retained", "Standing", "TypeCount"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStanding:
    """One limit that applies, in bytes, and how much of it is used in its own scope (process, group, machine)."""

    source: str
    limit_bytes: int
    used_bytes: int
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One reading of the past: seconds since the start, and usage as a fraction of the limit that pressed most."""

    at_s: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """A test after which there was so much more than before, in bytes of ``metric`` (``heap`` or ``rss``)."""

    nodeid: str
    bytes: int
    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeCount:
    """Objects of one type that the garbage collector sees; ``more`` than when it was asked last, if it was."""

    type: str
    count: int
    more: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Protecting:
    """The shutdown protection. ``attempts`` of ``most_attempts`` emergency cleanups count within ``cooldown_s``.

    ``line``: the fraction of a limit from which on it acts. ``down``: components that it has shut down.
    ``stop_reason``: why the run is about to end.
    """

    protects: bool
    line: float
    attempts: int
    most_attempts: int
    cooldown_s: float
    interruptions: int = 0
    down: tuple[str, ...] = ()
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One process. Sizes in bytes, times in seconds, shares as fractions; what could not be read is None, never 0.

    ``at_s`` counts from the start of the session. ``nodeid``: the test that runs, for ``running_s``; None between two.
    ``total``: how many tests there are, where this process runs all of them. ``checked``: while tests are repeated, how
    many of ``to_check`` are done. ``slope_bytes``: growth of resident memory a test over the last ``slope_tests``.
    ``growth``: the session heuristic in words. ``components``: as of the end of the last test. ``cleanups`` counts
    those that were carried out. The fields from ``limits`` on are there only where details were asked for.
    """

    at_s: float
    level: PressureLevel
    protecting: Protecting
    automatic: bool = True
    nodeid: str | None = None
    running_s: float | None = None
    tests: int = 0
    total: int | None = None
    checked: int | None = None
    to_check: int | None = None
    usage_bytes: int | None = None
    limit_bytes: int | None = None
    limit_source: str | None = None
    share: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    rss_bytes: int | None = None
    rss_start_bytes: int | None = None
    peak_rss_bytes: int | None = None
    peak_nodeid: str | None = None
    slope_bytes: float | None = None
    slope_tests: int = 0
    growth: str | None = None
    retained: tuple[Retained, ...] = ()
    history: tuple[Moment, ...] = ()
    events: int = 0
    cleanups: int = 0
    freed_bytes: int | None = None
    last_event: PressureEvent | None = None
    last_cleanup: CleanupResult | None = None
    leaking: tuple[str, ...] = ()
    over_limit: tuple[str, ...] = ()
    components: tuple[ComponentUsage, ...] = ()
    waiting: int = 0
    collections: CollectionSummary | None = None
    gc_enabled: bool | None = None
    gc_counts: tuple[int, ...] = ()
    gc_thresholds: tuple[int, ...] = ()
    limits: tuple[LimitStanding, ...] = ()
    pressure: tuple[PressureEvent, ...] = ()
    past_cleanups: tuple[CleanupResult, ...] = ()
    strategies: tuple[StrategyStatistics, ...] = ()
    objects: tuple[TypeCount, ...] = ()
    probes: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Standing:
        """Of the builtins in an answer; raises ``TypeError``, ``KeyError``, ``AttributeError`` or ``ValueError``."""
        found = {entry.name: data[entry.name] for entry in fields(cls) if entry.name in data}
        for name, kind in _VALUES.items():
            if found.get(name) is not None:
                found[name] = kind(found[name])
        for name, kind in _SEQUENCES.items():
            found[name] = tuple(map(kind, found.get(name, ())))
        return cls(**found)


def _made(cls: type[Any]) -> Any:
    names = [entry.name for entry in fields(cls)]
    return lambda data: cls(**{name: _frozen(data[name]) for name in names if name in data})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _text(value: object) -> str:
    return str(value)


_VALUES: Mapping[str, Any] = {
    "protecting": _made(Protecting),
    "last_event": PressureEvent.from_json,
    "last_cleanup": CleanupResult.from_json,
    "collections": CollectionSummary.from_json,
}
_SEQUENCES: Mapping[str, Any] = {
    "retained": _made(Retained),
    "history": _made(Moment),
    "leaking": _text,
    "over_limit": _text,
    "components": ComponentUsage.from_json,
    "limits": _made(LimitStanding),
    "pressure": PressureEvent.from_json,
    "past_cleanups": CleanupResult.from_json,
    "strategies": StrategyStatistics.from_json,
    "objects": _made(TypeCount),
    "gc_counts": int,
    "gc_thresholds": int,
    "faults": _text,
}
