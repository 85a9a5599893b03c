"""The pressure monitor: from readings to a level, with a window and hysteresis, and to events that are not too many."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from pytest_memguard.events import PRESSURE_LEVELS, PressureCause, PressureEvent, PressureLevel
from pytest_memguard.probes.limits import Usage
from pytest_memguard.settings import Settings
from pytest_memguard.units import format_bytes
from pytest_memguard.values import dataclass

__all__ = ["Judgement", "Observation", "PressureMonitor", "Thresholds", "assess", "lack_of_room", "rank"]

# A level ends at once when usage is this share of the limit below where the level begins.
HYSTERESIS = 0.02
# From here on the machine does next to nothing but look for memory: all work stood still for this share of ten seconds.
STALLED = 0.10

_RANK = {level: place for place, level in enumerate(PRESSURE_LEVELS)}


class Observation(NamedTuple):
    """One reading, in bytes. ``external``: what malloc has handed out; ``stalled``: a share of the time."""

    at_s: float
    usages: tuple[Usage, ...]
    rss: int | None = None
    external: int | None = None
    stalled: float | None = None


class Judgement(NamedTuple):
    """What a reading means, and from which of its values: ``usage`` has limit and usage of what presses most."""

    level: PressureLevel
    cause: PressureCause
    usage: Usage

    @property
    def share(self) -> float:
        """Usage as a fraction of the limit."""
        return self.usage.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where levels begin: fractions of a limit, and bytes that count whatever the limit is."""

    warning: float
    critical: float
    emergency: float
    rss_bytes: int
    external_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> Thresholds:
        """Those of a run."""
        return cls(
            warning=settings.warning,
            critical=settings.critical,
            emergency=settings.emergency,
            rss_bytes=settings.rss_bytes,
            external_bytes=settings.external_bytes,
        )

    def room(self, observation: Observation) -> int:
        """Bytes that may at least be taken before the level can rise; 0 where nothing is known.

        An absolute threshold that is passed cannot be passed again.
        """
        rooms = [int(usage.limit * self.warning) - usage.used for usage in observation.usages]
        if observation.rss is None or not rooms:
            return 0
        # What malloc has handed out can be no more than what has been taken since it was all resident.
        external = observation.rss if observation.external is None else observation.external
        absolute = (self.rss_bytes - observation.rss, self.external_bytes - external)
        return max(0, min((*rooms, *(left for left in absolute if left > 0))))

    def level_of(self, share: float) -> PressureLevel:
        """The level at that fraction of a limit."""
        if share < self.warning:
            return "normal"
        if share < self.critical:
            return "warning"
        return "critical" if share < self.emergency else "emergency"


def rank(level: PressureLevel) -> int:
    """0 for normal to 3 for emergency."""
    return _RANK[level]


def lack_of_room(rss: int, limit: int, *, workers: int, origin: str) -> str | None:
    """What is wrong where a process has more than its share of *limit* already, so that no test is to blame."""
    share = limit // workers
    if rss <= share:
        return None
    of_each = "" if workers == 1 else f", {format_bytes(share)} for each of {workers} workers,"
    return (
        f"the limit of {format_bytes(limit)} ({origin}){of_each} is less than the {format_bytes(rss)} that the process "
        "had before the first test; raise it, or leave it out to get the limit of the machine or its container"
    )


def assess(observation: Observation, thresholds: Thresholds, *, margin: float = 0.0) -> Judgement | None:
    """The level of one reading, and what it comes from; ``None`` where nothing could be read.

    Limits come first. A group that others fill gives WARNING at most, and so do the absolute thresholds and a stalled
    machine: they are reasons to tidy up, none to stop work. A machine that others fill is their business. Every
    threshold is taken *margin* (a share of the limit) lower.
    """
    found = [Judgement(_limited(usage, thresholds, margin), "limit", usage) for usage in observation.usages]
    worst = max(found, key=lambda judged: (_RANK[judged.level], judged.share), default=None)
    if worst is not None and worst.level != "normal":
        return worst
    for cause, source, used, limit in (
        ("rss", "thresholds.rss", observation.rss, thresholds.rss_bytes),
        ("external", "thresholds.external", observation.external, thresholds.external_bytes),
    ):
        if used is not None and used >= limit * (1.0 - margin):
            return Judgement("warning", "rss" if cause == "rss" else "external", Usage(source, limit, used, "process"))
    if worst is not None and observation.stalled is not None and observation.stalled >= STALLED - margin:
        return Judgement("warning", "stall", worst.usage)
    return worst


def _limited(usage: Usage, thresholds: Thresholds, margin: float) -> PressureLevel:
    level = thresholds.level_of(usage.share + margin)
    if usage.ours or level == "normal":
        return level
    return "warning" if usage.scope == "group" else "normal"


class PressureMonitor:
    """Follows the level. It rises with a single reading, since a kill does not wait for a second one.

    It falls when usage is clearly below (by ``HYSTERESIS``), or when a whole window of readings was below at all.
    ``start_s``: the session's start, by the clock of ``Observation.at_s``. For one thread at a time.
    """

    def __init__(self, settings: Settings, *, start_s: float, worker: str = "main") -> None:
        self.level: PressureLevel = "normal"
        self.history: deque[tuple[float, Judgement]] = deque(maxlen=settings.history_size)
        self.events = 0
        self._thresholds = Thresholds.of(settings)
        self._window: deque[int] = deque(maxlen=settings.pressure_window)
        self._alerts = _Alerts(settings)
        self._start_s = start_s
        self._worker = worker

    def observe(self, observation: Observation, nodeid: str | None) -> PressureEvent | None:
        """Take a reading; gives the event when the level has changed or an alert is due again."""
        judged = assess(observation, self._thresholds)
        if judged is None:
            return None
        self.history.append((observation.at_s, judged))
        self._window.append(_RANK[judged.level])
        if self.level == "normal" and judged.level == "normal":
            return None  # nearly every reading of nearly every run
        previous, self.level = self.level, self._next_level(judged, observation)
        alert = self._alerts.due(self.level, observation.at_s)
        if self.level == previous and not alert:
            return None
        self.events += 1
        return PressureEvent(
            at_s=round(observation.at_s - self._start_s, 3),
            level=self.level,
            previous=previous,
            cause=judged.cause,
            usage_bytes=judged.usage.used,
            limit_bytes=judged.usage.limit,
            limit_source=judged.usage.source,
            nodeid=nodeid,
            worker=self._worker,
            alert=alert,
        )

    def reset(self) -> None:
        """Forget readings and alerts; the level stays until the next reading."""
        self.history.clear()
        self._window.clear()
        self._alerts.reset()

    def _next_level(self, judged: Judgement, observation: Observation) -> PressureLevel:
        if _RANK[judged.level] >= _RANK[self.level]:
            return judged.level
        lower = assess(observation, self._thresholds, margin=HYSTERESIS)
        clear = _RANK["normal"] if lower is None else _RANK[lower.level]
        if len(self._window) == self._window.maxlen:
            clear = min(clear, max(self._window))
        return PRESSURE_LEVELS[min(clear, _RANK[self.level])]


class _Alerts:
    """When people are told: each cooldown once, and at once when it has become worse than they know."""

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.alerts_enabled
        self._cooldowns = {"emergency": settings.emergency_cooldown_s}
        self._cooldown_s = settings.alert_cooldown_s
        self._told = _RANK["normal"]
        self._told_s = float("-inf")

    def due(self, level: PressureLevel, now: float) -> bool:
        """Whether an event of this level is an alert; if so, it counts as told."""
        if not self._enabled or level == "normal":
            return False
        over = now - self._told_s >= self._cooldowns.get(level, self._cooldown_s)
        if not over and _RANK[level] <= self._told:
            return False
        self._told, self._told_s = _RANK[level], now
        return True

    def reset(self) -> None:
        """Nobody has been told anything."""
        self._told, self._told_s = _RANK["normal"], float("-inf")
