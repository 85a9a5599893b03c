"""What happens around the tests of a large suite: pressure, cleanups, components, what is accepted."""

from __future__ import annotations

from dataclasses import replace

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.events import (
    CleanupResult,
    ComponentPoint,
    ComponentUsage,
    PressureEvent,
    StrategyResult,
    StrategyStatistics,
)

MIB = 2**20


_ACCEPTED = (
    Acceptance(
        source="baseline",
        origin="memguard-baseline.yaml, line 5",
        patterns={"signature": "a0b1c2d3e4f5"},
        reason="vendored, fixed in its next release",
        state="used",
        leaks=1,
        first_seen="2026-11-01",
        expires="2027-01-31",
    ),
    Acceptance(
        source="suppressions",
        origin="memguard.yaml, line 12",
        patterns={"test": "tests/mail/*", "type": "smtplib.SMTP"},
        reason="kept open on purpose",
        state="unused",
    ),
)


def around(ids: list[str]) -> dict[str, object]:
    """Pressure, cleanups and what else is told of a run besides its tests."""
    return {
        "pressure": _pressure(ids),
        "cleanups": _cleanups(ids),
        "strategies": _strategies(),
        "components": _components(ids),
        "accepted": _ACCEPTED,
        "warnings": (
            "component message_processing keeps growing: +410 entries from test_a to test_b, up in 14 of 15 steps",
            "fixtures not checked: db, cache",
        ),
    }


def _pressure(ids: list[str]) -> tuple[PressureEvent, ...]:
    tests = len(ids)
    warning = PressureEvent(
        at_s=130.2,
        level="warning",
        previous="normal",
        cause="limit",
        usage_bytes=525 * MIB,
        limit_bytes=640 * MIB,
        limit_source="cgroup v2",
        nodeid=ids[tests * 3 // 5],
    )
    critical = replace(warning, at_s=141.7, level="critical", previous="warning", usage_bytes=585 * MIB)
    normal = replace(warning, at_s=150.3, level="normal", previous="critical", usage_bytes=400 * MIB, alert=False)
    return (
        warning,
        replace(critical, nodeid=ids[tests * 13 // 20]),
        replace(normal, nodeid=ids[tests * 7 // 10]),
    )


def _cleanups(ids: list[str]) -> tuple[CleanupResult, ...]:
    tests = len(ids)
    frees = StrategyResult(
        name="full_gc", level="moderate", freed_bytes=3 * MIB, freed_entries=None, duration_s=0.02, error=None
    )
    fails = replace(frees, name="search_index", freed_bytes=None, duration_s=5.0, error="took more than 5 s")
    cleanup = CleanupResult(
        at_s=131.0,
        level="moderate",
        trigger="pressure",
        strategies=(frees, fails),
        freed_bytes=18 * MIB,
        duration_s=0.121,
        nodeid=ids[tests * 13 // 20],
    )
    planned = replace(cleanup, level="gentle", trigger="schedule", freed_bytes=9000)
    places = range(tests // 10, tests, max(tests // 8, 1))
    return (
        *(replace(planned, at_s=place * 0.02, nodeid=ids[place]) for place in places),
        cleanup,
        replace(cleanup, at_s=131.2, strategies=(), freed_bytes=None, refused="a cleanup was 0.2 s ago"),
    )


def _strategies() -> tuple[StrategyStatistics, ...]:
    pays = StrategyStatistics(
        name="functools_caches",
        level="moderate",
        category="interpreter",
        runs=4,
        measured_runs=3,
        freed_bytes=14 * MIB,
        freed_entries=2210,
        duration_s=0.006,
        measured_s=0.005,
    )
    return (
        pays,
        replace(pays, name="full_gc", category="gc", freed_bytes=4 * MIB, freed_entries=None, measured_s=0.08),
        replace(pays, name="heap_trim", level="aggressive", freed_bytes=0, freed_entries=None, duration_s=0.3),
        replace(
            pays, name="search_index", level="emergency", measured_runs=0, errors=1, last_error="took more than 5 s"
        ),
    )


def _held(tests: int, most: int, *, sawtooth: bool) -> tuple[ComponentPoint, ...]:
    """A course that rises to *most*, by and by or again and again."""
    steps = 120
    return tuple(
        ComponentPoint(
            tests=step * tests // steps,
            entries=(step * most // steps) if not sawtooth else step % 12 * most // 12,
            bytes=step * 400,
        )
        for step in range(steps + 1)
    )


def _components(ids: list[str]) -> tuple[ComponentUsage, ...]:
    usage = ComponentUsage(
        component="message_processing",
        nodeid=None,
        entries=495,
        bytes=49_500,
        grown_entries=410,
        grown_bytes=41_000,
        limits={"processed": 50, "history": 500},
        over=("processed",),
        peak_entries=520,
        grown_most_by=ids[len(ids) // 2],
        course=_held(len(ids), 495, sawtooth=False),
    )
    return (
        usage,
        replace(
            usage,
            component="search_index",
            entries=12_000,
            bytes=9 * MIB,
            limits={},
            over=(),
            state="shut down",
            course=_held(len(ids), 12_000, sawtooth=True),
            error="reset: took more than 5 s",
        ),
        replace(
            usage,
            component="accounts",
            entries=3,
            bytes=None,
            grown_entries=0,
            grown_bytes=None,
            limits={"open": 10},
            over=(),
            essential=True,
            state="restarted",
            grown_most_by=None,
            course=(),
        ),
    )
