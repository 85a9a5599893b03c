"""The cleanup manager: runs the strategies of a level, measures what they give back, remembers which ones pay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import modules as _modules
from threading import Lock

from pytest_memguard.cleanup.attempt import attempt
from pytest_memguard.cleanup.meter import NOTHING, Level, Meter
from pytest_memguard.cleanup.registry import Strategy, StrategyRegistry
from pytest_memguard.cleanup.strategies.living import one_scan
from pytest_memguard.cleanup.tally import Tally
from pytest_memguard.events import CleanupResult, CleanupTrigger, StrategyResult, StrategyStatistics, by_pay
from pytest_memguard.retention import RecentCleanups
from pytest_memguard.settings import CLEANUP_LEVELS, CleanupLevel, Settings
from pytest_memguard.units import format_bytes, format_duration

__all__ = ["CleanupManager"]

# What happens by itself rests after it has run: twice as long as it took, ten times where it gave back next to nothing.
_BY_ITSELF: frozenset[CleanupTrigger] = frozenset({"pressure", "leak"})
_WORTH_IT_BYTES = 1 << 20
_REST, _LONG_REST = 2.0, 10.0
# A strategy that takes more than this is told so, as an error of its own.
_ALLOCATES_BYTES = 1 << 20


class CleanupManager:
    """One per process. May be called from any thread; one cleanup at a time.

    Cleanups by pressure and by a suspected leak have a cooldown of their own, in proportion to what the last one took
    and gave; a higher level than the last one is never held back. A strategy that hung is left out from then on,
    unless somebody asks for it (trigger ``request``).
    """

    def __init__(
        self,
        settings: Settings,
        registry: StrategyRegistry,
        meter: Meter,
        *,
        clock: Callable[[], float],
        start_s: float,
        worker: str = "main",
        origin: str = "memory.strategies",
    ) -> None:
        self.registry = registry
        self.cleanups = 0
        self._settings = settings
        self._meter = meter
        self._clock = clock
        self._start_s = start_s
        self._worker = worker
        self._origin = origin
        self._lock = Lock()
        self._history = RecentCleanups(settings.history_size)
        self._tallies: dict[str, Tally] = {}
        self._plans: dict[CleanupLevel, tuple[tuple[CleanupLevel, Strategy], ...]] = {}
        self._planned = 0
        self._hung: set[str] = set()
        self._resting = (-1, 0.0)  # index of the level that ran last by itself, and when it may again

    def check(self) -> None:
        """Refuse unknown names in ``memory.strategies``: raises ``MemguardError``.

        To be called when everybody has registered their strategies.
        """
        self.registry.check(self._settings.strategies, origin=self._origin)

    def clean(
        self, level: CleanupLevel, *, trigger: CleanupTrigger, nodeid: str | None = None, during_test: bool = False
    ) -> CleanupResult:
        """Run *level* and what is below it; raises ``KeyboardInterrupt`` and nothing else.

        ``during_test``: a test is running, in whatever thread, so only what it cannot miss is freed. A refusal is a
        result with ``refused`` and without strategies.
        """
        start = self._clock()
        if not self._lock.acquire(blocking=False):
            return self._refusal(level, trigger, nodeid, start, "another cleanup is running")
        try:
            reason = self._reason_to_refuse(level, trigger, start)
            if reason is not None:
                return self._refusal(level, trigger, nodeid, start, reason)
            result = self._clean(level, trigger, nodeid, start, during_test)
            self._history.append(result)
            if trigger in _BY_ITSELF:
                self._rest(level, result)
            return result
        finally:
            self._lock.release()

    @property
    def history(self) -> Sequence[CleanupResult]:
        """The last ``historySize`` results, oldest first, refusals included."""
        return tuple(self._history)

    def statistics(self) -> Sequence[StrategyStatistics]:
        """Every strategy that has run, the one that pays best first."""
        return by_pay(tally.statistics() for tally in list(self._tallies.values()))

    def _clean(
        self, level: CleanupLevel, trigger: CleanupTrigger, nodeid: str | None, start: float, during_test: bool
    ) -> CleanupResult:
        self.cleanups += 1
        # After each test a reading could cost more than what it measures; what collects everything is dear anyway.
        measured = trigger != "schedule" or level != "gentle" or self._meter.affordable()
        before = self._meter.read() if measured else NOTHING
        results = []
        freed: int | None = None
        with one_scan(level):
            for step, strategy in self._plan(level):
                if not _applies(strategy, during_test):
                    continue
                result, before = self._run(strategy, step, before, trigger)
                results.append(result)
                if result.freed_bytes is not None and strategy.measure == "heap":
                    freed = (freed or 0) + result.freed_bytes
        return CleanupResult(
            at_s=start - self._start_s,
            level=level,
            trigger=trigger,
            strategies=tuple(results),
            freed_bytes=freed,
            duration_s=self._clock() - start,
            nodeid=nodeid,
            worker=self._worker,
        )

    def _run(
        self, strategy: Strategy, step: CleanupLevel, before: Level, trigger: CleanupTrigger
    ) -> tuple[StrategyResult, Level]:
        """One strategy, and the reading after it, which is the one before the next."""
        if strategy.name in self._hung and trigger != "request":
            return _left_out(strategy, step), before
        entries, note, error, duration_s, hung = attempt(strategy, clock=self._clock)
        after, freed = before, None
        if before is not NOTHING:
            after = self._meter.read()
            freed = before.freed_until(after, strategy.measure)
            if error is None and freed is not None and freed < -_ALLOCATES_BYTES:
                error = f"it took {format_bytes(-freed)} more than it freed"
        result = StrategyResult(
            name=strategy.name,
            level=step,
            freed_bytes=freed,
            freed_entries=entries,
            duration_s=duration_s,
            error=error,
            note=note,
        )
        if hung:
            self._hung.add(strategy.name)
        tally = self._tallies.get(strategy.name)
        if tally is None:
            tally = self._tallies[strategy.name] = Tally(strategy, step)
        tally.add(result)
        return result, after

    def _plan(self, level: CleanupLevel) -> tuple[tuple[CleanupLevel, Strategy], ...]:
        if self._planned != len(self.registry):
            self._plans.clear()
            self._planned = len(self.registry)
        plan = self._plans.get(level)
        if plan is None:
            plan = self._plans[level] = self.registry.plan(self._settings.strategies, level)
        return plan

    def _reason_to_refuse(self, level: CleanupLevel, trigger: CleanupTrigger, now: float) -> str | None:
        if not self._settings.cleanup_enabled:
            return "cleanups are off (cleanup.enabled)"
        last, until = self._resting
        if trigger in _BY_ITSELF and CLEANUP_LEVELS.index(level) <= last and now < until:
            return f"the last one is too recent; the next may start in {format_duration(until - now)}"
        return None

    def _rest(self, level: CleanupLevel, result: CleanupResult) -> None:
        helped = result.freed_bytes is not None and result.freed_bytes >= _WORTH_IT_BYTES
        rest = result.duration_s * (_REST if helped else _LONG_REST)
        self._resting = (CLEANUP_LEVELS.index(level), self._clock() + rest)

    def _refusal(
        self, level: CleanupLevel, trigger: CleanupTrigger, nodeid: str | None, start: float, reason: str
    ) -> CleanupResult:
        result = CleanupResult(
            at_s=start - self._start_s,
            level=level,
            trigger=trigger,
            strategies=(),
            freed_bytes=None,
            duration_s=0.0,
            nodeid=nodeid,
            worker=self._worker,
            refused=reason,
        )
        self._history.append(result)
        return result


def _applies(strategy: Strategy, during_test: bool) -> bool:
    if strategy.needs is not None and strategy.needs not in _modules:
        return False
    if during_test and not strategy.during_tests:
        return False
    return strategy.ready is None or bool(strategy.ready())


def _left_out(strategy: Strategy, step: CleanupLevel) -> StrategyResult:
    return StrategyResult(
        name=strategy.name,
        level=step,
        freed_bytes=None,
        freed_entries=None,
        duration_s=0.0,
        error="left out: it took too long before",
    )
