"""How things stand in this process, gathered for those who ask while it runs: nothing here runs code of others.

In the words of ``live.standing``, whose values only those need who ask: nothing is made here that is not sent.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pytest_memguard.core import LINE, MOST_ATTEMPTS
from pytest_memguard.events import CleanupResult, by_pay
from pytest_memguard.growth import GrowthTracker, judge
from pytest_memguard.guard import Guard, growth_settings
from pytest_memguard.probes import MISSING
from pytest_memguard.protection import Protection

__all__ = ["Overview", "told_shortly"]

# What an answer holds at most, so that it is one datagram and made in a millisecond.
_MOST = 10
_MOST_MOMENTS = 60
_MOST_COMPONENTS = 50
_LAST_TESTS = 200
_RETAINED_BYTES = 64 << 10
_RETAINED = 5
_STATISTICS = ("level", "usage_bytes", "limit_bytes", "limit_source", "share", "events", "cleanups")


class Overview:
    """One per process that runs tests. ``waiting()``: commands that wait; ``total``: the tests that it will run.

    ``since_s``: cleanups before that second are forgotten. ``checked`` of ``to_check`` tests are done where tests are
    repeated, None before that.
    """

    def __init__(self, guard: Guard, protection: Protection, *, total: int | None, waiting: Callable[[], int]) -> None:
        self.since_s = 0.0
        self.checked: int | None = None
        self.to_check: int | None = None
        self._guard = guard
        self._protection = protection
        self._total = total
        self._waiting = waiting
        self._enabled, self._counts, self._thresholds = gc.isenabled, gc.get_count, gc.get_threshold
        self._rss = guard.reader("rss")
        self._counted: dict[str, int] = {}
        self._grown: tuple[int, str | None] = (0, None)  # tests so far, and what the heuristics make of them

    def running(self) -> dict[str, Any]:
        """Which test runs, and for how long."""
        protection = self._protection
        running = protection.running
        return {
            "nodeid": protection.nodeid if running else None,
            "running_s": self._guard.clock() - protection.began_s if running else None,
        }

    def now(self, *, details: bool = False) -> Mapping[str, Any]:
        """What ``Standing.from_json`` reads."""
        guard, protection = self._guard, self._protection
        statistics = protection.core.statistics()
        settings = guard.settings
        slope, slope_tests = self._slope()
        return {
            "at_s": round(guard.clock() - guard.start_s, 3),
            **{name: statistics[name] for name in _STATISTICS},
            "protecting": self._protecting(statistics),
            "automatic": settings.cleanup_enabled and settings.auto_cleanup,
            **self.running(),
            "tests": len(guard.ledger),
            "total": self._total,
            "checked": self.checked,
            "to_check": self.to_check,
            "thresholds": {
                "warning": settings.warning,
                "critical": settings.critical,
                "emergency": settings.emergency,
            },
            **self._resident(),
            "slope_bytes": slope,
            "slope_tests": slope_tests,
            "growth": self._growth(),
            "retained": self._retained(),
            "history": self._history(),
            **self._happened(),
            "leaking": guard.leaking()[-_MOST:],
            "over_limit": [limit.nodeid for limit in guard.limits[-_MOST:]],
            "components": [usage.to_json() for usage in guard.components.last()[:_MOST_COMPONENTS]],
            "waiting": self._waiting(),
            **self._collector(),
            **(self._details() if details else {}),
        }

    def _details(self) -> dict[str, Any]:
        chronicle = self._guard.chronicle
        return {
            "limits": [
                {
                    "source": usage.source,
                    "limit_bytes": usage.limit,
                    "used_bytes": usage.used,
                    "scope": usage.scope,
                }
                for usage in self._protection.usages[:_MOST]
            ],
            "pressure": [event.to_json() for event in list(chronicle.pressure)[-_MOST:]],
            "past_cleanups": [told_shortly(result).to_json() for result in list(chronicle.cleanups)[-_MOST:]],
            "strategies": [each.to_json() for each in by_pay(self._protection.strategies())[:_MOST]],
            "objects": self._objects(),
            "probes": self._guard.sources(),
            "faults": self._guard.errors[-_MOST:],
        }

    def _objects(self) -> list[dict[str, Any]]:
        """Of which types there are most, and how many more than when this was asked last.

        Takes a third of a second for a million objects. Nothing while tests are repeated: most are out of sight then,
        and what this leaves behind would be measured.
        """
        if self.checked is not None:
            return []
        try:
            import objgraph  # noqa: PLC0415 - for those who ask

            counts = objgraph.typestats(shortnames=False)
        except Exception as error:  # noqa: BLE001 - the name of a class may be anybody's code
            self._guard.fault("counting objects", error)
            return []
        most = sorted(counts, key=counts.__getitem__, reverse=True)[:_MOST]
        before, self._counted = self._counted, {name: counts[name] for name in most}
        return [
            {"type": name, "count": counts[name], "more": counts[name] - before[name] if name in before else None}
            for name in most
        ]

    def _protecting(self, statistics: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **{name: statistics[name] for name in ("protects", "attempts", "interruptions", "down", "stop_reason")},
            "line": LINE,
            "most_attempts": MOST_ATTEMPTS,
            "cooldown_s": self._guard.settings.emergency_cooldown_s,
        }

    def _resident(self) -> dict[str, Any]:
        """The peak of the tests that have ended, unless the running one is already above it."""
        totals, rss = self._guard.ledger.totals(), None if self._rss is None else self._rss()
        is_peak = rss is not None and totals.peak_rss is not None and rss > totals.peak_rss
        return {
            "rss_bytes": rss,
            "rss_start_bytes": totals.rss_start,
            "peak_rss_bytes": rss if is_peak else totals.peak_rss,
            "peak_nodeid": self._protection.nodeid if is_peak else totals.peak_nodeid,
        }

    def _happened(self) -> dict[str, Any]:
        chronicle = self._guard.chronicle
        done = [result for result in chronicle.cleanups if result.at_s >= self.since_s and result.refused is None]
        freed = [result.freed_bytes for result in done if result.freed_bytes is not None]
        return {
            "freed_bytes": sum(freed) if freed else None,
            "last_event": chronicle.pressure[-1].to_json() if chronicle.pressure else None,
            "last_cleanup": told_shortly(done[-1]).to_json() if done else None,
        }

    def _collector(self) -> dict[str, Any]:
        collections = self._protection.collections()
        return {
            "collections": None if collections is None else collections.to_json(),
            "gc_enabled": self._enabled(),
            "gc_counts": self._counts(),
            "gc_thresholds": self._thresholds(),
        }

    def _history(self) -> list[dict[str, float]]:
        moments = list(self._protection.core.monitor.history)[-_MOST_MOMENTS:]
        start = self._guard.start_s
        return [{"at_s": round(at_s - start, 3), "share": round(judged.share, 4)} for at_s, judged in moments]

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

    def _retained(self) -> list[dict[str, Any]]:
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
                return [{"nodeid": ledger.nodeid(i), "bytes": grown, "metric": metric} for grown, i in most]
        return []


def told_shortly(result: CleanupResult, *, freed: bool = False) -> CleanupResult:
    """Of its strategies those that failed, and with *freed* those that freed something."""
    told = [each for each in result.strategies if each.error or (freed and (each.freed_bytes or each.freed_entries))]
    return replace(result, strategies=tuple(told))
