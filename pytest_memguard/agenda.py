"""Which tests are repeated, in which order: settings, markers, suspects, and what earlier runs did not reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from pytest_memguard.guard import Guard
from pytest_memguard.schedule import order, overdue_after
from pytest_memguard.settings import MarkerSettings
from pytest_memguard.subjects import Subject

_OVERDUE = "memguard/overdue"
_LEAST_PATIENCE_S = 30.0
_PATIENCE = 20.0
# A fixture that records each run of a test in a table of its own: repeating would add to what it prints.
_RECORDING_FIXTURE = "benchmark"

Markers = Mapping[pytest.Item, MarkerSettings]


class Agenda:
    """Makes the order of pass 2, and remembers in pytest's cache what it did not reach."""

    def __init__(self, config: pytest.Config, guard: Guard) -> None:
        self._config = config
        self._guard = guard

    def modules(self, items: Sequence[pytest.Item], markers: Markers) -> list[list[Subject]]:
        """The tests to repeat, by module; ``items`` are the tests of pass 1 in the order in which they ended."""
        mode = self._guard.settings.confirm
        marked = [i for i, item in enumerate(items) if item in markers and markers[item].is_marked]
        suspects = self._guard.suspects() if mode in ("all", "suspects") else []
        wanted = self._wanted(items, markers, marked, suspects)
        subjects = [s for i in sorted(wanted) if (s := self._subject(i, items[i], markers.get(items[i]))) is not None]
        overdue = {nodeid: age for age, nodeid in enumerate(self._overdue())}
        return order(subjects, marked=frozenset(marked), suspects=suspects, overdue=overdue)

    def remember(self) -> None:
        """Keep what was not reached for the next run, oldest first."""
        cache = self._cache
        if cache is None or self._guard.settings.confirm == "none":
            return
        before, late = self._overdue(), self._guard.overdue()
        if before or late:
            cache.set(_OVERDUE, overdue_after(before, unchecked=late, checked=self._guard.checked()))

    @property
    def _cache(self) -> Any:
        """The cache of pytest; there is none with ``-p no:cacheprovider``."""
        return getattr(self._config, "cache", None)

    @property
    def _has_a_switch(self) -> bool:
        """pytest-benchmark can be told not to measure; it then runs the function once."""
        return hasattr(getattr(self._config, "_benchmarksession", None), "disabled")

    def _overdue(self) -> list[str]:
        stored = self._cache.get(_OVERDUE, []) if self._cache is not None else []
        return [nodeid for nodeid in stored if isinstance(nodeid, str)] if isinstance(stored, list) else []

    def _wanted(
        self, items: Sequence[pytest.Item], markers: Markers, marked: Sequence[int], suspects: Sequence[int]
    ) -> Iterable[int]:
        mode = self._guard.settings.confirm
        if mode == "all":
            return range(len(items))
        if mode == "suspects":
            return {*marked, *suspects}
        if mode == "marked":
            return marked
        return [index for index in marked if markers[items[index]].confirm]

    def _subject(self, index: int, item: pytest.Item, marker: MarkerSettings | None) -> Subject | None:
        guard = self._guard
        record = guard.record(index)
        if record.outcome != "passed":
            return None
        if marker is not None and (not marker.is_checked or marker.confirm is False):
            keyword = "leak" if not marker.is_checked else "confirm"
            guard.leave_out(index, marker.reason_for(keyword) or "its marker says confirm=False")
            return None
        if _RECORDING_FIXTURE in getattr(item, "fixturenames", ()) and not self._has_a_switch:
            guard.leave_out(index, "it uses a fixture that records each run")
            return None
        return Subject(
            index=index,
            nodeid=item.nodeid,
            item=item,
            parent=item.parent,
            module=item.getparent(pytest.Module) or item.parent,
            duration_s=record.duration_s,
            patience_s=max(_LEAST_PATIENCE_S, _PATIENCE * record.duration_s),
            runs=guard.settings.runs if marker is None or marker.runs is None else marker.runs,
            tolerance_bytes=0 if marker is None else marker.accepted_bytes,
            tolerance_reason=None if marker is None else marker.reason_for("leak"),
        )


def can_repeat(config: pytest.Config) -> bool:
    """Not where tests are not run, or where somebody steps through them."""
    return not any(getattr(config.option, name, False) for name in ("collectonly", "setuponly", "setupplan", "trace"))
