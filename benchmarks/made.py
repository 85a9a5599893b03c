"""Runs made up for the pages: a report of any size that has everything, and the figures of many runs.

Nothing in it is random but by its seed: a page of the same size is the same page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from pytest_memguard import __version__
from pytest_memguard.acceptance import Acceptance
from pytest_memguard.events import (
    CleanupResult,
    ComponentUsage,
    PressureEvent,
    StrategyResult,
    StrategyStatistics,
)
from pytest_memguard.model import (
    AllocationSite,
    Diagnosis,
    Environment,
    Finding,
    GrownTest,
    LimitExceeded,
    MemoryRecord,
    Retainer,
    RoundSeries,
    RunReport,
    SessionGrowth,
    SessionSummary,
    TypeGrowth,
)

__all__ = ["MIB", "SEED", "MadeTests", "nodeid", "report"]

MIB = 1 << 20
SEED = 20260131
_START = 96 * MIB
_LEAKING = 3  # of the first tests, so that the smallest report has leaks, too
_VERDICTS = ("saturating", "one-off", "deferred", "inconclusive", "unchecked")
_REASONS = {
    "saturating": "functools.lru_cache of shop.pricing.voucher_rate, bounded: 256",
    "inconclusive": "it failed when it was repeated",
    "unchecked": "the budget was spent",
}
_AREAS = ("cart", "catalogue", "events", "importing", "notifications", "orders", "pricing", "reports", "stock")


def nodeid(number: int) -> str:
    """The id of one test; some are long, as parametrized ones are."""
    area = _AREAS[number % len(_AREAS)]
    if number % 7:
        return f"tests/{area}/test_{area}_{number % 97}.py::Test{area.title()}::test_case_{number}"
    long = "-".join(f"{word}={number}" for word in ("country", "currency", "customer_group", "delivery"))
    return f"tests/{area}/test_{area}_of_all_kinds.py::Test{area.title()}WithEverything::test_{area}[{long}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeTests:
    """The tests of a run, made one at a time as those of a real one are read."""

    number: int
    seed: int = SEED

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[MemoryRecord]:
        random = Random(self.seed)  # noqa: S311 - figures, not secrets
        level = _START
        for number in range(self.number):
            verdict = "leak" if number < _LEAKING else "clean"
            if number % 23 == 5:  # noqa: PLR2004 - here and there
                verdict = _VERDICTS[number % len(_VERDICTS)]
            peak = random.randrange(4, 60) * MIB if number % 41 == 3 else random.randrange(512) << 10  # noqa: PLR2004
            kept = random.randrange(-4, 7) * 4096
            yield MemoryRecord(
                nodeid=nodeid(number),
                worker="main",
                outcome="skipped" if number % 59 == 9 else "passed",  # noqa: PLR2004
                duration_s=random.random() ** 4,
                rss_before_bytes=level,
                rss_after_bytes=level + kept,
                peak_rss_bytes=level + max(peak, kept, 0),
                retained_bytes=kept // 2 + random.randrange(64),
                retained_blocks=random.randrange(40),
                verdict=verdict,  # type: ignore[arg-type]  # one of them
                reason=_REASONS.get(verdict),
            )
            level += kept


def report(tests: int, *, seed: int = SEED) -> RunReport:
    """A run of so many tests that had leaks, pressure, cleanups, components, limits and growth."""
    made = MadeTests(number=tests, seed=seed)
    records = list(made)
    highest = max(records, key=lambda record: record.peak_rss_bytes or 0)
    duration = max(sum(record.duration_s for record in records), 0.5)
    return RunReport(
        version=__version__,
        environment=Environment(
            python="3.11.7",
            platform="linux",
            probes={"heap": "psutil.heap_info", "rss": "/proc/self/statm"},
            limit_bytes=300 * MIB,
            limit_source="cgroup v2",
        ),
        session=SessionSummary(
            started="2026-01-31T12:00:00+00:00",
            duration_s=duration,
            tests=tests,
            exit_status=1,
            peak_rss_bytes=highest.peak_rss_bytes,
            peak_nodeid=highest.nodeid,
            rss_start_bytes=_START,
            rss_end_bytes=records[-1].rss_after_bytes,
            watching_cost_s=duration * 0.01,
            checking_cost_s=duration * 0.9,
            repetitions=round(tests * 1.3) + 60,
            checked=tests,
            clean_repetitions=tests,
            clean=max(tests - _LEAKING, 0),
            growth=SessionGrowth(
                suspected=True,
                confidence=0.8,
                slope_per_test=12288.0,
                gc_efficiency=0.03,
                reason="+12.0 KiB (3.1%) a test over 15 tests, a full collection gave back 3%",
                first_nodeid=nodeid(0),
                last_nodeid=nodeid(max(tests - 1, 0)),
            ),
        ),
        tests=made,
        leaks=_leaks(),
        **_around(duration),  # type: ignore[arg-type]  # by name
    )


def _leaks() -> tuple[Finding, ...]:
    thread = replace(
        _LEAK,
        nodeid=nodeid(1),
        witnesses=(nodeid(1),),
        kind="thread",
        phase="setup",
        fixture="worker",
        bytes_per_run=0,
        blocks_per_run=0,
        count_per_run=1,
        rounds=(RoundSeries(metric="threads", deltas=(1,) * 8),),
        confidence=0.95,
        resources=("poller-1, target shop.jobs.poll",),
        diagnosis=Diagnosis(
            sites=(_site("shop/jobs.py", 12, "start", "Thread(target=poll).start()"),), signature="77aa00c1"
        ),
        advice="tell the thread to stop and join() it in the teardown",
    )
    native = replace(
        _LEAK,
        nodeid=nodeid(2),
        witnesses=(nodeid(2),),
        kind="native",
        bytes_per_run=4096,
        blocks_per_run=0,
        rounds=(RoundSeries(metric="heap", deltas=(4096,) * 32),),
        confidence=0.94,
        diagnosis=Diagnosis(
            notes=("no Python object stays: the memory was allocated by a C extension",), signature="beef01d7"
        ),
        advice=None,
    )
    accepted = replace(
        _LEAK,
        nodeid=nodeid(3),
        witnesses=(nodeid(3),),
        verdict="suppressed",
        gates=False,
        reason="vendored code, fixed in its next release",
        suppressed_by="vendor/*",
        diagnosis=replace(_LEAK.diagnosis, signature="a0b1c2d3e4"),
    )
    return (_LEAK, thread, native, accepted)


def _site(file: str, line: int, function: str, source: str, size: int = 0) -> AllocationSite:
    return AllocationSite(file=file, line=line, function=function, bytes=size, count=1, source=source)


_LEAK = Finding(
    nodeid=nodeid(0),
    witnesses=tuple(nodeid(9 * number) for number in range(4)),
    kind="python",
    verdict="leak",
    gates=True,
    reason=None,
    severity="high",
    phase="call",
    fixture=None,
    bytes_per_run=MIB,
    blocks_per_run=30,
    count_per_run=0,
    rounds=(
        RoundSeries(metric="blocks", deltas=(30, 30, 31, 30, 30, 30, 29, 30)),
        RoundSeries(metric="heap", deltas=(MIB, MIB + 16, MIB, MIB, MIB - 16, MIB, MIB, MIB)),
    ),
    confidence=0.99,
    diagnosis=Diagnosis(
        types=(
            TypeGrowth(type="shop.cart.Order", count=10, bytes=480),
            TypeGrowth(type="shop.cart.LineOfAnOrderWithAllItsDiscounts", count=10, bytes=2320),
        ),
        sites=(
            _site("shop/cart.py", 41, "checkout", "order = Order(next(_numbers), cart.customer, cart.lines)", MIB),
            _site("shop/discounts.py", 120, "discounts_of", "return [Discount(line) for line in lines]", 2320),
        ),
        retained_at=(_site("shop/cart.py", 42, "checkout", "_ORDERS.append(order)"),),
        retainers=(
            Retainer(
                path="shop.cart._ORDERS[*]",
                root="shop.cart._ORDERS",
                type="shop.cart.Order",
                steps=("shop.cart._ORDERS (list)", "[*] shop.cart.Order", ".lines tuple", "[*] shop.cart.Line"),
                suspect=0,
            ),
        ),
        component="shop.cart",
        signature="3fa9c1d2e4",
    ),
    advice="it gets longer with each call: remove what is done with, or bound it (collections.deque(maxlen=..))",
)


def _around(duration: float) -> dict[str, Sequence[object]]:
    """What happened around the tests of a run that took so many seconds."""
    levels = (("warning", "normal", 246), ("critical", "warning", 276), ("normal", "critical", 150))
    pressure = [
        PressureEvent(
            at_s=duration * (0.4 + number / 10),
            level=level,  # type: ignore[arg-type]  # one of them
            previous=previous,  # type: ignore[arg-type]  # one of them
            cause="limit",
            usage_bytes=used * MIB,
            limit_bytes=300 * MIB,
            limit_source="cgroup v2",
            nodeid=nodeid(number),
        )
        for number, (level, previous, used) in enumerate(levels)
    ]
    cleanup = CleanupResult(
        at_s=duration * 0.52,
        level="moderate",
        trigger="pressure",
        strategies=(
            StrategyResult(name="full_gc", level="moderate", freed_bytes=3 * MIB, freed_entries=None, duration_s=0.02),
        ),
        freed_bytes=3 * MIB,
        duration_s=0.021,
        nodeid=nodeid(1),
    )
    strategies = [
        StrategyStatistics(
            name=name,
            level=level,
            category="caches",
            runs=4,
            measured_runs=4,
            freed_bytes=freed,
            freed_entries=40,
            duration_s=0.04,
            measured_s=0.03,
        )
        for name, level, freed in (("full_gc", "moderate", 3 * MIB), ("heap_trim", "aggressive", 40 * MIB))
    ]
    components = [
        ComponentUsage(
            component=f"messages.{name}",
            nodeid=nodeid(4),
            entries=495 + size,
            bytes=49500 * (size + 1),
            grown_entries=size,
            grown_bytes=size * 2000,
            limits={"history": 500},
            over=("history",) if size else (),
            peak_entries=520 + size,
            grown_most_by=nodeid(2),
        )
        for size, name in enumerate(("processed", "history"))
    ]
    grown = GrownTest(
        nodeid=nodeid(3),
        metric="peak",
        bytes=82 * MIB,
        usual_bytes=20 * MIB,
        lowest_bytes=19 * MIB,
        highest_bytes=21 * MIB,
        runs=10,
    )
    limit = LimitExceeded(
        nodeid=nodeid(4),
        limit_bytes=50 * MIB,
        peak_growth_bytes=80 * MIB,
        origin="@pytest.mark.memguard(limit='50 MiB')",
    )
    accepted = Acceptance(
        source="baseline",
        origin="memguard-baseline.yaml, line 5",
        patterns={"signature": "a0b1c2d3e4"},
        reason="vendored code, fixed in its next release",
        state="used",
        leaks=1,
        first_seen="2026-01-01",
        expires="2026-12-31",
    )
    return {
        "pressure": pressure,
        "cleanups": [cleanup],
        "strategies": strategies,
        "components": components,
        "grown": [grown],
        "limits": [limit],
        "accepted": [accepted],
        "warnings": ["fixtures not checked: db, cache"],
    }
