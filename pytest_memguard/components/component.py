"""One component: what it holds, its limits, its states, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter

from pytest_memguard.components.action import Action
from pytest_memguard.components.deadline import within
from pytest_memguard.components.failure import tried
from pytest_memguard.components.gauge import Gauge, Reading
from pytest_memguard.components.reference import NotLoadedError
from pytest_memguard.components.source import Source
from pytest_memguard.components.tally import Tally
from pytest_memguard.components.trimming import trim
from pytest_memguard.events import ComponentState, ComponentUsage, StrategyResult
from pytest_memguard.growth import GrowthSettings

__all__ = ["Component"]

_TRIM_S = 5.0
_CLEAN_S = 10.0
_SWITCH_S = 10.0


class Component:
    """A part of an application, as it was registered. Nothing here raises what code of the application raises."""

    def __init__(
        self,
        name: str,
        *,
        sources: Sequence[Source] = (),
        measure: Action | None = None,
        limits: Mapping[str, int] | None = None,
        cleanup: Mapping[str, Action] | None = None,
        shutdown: Action | None = None,
        restart: Action | None = None,
        essential: bool = False,
        origin: str = "",
        worker: str = "main",
        growth: GrowthSettings | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self.name = name
        self.essential = essential
        self.origin = origin
        self.limits: Mapping[str, int] = dict(limits or {})
        self.state: ComponentState = "running"
        self._down = False
        self._worker = worker
        self._clock = clock
        self._sources = sources
        self._cleanup = dict(cleanup or {})
        self._shutdown = shutdown
        self._restart = restart
        called = (measure, shutdown, restart, *self._cleanup.values())
        self._called = [action.reference for action in called if action is not None and action.reference is not None]
        self._error: str | None = None  # of the last thing that was done to it
        self._gauge = Gauge(sources, self.limits, measure, clock)
        self._growth = growth or GrowthSettings()
        self._tally = Tally(self._growth)
        self._accounted: int | None = None

    # -- what it holds

    @property
    def roots(self) -> tuple[str, ...]:
        """``module.attribute`` of every container that a reference leads to."""
        return tuple(source.reference.dotted for source in self._sources if source.reference is not None)

    def usage(self) -> ComponentUsage:
        """What it holds now, bytes included; no test is charged with it."""
        reading = Gauge(self._sources, self.limits, None, self._clock).read(anyway=True)
        return self._usage(None, reading)

    def note(self, nodeid: str | None) -> tuple[Reading, int | None]:
        """Count after a test, for the report at the end; gives what was read, and what is accounted to it."""
        reading = self._gauge.read()
        accounted, self._accounted = self._accounted, None
        self._tally.add(nodeid, reading, accounted)
        return reading, accounted

    def measured(self, nodeid: str | None) -> ComponentUsage:
        """What it holds after a test, and by how much that has changed."""
        return self._usage(nodeid, *self.note(nodeid))

    def account(self, amount: int) -> None:
        """Bytes that a test has retained which says that it belongs to this component."""
        self._accounted = amount + (self._accounted or 0)

    def total(self) -> ComponentUsage:
        """What it holds at the end of the run, and by how much the run has changed it."""
        total = self._tally.total(self._usage(None, self._gauge.read(anyway=True)))
        return replace(total, course=self._tally.course.points())

    def last(self) -> ComponentUsage:
        """As ``total``, with what it held after the last test: no code of others is run."""
        return self._tally.total(self._usage(None, self._tally.last))

    def growth(self) -> str | None:
        """How it keeps growing, in words; None where it does not look like a leak, or cannot go on for ever."""
        if self._gauge.is_bounded() and not self._tally.is_over:
            return None
        return self._tally.growth()

    def warnings(self, growth: str | None) -> list[str]:
        """What people should know of it at the end of the run; *growth* as ``growth`` gives it."""
        return self._tally.warnings(self.name, self.limits, growth)

    def lost(self) -> list[str]:
        """What leads to modules that are not there, each in words: it has held nothing, and never will."""
        unfound = [source.reference for source in self._sources if source.reference is not None and not source.found]
        missing = [(reference.text, reference.missing_module()) for reference in (*unfound, *self._called)]
        return [
            f"component {self.name} has {text} ({self.origin}), but there is no module {module}: correct it there, or "
            "take it out"
            for text, module in dict(missing).items()
            if module is not None
        ]

    def reset(self) -> None:
        """Forget what was measured and what went wrong."""
        self._gauge.forget()
        self._tally = Tally(self._growth)
        self._accounted = self._error = None

    # -- what can be done about it

    def trim(self) -> int:
        """Bring every container down to its limit; gives the entries that went."""
        removed = 0
        errors = []
        for source in self._sources:
            limit = self.limits.get(source.name)
            if limit is None:
                continue
            went, error = tried(partial(within, _TRIM_S, _trimmed, source, limit))
            removed += went or 0
            if error is not None:
                errors.append(f"trimming {source.name}: {error}")
        self._error = "; ".join(errors) or None
        return removed

    def clean(self, level: str) -> StrategyResult | None:
        """Run what was given for exactly this level; None where that is nothing."""
        action = self._cleanup.get(level)
        if action is None:
            return None
        if self._down:
            return _left_out(self.name, level, f"the component is {self.state}")
        before = self.usage()
        start = self._clock()
        _, error = tried(action.run, _CLEAN_S)
        duration_s = self._clock() - start
        after = self.usage()
        return StrategyResult(
            name=self.name,
            level=level,
            freed_bytes=_less(before.bytes, after.bytes),
            freed_entries=_less(before.entries, after.entries),
            duration_s=duration_s,
            error=error,
        )

    def shut_down(self) -> bool:
        """Shut it down, where it may be and can be; whether that has just happened."""
        if self.essential or self._down or self._shutdown is None:
            return False
        _, self._error = tried(self._shutdown.run, _SWITCH_S)
        if self._error is not None:
            self._error = f"shutdown: {self._error}"
            self.state = "failed"
            return False
        self.state = "shut down"
        self._down = True
        return True

    def restart(self) -> bool:
        """Start it again, where it was shut down and can be started; whether that has just happened.

        One whose restart fails stays down, and the next restart tries again.
        """
        if not self._down or self._restart is None:
            return False
        _, self._error = tried(self._restart.run, _SWITCH_S)
        if self._error is not None:
            self._error = f"restart: {self._error}"
            self.state = "failed"
            return False
        self.state = "restarted"
        self._down = False
        return True

    def _usage(self, nodeid: str | None, reading: Reading, accounted: int | None = None) -> ComponentUsage:
        return ComponentUsage(
            component=self.name,
            nodeid=nodeid,
            entries=reading.entries,
            bytes=reading.bytes,
            grown_entries=reading.grown_entries,
            grown_bytes=reading.grown_bytes,
            accounted_bytes=accounted,
            limits=dict(self.limits),
            over=reading.over,
            state=self.state,
            essential=self.essential,
            worker=self._worker,
            error="; ".join(filter(None, (self._error, reading.error))) or None,
        )


def _trimmed(source: Source, limit: int) -> int:
    try:
        container = source.container()
    except NotLoadedError:
        return 0
    return trim(container, limit)


def _left_out(name: str, level: str, reason: str) -> StrategyResult:
    return StrategyResult(name=name, level=level, freed_bytes=None, freed_entries=None, duration_s=0.0, error=reason)


def _less(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else before - after
