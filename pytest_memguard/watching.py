"""Pass 1 in a pytest session: each test from boundary to boundary, its phases and its outcome.

Nothing here is called that need not be: inside a running suite, where nothing is warm, each Python call costs several
times what it costs in a loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import pytest

from pytest_memguard.events import ComponentUsage
from pytest_memguard.guard import Guard
from pytest_memguard.model import MemoryRecord
from pytest_memguard.outcome import outcome_after
from pytest_memguard.protection import Protection
from pytest_memguard.settings import MarkerSettings
from pytest_memguard.watch import Watcher

__all__ = ["WatchingHooks"]

# What watching costs is measured at every so many tests.
_TIME_EVERY = 16


class WatchingHooks:
    """Registered while the tests of a process run. ``items``: those that have ended, each at the index of its row.

    ``on_sample`` and ``on_usage`` tell other plugins, where there are any that want to know. ``on_fault`` gets what
    goes wrong here, once: nothing more is watched then.
    """

    def __init__(
        self,
        guard: Guard,
        watcher: Watcher,
        *,
        markers: Mapping[pytest.Item, MarkerSettings],
        protection: Protection | None,
        on_sample: Callable[[MemoryRecord], object] | None,
        on_usage: Callable[[ComponentUsage], object] | None,
        on_fault: Callable[[Exception], None],
    ) -> None:
        self.items: list[pytest.Item] = []
        self._guard = guard
        self._watcher = watcher
        self._recorder = guard.recorder
        self._phase_ended = guard.recorder.phase_ended
        self._points = guard.points
        self._components = guard.components
        self._clock = guard.clock
        self._cpu = time.thread_time
        self._markers = markers
        self._protection = protection
        self._on_sample = on_sample
        self._on_usage = on_usage
        self._on_fault = on_fault
        self._has_failed = False
        self._outcome = "passed"
        self._heap: int | None = None  # before a test that is marked as a component's

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """One test, boundary to boundary."""
        if self._has_failed:
            return (yield)
        clock = self._clock
        spent_s = None if (len(self.items) + 1) % _TIME_EVERY else self._cpu()
        start = clock()
        nodeid = item.nodeid  # a property
        self._outcome = "passed"
        try:
            self._recorder.begins(nodeid, self._watcher.last[0], start)
            if self._protection is not None:
                self._protection.begin(nodeid, start)
            if self._markers:
                marker = self._markers.get(item)
                self._heap = self._guard.heap() if marker is not None and marker.component is not None else None
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._fail(error)
        if spent_s is not None:
            spent_s = self._cpu() - spent_s
        try:
            return (yield)
        finally:
            if not self._has_failed:
                now = clock()
                if spent_s is None:
                    self._ended(item, nodeid, nextitem, start, now)
                else:
                    self._timed(spent_s, item, nodeid, nextitem, start, now)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Follow phase and outcome of the present test."""
        if report.when != "teardown":
            self._phase_ended(report.when)
        if report.outcome != "passed" or "wasxfail" in report.__dict__:
            self._outcome = outcome_after(self._outcome, report)

    def _ended(self, item: pytest.Item, nodeid: str, nextitem: pytest.Item | None, start: float, now: float) -> None:
        try:
            protection, watcher = self._protection, self._watcher
            if protection is not None:
                protection.stop_looking()
            index = watcher.boundary(nodeid, self._outcome, now - start)
            last = watcher.last
            self._recorder.ends(last[0], last[-1], self._outcome, now)
            self.items.append(item)
            if self._points.present:
                self._points.end(index)
            if self._markers or self._on_sample is not None or self._components.used:
                self._after(item, index)
            if protection is not None:
                protection.ended(item, nextitem, self._markers.get(item), now)
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._fail(error)

    def _timed(self, spent_s: float, *ended: Any) -> None:
        others_s = self._components.own_cost_s  # measured by themselves
        start = self._cpu()
        self._ended(*ended)
        spent_s += self._cpu() - start - (self._components.own_cost_s - others_s)
        self._guard.add_watching_cost(spent_s * _TIME_EVERY)

    def _after(self, item: pytest.Item, index: int) -> None:
        guard, marker = self._guard, self._markers.get(item)
        if marker is not None and marker.component is not None:
            guard.account(marker.component, self._heap)
        if marker is not None and marker.limit is not None:
            origin, reason = marker.origins.get("limit", "@pytest.mark.memguard"), marker.reason_for("limit")
            guard.check_limit(index, marker.limit, f"{origin}: {reason}" if reason else origin)
        if self._on_sample is not None:
            self._on_sample(guard.record(index))
            guard.gap()
        if self._components:
            guard.measure_components(index, self._on_usage)

    def _fail(self, error: Exception) -> None:
        self._has_failed = True
        self._on_fault(error)
