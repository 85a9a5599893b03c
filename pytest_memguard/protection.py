"""Pressure in a pytest session: readings between tests and inside long ones, cleanups by plan, and the end in time."""

from __future__ import annotations

import gc
import sys
from array import array
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_memguard.chronicle import COSTLIEST
from pytest_memguard.cleanup import CleanupManager
from pytest_memguard.core import Components, CoreManager
from pytest_memguard.errors import MemoryPressureError
from pytest_memguard.events import (
    CleanupResult,
    CleanupTrigger,
    CollectionSummary,
    PressureEvent,
    PressureFailure,
    StrategyStatistics,
)
from pytest_memguard.guard import Guard
from pytest_memguard.pressure import Observation, PressureMonitor, Thresholds, lack_of_room
from pytest_memguard.probes.collections import CollectionWatch
from pytest_memguard.probes.gauge import Gauge
from pytest_memguard.probes.limits import FILL_RATE, Usage, open_limits
from pytest_memguard.probes.stall import open_stall
from pytest_memguard.sampler import ASKED, FRESH, BellError, Look, Sampler
from pytest_memguard.settings import CLEANUP_LEVELS, CleanupLevel, MarkerSettings, Resolved
from pytest_memguard.settings.resolve import DEFAULT
from pytest_memguard.units import format_bytes
from pytest_memguard.watch import culprit
from pytest_memguard.watch.collected import CollectedTests

if TYPE_CHECKING:
    from pytest_memguard.vigil import Vigil

__all__ = ["Protection"]

Call = Callable[..., Any]

# Rlimits may be set and machines stand still at any time: somebody looks that often at least, between short tests.
_LONGEST_QUIET_S = 0.25
# In an array: no objects that tests could seem to keep.
_LOOK, _QUIET, _DUE = range(3)


class Protection:
    """What ``memory.monitoring.enabled`` turns on in a process that runs tests. Released by ``close``.

    ``call(hook, **arguments)`` calls hooks of others. ``begin`` and ``ended`` are called around each test of pass 1,
    the latter when its boundary has been read; a session that must end has ``shouldfail`` set.
    """

    def __init__(
        self,
        config: pytest.Config,
        guard: Guard,
        resolved: Resolved,
        *,
        call: Call,
        cleaner: CleanupManager | None,
        components: Components | None,
    ) -> None:
        self._cleaner = cleaner
        settings = self._settings = resolved.settings
        self._config = config
        self._guard = guard
        self._call = call
        self._components = components
        self._workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
        share = None if settings.limit_bytes is None else settings.limit_bytes // self._workers
        self._limits = open_limits(configured=share, workers=self._workers)
        self._stall = open_stall()
        heap = guard.reader("heap")
        self._external = None if heap is None else Gauge(heap, clock=guard.clock)
        self._thresholds = Thresholds.of(settings)
        # When the next look is due, until when nothing can have changed, until when a boundary needs nothing at all.
        self._times = array("d", (0.0, 0.0, 0.0))
        self.visitor: Callable[[], float] | None = None  # comes between tests, and says when again
        self.nodeid: str | None = None  # of the test that runs, or that was the last
        self.running = False  # a test is
        self.began_s = 0.0  # when, by the guard's clock
        self.at_work = False  # a boundary is being read and judged
        self._finished = False
        self.usages: tuple[Usage, ...] = ()  # of the last reading
        self._interruptible = _interruptible(config)
        self._told = False  # hooks of others ran
        self._untold: list[CleanupResult] = []  # cleanups while the present test ran
        self._last: tuple[float, int] | None = None  # of the running test: when, and resident bytes
        self._rate = 0.0
        self._since_cleanup = 0
        plan = settings.strategies
        self._plans = plan.between_tests is not None or plan.between_modules is not None
        # What the heuristics suspect is no pressure yet: they clean only for those who have asked for it.
        self._cleans_on_leak = resolved.origins.get("auto_cleanup", DEFAULT) != DEFAULT
        self._collected: CollectedTests | None = None
        self._collections: CollectionWatch | None = None
        self._sampler: Sampler | None = None
        self.core = CoreManager(
            settings,
            monitor=PressureMonitor(settings, start_s=guard.start_s, worker=guard.worker),
            observe=self._observe,
            cleaner=cleaner,
            components=components,
            collect=gc.collect,
            on_event=self._on_event,
            on_cleanup=self._on_cleanup,
            culprit=self._culprit,
        )

    # -- the life of it

    @property
    def limit(self) -> Usage | None:
        """The limit of the run: the smallest that applies."""
        return self._limits.smallest()

    def check_limit(self, origin: str) -> None:
        """Warn of a limit from *origin* that the process is past before the first test."""
        memory, limit = self._limits.memory, self._settings.limit_bytes
        if memory is not None and limit is not None:
            told = lack_of_room(memory.rss, limit, workers=self._workers, origin=origin)
            if told is not None:
                self._guard.warnings.append(told)

    def start(self) -> None:
        """The first test is about to run."""
        smallest = self.limit
        if smallest is not None:
            self._guard.chronicle.limit = (smallest.limit, smallest.source)
        self._collections = CollectionWatch()
        self._collected = CollectedTests(self._collections, most=COSTLIEST)
        sources = self._guard.chronicle.sources
        sources["stall"] = "unavailable: no pressure stall information" if self._stall is None else self._stall.source
        self._sampler = self._open_sampler(self._look, self._interrupt)
        self.core.boundary(None)

    def _open_sampler(self, look: Callable[[], Look], interrupt: Callable[[FrameType | None], None]) -> Sampler | None:
        sources = self._guard.chronicle.sources
        try:
            sampler = Sampler(
                interval_s=self._settings.check_interval_s,
                look=look,
                interrupt=interrupt,
                on_fault=lambda error: self._guard.fault("sampling", error),
            )
        except BellError as error:
            sources["sampler"] = f"unavailable: {error}"
            return None
        sources["sampler"] = "a thread in long tests, started by a timer (SIGURG)"
        return sampler

    def finish(self) -> None:
        """The last test has ended."""
        self._finished = True
        self._stop_sampling()
        if self._collected is not None:
            self._guard.chronicle.collections = self._collected.summary()
            self._collected = None
        if self._guard.growth.suspected and self._cleans_on_leak and self.core.stop_reason is None:
            self.core.on_leak(self._guard.growth.last_nodeid)

    def repeating(self) -> Vigil:
        """What follows pressure while tests are repeated; to be entered and left around that."""
        from pytest_memguard.vigil import Vigil  # noqa: PLC0415 - for nothing without pass 2

        return Vigil(
            self.core,
            thresholds=self._thresholds,
            observe=lambda fresh: self._observe(fresh, keep=False),
            times=self._times,
            open_sampler=self._open_sampler,
            interruptible=lambda frame: _is_within(frame, self._interruptible),
            clock=self._guard.clock,
        )

    def close(self) -> None:
        """Give everything back; may be called again."""
        self._stop_sampling()
        self._limits.close()
        if self._stall is not None:
            self._stall.close()

    def _stop_sampling(self) -> None:
        if self._sampler is not None:
            self._sampler.close()
            self._guard.add_watching_cost(self._sampler.cost_s)
            self._sampler = None
        if self._collections is not None:
            self._collections.close()

    # -- around tests

    def begin(self, nodeid: str, now: float) -> None:
        """A test begins; *now* by the guard's clock."""
        self.nodeid = nodeid
        self.began_s = now
        self.running = True
        sampler = self._sampler
        if sampler is not None:
            sampler.running = True
            wait_s = self._times[_LOOK]
            if now >= sampler.times[FRESH] or wait_s < sampler.times[ASKED]:
                sampler.begin(wait_s, now)

    def stop_looking(self) -> None:
        """The test has ended; its boundary is about to be read."""
        self.at_work = True
        if self._sampler is not None:
            self._sampler.end()
        self.running = False
        if self._last is not None:
            self._last, self._rate = None, 0.0

    def ended(self, item: pytest.Item, nextitem: pytest.Item | None, marker: MarkerSettings | None, now: float) -> None:
        """The boundary of a test has been read: judge, clean up, and end the session where nothing helps."""
        collected = self._collected
        if collected is not None and collected.watch.spent_ns != collected.spent_ns:
            collected.ended(self.nodeid or item.nodeid)
        if now < self._times[_DUE] and marker is None and not self._plans:
            self.at_work = False
            return
        if self._collections is not None:
            self._collections.check()
        self._judge(item, nextitem, marker)
        self.at_work = False
        again_s = self._times[_QUIET] if self.visitor is None else min(self._times[_QUIET], self.visitor())
        self._times[_DUE] = again_s if self.core.calm and not self._untold else 0.0

    def come_soon(self) -> None:
        """Something waits for the end of the running test."""
        self._times[_DUE] = 0.0

    def _judge(self, item: pytest.Item, nextitem: pytest.Item | None, marker: MarkerSettings | None) -> None:
        nodeid = self.nodeid or item.nodeid
        if not self._plans and marker is None and not self._untold and self._quiet():
            return
        self._told = False
        while self._untold:
            self._tell(self._config.hook.pytest_memguard_cleanup, result=self._untold.pop(0))
        acted = not self._quiet() and self.core.boundary(nodeid)
        due = self._due(item, nextitem, marker)
        if due is not None:
            level, trigger = due
            acted |= _has_changed(self.core.clean(level, trigger=trigger, nodeid=nodeid))
        if acted or self._told:
            self._guard.gap()
        if self.core.stop_reason is not None and not item.session.shouldfail:
            self._stop(item, self.core.stop_reason)

    def _quiet(self) -> bool:
        """Whether the time since the last look is too short to fill what is left to the first threshold."""
        return self._guard.clock() < self._times[_QUIET] and self.core.calm

    def _due(
        self, item: pytest.Item, nextitem: pytest.Item | None, marker: MarkerSettings | None
    ) -> tuple[CleanupLevel, CleanupTrigger] | None:
        """The highest cleanup that marker and plan ask for after this test."""
        plan = self._settings.strategies
        wanted: list[tuple[CleanupLevel, CleanupTrigger]] = []
        if marker is not None and marker.cleanup is not None:
            wanted.append((marker.cleanup, "marker"))
        if plan.between_tests is not None:
            self._since_cleanup += 1
            if self._since_cleanup >= plan.every:
                self._since_cleanup = 0
                wanted.append((plan.between_tests, "schedule"))
        if plan.between_modules is not None and _module(item) != _module(nextitem):
            wanted.append((plan.between_modules, "schedule"))
        return max(wanted, key=lambda entry: CLEANUP_LEVELS.index(entry[0]), default=None)

    def _stop(self, item: pytest.Item, reason: str) -> None:
        self._guard.chronicle.fail(
            PressureFailure(nodeid=item.nodeid, reason=reason, stopped=True, worker=self._guard.worker)
        )
        # Not shouldstop: that is an interruption from outside (exit 2), and this is a failure of the tests.
        item.session.shouldfail = f"memguard stopped the run: {reason}"

    # -- for those who ask from outside

    def look(self) -> None:
        """Read anew where the last reading may be old: in a long test, and when nobody follows pressure any more."""
        if self._sampler is not None:
            self._sampler.look_now()
        elif self._finished:
            self.core.monitor.observe(self._observe(True), None)

    def strategies(self) -> Sequence[StrategyStatistics]:
        """What each cleanup strategy has given back so far."""
        return () if self._cleaner is None else self._cleaner.statistics()

    def collections(self) -> CollectionSummary | None:
        """What the garbage collector has done by itself so far."""
        return self._guard.chronicle.collections if self._collected is None else self._collected.summary()

    # -- readings

    def _observe(self, fresh: bool, *, keep: bool = True) -> Observation:
        now = self._guard.clock()
        reading = self._limits.read(now, fresh=fresh)
        self._times[_LOOK] = reading.wait_s
        if keep:
            self.usages = reading.usages
        rss = None if reading.memory is None else reading.memory.rss
        external = None
        if rss is not None and rss >= self._settings.external_bytes and not self.running and self._external is not None:
            external = self._external.read(now)  # no more than is resident, but for what was never written to
        stalled = None if self._stall is None else self._stall.read(now)
        observation = Observation(now, reading.usages, rss, external, stalled)
        self._times[_QUIET] = now + min(self._thresholds.room(observation) / FILL_RATE, _LONGEST_QUIET_S)
        return observation

    def _look(self) -> Look:
        """In the main thread or in the background."""
        observation = self._observe(False)
        self.come_soon()
        if observation.rss is not None:
            self._guard.recorder.seen(observation.rss)
            before, self._last = self._last, (observation.at_s, observation.rss)
            if before is not None and observation.at_s > before[0]:
                self._rate = max(0.0, (observation.rss - before[1]) / (observation.at_s - before[0]))
        return Look(self._times[_LOOK], self.core.inside(observation, self.nodeid, rate=self._rate))

    def _interrupt(self, frame: FrameType | None) -> None:
        """In the main thread, in the middle of what runs there."""
        __tracebackhide__ = True
        if not _is_within(frame, self._interruptible):
            return  # pytest is at work: what it is in the middle of would be left half done
        try:
            reason = self.core.interruption(self.nodeid, rate=self._rate)
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._guard.fault("interrupting a test", error)
            return
        if reason is not None:
            raise MemoryPressureError(f"memguard interrupted this test: {reason}")

    # -- what is told

    def _on_event(self, event: PressureEvent) -> None:
        self._guard.chronicle.add(event)
        self._tell(self._config.hook.pytest_memguard_pressure, event=event)

    def _on_cleanup(self, result: CleanupResult) -> None:
        if self._external is not None:
            self._external.expire()
        self._guard.chronicle.add(result)
        if self.running:
            self._untold.append(result)
        else:
            self._tell(self._config.hook.pytest_memguard_cleanup, result=result)

    def _tell(self, hook: Any, **arguments: object) -> None:
        if hook.get_hookimpls():
            self._told = True
            self._call(hook, **arguments)

    def _culprit(self, nodeid: str | None) -> str:
        last = "all of it before the first test" if nodeid is None else f"{nodeid} was the last"
        parts = [culprit(self._guard.ledger) or last]
        sized = [usage for usage in self._components.measure(nodeid) if usage.bytes] if self._components else []
        if sized:
            largest = max(sized, key=lambda usage: usage.bytes or 0)
            parts.append(f"component {largest.component} holds {format_bytes(largest.bytes or 0)}")
        return "; ".join(parts)


def _interruptible(config: pytest.Config) -> frozenset[CodeType]:
    """The functions of pytest that call a test, or a fixture of one: what is raised below them is the test's failure.

    They are looked for in the stack only when it comes to that. A hook wrapper would stand in each traceback.
    """
    functions = (
        getattr(config.pluginmanager.getplugin("runner"), "pytest_runtest_call", None),
        getattr(sys.modules.get("_pytest.fixtures"), "call_fixture_func", None),
    )
    return frozenset(function.__code__ for function in functions if function is not None)


def _is_within(frame: FrameType | None, codes: frozenset[CodeType]) -> bool:
    while frame is not None and frame.f_code not in codes:
        frame = frame.f_back
    return frame is not None


def _has_changed(result: CleanupResult | None) -> bool:
    """Whether a cleanup may have changed what the process holds: another reading costs more than to know that."""
    if result is None:
        return True
    return any(each.freed_entries != 0 or each.freed_bytes or each.error is not None for each in result.strategies)


def _module(item: pytest.Item | None) -> str:
    return "" if item is None else item.nodeid.partition("::")[0]
