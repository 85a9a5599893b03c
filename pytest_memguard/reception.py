"""Answers those who ask a live run from outside: how things stand at once, commands when the running test has ended."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pytest_memguard.core import LINE, MOST_ATTEMPTS
from pytest_memguard.events import CleanupResult, by_pay
from pytest_memguard.growth import GrowthTracker, judge
from pytest_memguard.guard import Guard, growth_settings
from pytest_memguard.live.desk import Answer, Desk, RefusedError
from pytest_memguard.live.door import Door, DoorError
from pytest_memguard.live.folder import Folder, FolderError, folders_of
from pytest_memguard.live.runs import Entry, announce, entries, withdraw
from pytest_memguard.live.standing import LimitStanding, Moment, Protecting, Retained, Standing
from pytest_memguard.live.wire import Request
from pytest_memguard.probes import MISSING
from pytest_memguard.protection import Protection

__all__ = ["Reception", "open_reception"]

# What an answer holds at most, so that it is one datagram and made in a millisecond.
_MOST = 10
_MOST_MOMENTS = 60
_MOST_COMPONENTS = 50
_LAST_TESTS = 200
_RETAINED_BYTES = 64 << 10
_RETAINED = 5
_CHECKING = "the tests have all run and are repeated to find leaks, which {} would falsify"


class Reception:
    """One per process that runs tests. Released by ``close``.

    ``total``: the tests that this process will run, where that is known.
    """

    def __init__(
        self, guard: Guard, protection: Protection, *, folder: Folder, door: Door, entry: Entry, total: int | None
    ) -> None:
        self._guard = guard
        self._protection = protection
        self._folder = folder
        self._door = door
        self._pid = entry.pid
        self._total = total
        self._since_s = 0.0  # cleanups before that are forgotten
        self._checking = False
        self._to_check: int | None = None
        self._checked = 0
        self._began_s = guard.clock()
        self._collect, self._enabled = gc.collect, gc.isenabled
        self._counts, self._thresholds = gc.get_count, gc.get_threshold
        self._heap, self._rss = guard.reader("heap"), guard.reader("rss")
        self._grown: tuple[int, str | None] = (0, None)  # tests so far, and what the heuristics make of them
        self._desk = Desk(
            door,
            do=self._do,
            said={"pid": entry.pid, "worker": entry.worker},
            now=self._now,
            clock=guard.clock,
        )

    # -- in a session

    def visit(self) -> None:
        """The kernel has rung, somewhere in the main thread."""
        if self._protection.at_work or self._checking:
            self._desk.rung = True
        else:
            self._desk.visit()

    def between(self) -> None:
        """A test has ended, and the next one begins here."""
        desk = self._desk
        if desk.is_due() and desk.between():
            self._guard.gap()
        self._began_s = desk.seen_s

    def followed(self, show: Callable[[int], None], to_check: int) -> Callable[[int], None]:
        """Tests are repeated from now on: what tells people how many are done, and lets others ask meanwhile."""
        self._checking, self._to_check = True, to_check
        self._desk.end(_CHECKING.format("that"))

        def checked(done: int) -> None:
            show(done)
            self._checked = done
            if self._desk.is_due():
                self._desk.between()

        return checked

    def close(self) -> None:
        """The run is over; may be called again."""
        self._desk.end("the run is over")
        self._door.close()
        withdraw(self._folder, self._pid)

    # -- what is asked

    def _now(self) -> Answer:
        protection = self._protection
        running = protection.running
        return {
            "nodeid": protection.nodeid if running else None,
            "running_s": self._guard.clock() - self._began_s if running else None,
        }

    def _do(self, request: Request) -> Answer:
        if request.ask == "memory":
            self._protection.look()
            return {"standing": self._standing(details=request.details)}
        if request.ask == "protection":
            return self._switch(request.protects)
        if request.ask == "reset":
            before = self._standing()
            self._protection.core.reset()
            self._since_s = self._guard.clock() - self._guard.start_s
            return {"before": before, "standing": self._standing()}
        if self._checking:
            raise RefusedError(_CHECKING.format("a cleanup" if request.ask == "cleanup" else "a collection"))
        if request.ask == "cleanup":
            return self._clean(request)
        return self._collect_garbage(request.cycles)

    def _switch(self, protects: bool | None) -> Answer:
        core = self._protection.core
        before = core.protects
        if protects is not None and protects is not before:
            core.protects = protects
            told = f"somebody has turned the shutdown protection {'on' if protects else 'off'} while the tests ran"
            if told not in self._guard.warnings:
                self._guard.warnings.append(told)
        return {"before": before, "standing": self._standing()}

    def _clean(self, request: Request) -> Answer:
        result = self._protection.core.clean(request.level, trigger="request", nodeid=self._protection.nodeid)
        if result is None:
            raise RefusedError("nothing can be cleaned up in this run")
        return {"cleanup": _without_successes(result, keep=True).to_json(), "standing": self._standing()}

    def _collect_garbage(self, cycles: int) -> Answer:
        before, rss = _read(self._heap), _read(self._rss)
        found = []
        for _ in range(cycles):
            start = self._guard.clock()
            freed = self._collect()
            found.append({"objects": freed, "duration_s": round(self._guard.clock() - start, 6)})
        return {
            "cycles": found,
            "uncollectable": len(gc.garbage),
            "freed_bytes": _less(before, _read(self._heap)),
            "freed_rss_bytes": _less(rss, _read(self._rss)),
            "standing": self._standing(),
        }

    # -- how things stand

    def _standing(self, *, details: bool = False) -> Mapping[str, Any]:
        guard, protection = self._guard, self._protection
        statistics = protection.core.statistics()
        totals, rss, now = guard.ledger.totals(), _read(self._rss), self._now()
        is_peak = rss is not None and totals.peak_rss is not None and rss > totals.peak_rss
        settings = guard.settings
        slope, slope_tests = self._slope()
        past = [result for result in guard.chronicle.cleanups if result.at_s >= self._since_s]
        done = [result for result in past if result.refused is None]
        freed = [result.freed_bytes for result in done if result.freed_bytes is not None]
        pressure = guard.chronicle.pressure
        standing = Standing(
            at_s=round(guard.clock() - guard.start_s, 3),
            level=statistics["level"],
            protecting=self._protecting(statistics),
            automatic=settings.cleanup_enabled and settings.auto_cleanup,
            **now,
            tests=len(guard.ledger),
            total=self._total,
            checked=self._checked if self._checking else None,
            to_check=self._to_check,
            usage_bytes=statistics["usage_bytes"],
            limit_bytes=statistics["limit_bytes"],
            limit_source=statistics["limit_source"],
            share=statistics["share"],
            thresholds={"warning": settings.warning, "critical": settings.critical, "emergency": settings.emergency},
            rss_bytes=rss,
            rss_start_bytes=totals.rss_start,
            peak_rss_bytes=rss if is_peak else totals.peak_rss,
            peak_nodeid=protection.nodeid if is_peak else totals.peak_nodeid,
            slope_bytes=slope,
            slope_tests=slope_tests,
            growth=self._growth(),
            retained=self._retained(),
            history=self._history(),
            events=statistics["events"],
            cleanups=statistics["cleanups"],
            freed_bytes=sum(freed) if freed else None,
            last_event=pressure[-1] if pressure else None,
            last_cleanup=_without_successes(done[-1]) if done else None,
            leaking=tuple(guard.leaking()[-_MOST:]),
            over_limit=tuple(limit.nodeid for limit in guard.limits[-_MOST:]),
            components=tuple(guard.components.last()[:_MOST_COMPONENTS]),
            waiting=self._desk.waiting,
            collections=protection.collections(),
            gc_enabled=self._enabled(),
            gc_counts=self._counts(),
            gc_thresholds=self._thresholds(),
        )
        return (self._detailed(standing) if details else standing).to_json()

    def _detailed(self, standing: Standing) -> Standing:
        chronicle = self._guard.chronicle
        return replace(
            standing,
            limits=tuple(
                LimitStanding(source=usage.source, limit_bytes=usage.limit, used_bytes=usage.used, scope=usage.scope)
                for usage in self._protection.usages[:_MOST]
            ),
            pressure=tuple(chronicle.pressure)[-_MOST:],
            past_cleanups=tuple(map(_without_successes, list(chronicle.cleanups)[-_MOST:])),
            strategies=tuple(by_pay(self._protection.strategies())[:_MOST]),
            probes=self._guard.sources(),
            faults=tuple(self._guard.errors[-_MOST:]),
        )

    def _protecting(self, statistics: Mapping[str, Any]) -> Protecting:
        return Protecting(
            protects=statistics["protects"],
            line=LINE,
            attempts=statistics["attempts"],
            most_attempts=MOST_ATTEMPTS,
            cooldown_s=self._guard.settings.emergency_cooldown_s,
            interruptions=statistics["interruptions"],
            down=tuple(statistics["down"]),
            stop_reason=statistics["stop_reason"],
        )

    def _history(self) -> tuple[Moment, ...]:
        moments = list(self._protection.core.monitor.history)[-_MOST_MOMENTS:]
        start = self._guard.start_s
        return tuple(Moment(at_s=round(at_s - start, 3), share=round(judged.share, 4)) for at_s, judged in moments)

    def _slope(self) -> tuple[float | None, int]:
        """Growth of resident memory a test over the last window, as far as it could be read."""
        window = self._guard.settings.leak_detection_window
        values = [rss for rss in self._guard.ledger.after("rss")[-window - 1 :] if rss != MISSING]
        steps = len(values) - 1
        return ((values[-1] - values[0]) / steps, steps) if steps > 0 else (None, 0)

    def _growth(self) -> str | None:
        """The session heuristic over the last tests, without a collection; made once for each test."""
        tests = len(self._guard.ledger)
        if self._grown[0] != tests:
            settings = growth_settings(self._guard.settings)
            tracker = GrowthTracker(settings)
            for rss in self._guard.ledger.after("rss")[-_LAST_TESTS:]:
                tracker.add(None if rss == MISSING else rss)
            found = judge(tracker.candidate(), None, settings)
            self._grown = tests, f"{found.reason}, confidence {found.confidence:.2f}" if found.suspected else None
        return self._grown[1]

    def _retained(self) -> tuple[Retained, ...]:
        """The tests that have left most behind, of the last ones; one run tells no leak from first use."""
        ledger = self._guard.ledger
        first = max(0, len(ledger) - _LAST_TESTS)
        for metric in ("heap", "rss"):
            pairs = zip(ledger.before(metric)[first:], ledger.after(metric)[first:], strict=True)
            gains = [
                (after - before, first + place)
                for place, (before, after) in enumerate(pairs)
                if MISSING not in (before, after) and after - before >= _RETAINED_BYTES
            ]
            most = sorted(gains, reverse=True)[:_RETAINED]
            if most:
                return tuple(Retained(nodeid=ledger.nodeid(i), bytes=grown, metric=metric) for grown, i in most)
        return ()


def open_reception(session: Any, guard: Guard, protection: Protection) -> Reception | None:
    """Where this session of pytest can be asked, in the first folder that can be used; ``None`` where in none.

    Where that is, or why it is nowhere, is in ``guard.chronicle.sources``.
    """
    if sys.platform != "linux":
        guard.chronicle.sources["live"] = f"unavailable: {sys.platform} does not say who asks"
        return None
    workerinput = getattr(session.config, "workerinput", None)
    pid = os.getpid()
    entry = Entry(
        pid=pid,
        run=str(pid if workerinput is None else workerinput["testrunuid"]),
        controller=pid if workerinput is None else os.getppid(),
        worker=guard.worker,
        directory=str(session.config.invocation_params.dir),
        started=guard.started,
        version=guard.version,
    )
    total = len(session.items) if workerinput is None else None
    reasons = []
    # Not tempfile.gettempdir(), which is decided for good by whoever asks first.
    for folder in folders_of(os.environ, uid=os.geteuid(), temp=os.environ.get("TMPDIR") or "/tmp"):  # noqa: S108
        try:
            return _opened(guard, protection, folder, entry, total)
        except (OSError, FolderError, DoorError) as reason:
            reasons.append(str(reason))
    guard.chronicle.sources["live"] = f"unavailable: {'; '.join(reasons)}"
    return None


def _opened(guard: Guard, protection: Protection, folder: Folder, entry: Entry, total: int | None) -> Reception:
    folder.make()
    entries(folder)  # takes away what processes have left that are gone
    door = Door(folder)
    try:
        announce(folder, entry)
        reception = Reception(guard, protection, folder=folder, door=door, entry=entry, total=total)
        protection.visited(reception.visit, door.ring)
    except BaseException:
        door.close()
        raise
    guard.chronicle.sources["live"] = f"a socket in {folder.path}"
    return reception


def _without_successes(result: CleanupResult, *, keep: bool = False) -> CleanupResult:
    """Of its strategies those that failed, and with *keep* those that freed something."""
    told = [each for each in result.strategies if each.error or (keep and (each.freed_bytes or each.freed_entries))]
    return replace(result, strategies=tuple(told))


def _read(reader: Callable[[], int | None] | None) -> int | None:
    return None if reader is None else reader()


def _less(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else before - after
