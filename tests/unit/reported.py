"""Values for the tests of reports: one leak as it is usually seen, and runs made of what a test hands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_memguard.events import (
    CleanupResult,
    CollectedTest,
    CollectionSummary,
    ComponentUsage,
    GenerationSummary,
    PressureEvent,
    PressureFailure,
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

CHECKOUT = "tests/test_cart.py::test_checkout"

LEAK = Finding(
    nodeid=CHECKOUT,
    witnesses=(CHECKOUT,),
    kind="python",
    verdict="leak",
    gates=True,
    reason=None,
    severity="high",
    phase="call",
    fixture=None,
    bytes_per_run=1048576,
    blocks_per_run=30,
    count_per_run=0,
    rounds=(
        RoundSeries(metric="blocks", deltas=(30, 30, 30, 31, 30)),
        RoundSeries(metric="heap", deltas=(1048576, 1048592, 1048576, 1048576, 1048576)),
    ),
    confidence=0.99,
    diagnosis=Diagnosis(
        types=(
            TypeGrowth(type="shop.cart.Order", count=10, bytes=480),
            TypeGrowth(type="dict", count=10, bytes=2320),
        ),
        sites=(
            AllocationSite(
                file="shop/cart.py",
                line=41,
                function="checkout",
                bytes=1048576,
                count=10,
                source="    _ORDERS.append(Order(...))",
            ),
        ),
        retainers=(
            Retainer(
                path="shop.cart._ORDERS[*]",
                root="shop.cart._ORDERS",
                type="shop.cart.Order",
                steps=("shop.cart._ORDERS (list)", "[*] shop.cart.Order"),
                suspect=0,
            ),
        ),
        component="shop.cart",
        signature="3fa9c1d2e4",
    ),
)

THREAD = replace(
    LEAK,
    nodeid="tests/test_jobs.py::test_worker",
    witnesses=("tests/test_jobs.py::test_worker",),
    kind="thread",
    phase="setup",
    fixture="worker",
    bytes_per_run=0,
    blocks_per_run=0,
    count_per_run=1,
    rounds=(RoundSeries(metric="threads", deltas=(1, 1, 1)),),
    confidence=0.95,
    resources=("poller-1, target shop.jobs.poll",),
    diagnosis=Diagnosis(
        sites=(
            AllocationSite(
                file="shop/jobs.py", line=12, function="start", bytes=0, count=1, source="Thread(target=poll).start()"
            ),
        ),
        signature="77aa00",
    ),
    advice="join the thread, or stop it in the fixture's teardown",
)

NATIVE = replace(
    LEAK,
    nodeid="tests/test_parse.py::test_xml",
    witnesses=("tests/test_parse.py::test_xml",),
    kind="native",
    bytes_per_run=4096,
    blocks_per_run=0,
    confidence=0.949,
    rounds=(RoundSeries(metric="heap", deltas=(4096,) * 32),),
    diagnosis=Diagnosis(
        notes=("no Python object stays: the memory was allocated by a C extension",), signature="beef01"
    ),
)

LOW = replace(
    LEAK,
    nodeid="tests/test_env.py::test_path",
    gates=False,
    severity="low",
    reason="under 3 blocks per run and without a retainer outside the interpreter",
    bytes_per_run=16,
    blocks_per_run=1,
    diagnosis=Diagnosis(signature="10c0de"),
)

SUPPRESSED = replace(
    LEAK,
    nodeid="tests/test_cart.py::test_total",
    verdict="suppressed",
    gates=False,
    reason="vendored code, fixed in its next release",
    suppressed_by="pytest_memguard_suppress",
)

THIRD_PARTY = replace(
    LEAK,
    nodeid="tests/test_web.py::test_get",
    gates=False,
    reason="kept by the plugin pytest_web",
    bytes_per_run=2048,
    diagnosis=Diagnosis(
        retainers=(Retainer(path="pytest_web.plugin._SEEN[*]", root="pytest_web.plugin._SEEN", type="Response"),),
        signature="abc123ff",
    ),
)

VENDORED = replace(
    LEAK, diagnosis=replace(LEAK.diagnosis, sites=(replace(LEAK.diagnosis.sites[0], file="vendor/lib/cache.py"),))
)

USAGE = ComponentUsage(
    component="messages",
    nodeid="t.py::test_small",
    entries=495,
    bytes=49500,
    grown_entries=2,
    grown_bytes=200,
    limits={"history": 500},
)
FULL = replace(USAGE, nodeid="t.py::test_fill", entries=520, grown_entries=25, over=("history",))

LIMIT = LimitExceeded(
    nodeid="tests/test_import.py::test_big",
    limit_bytes=50 * 2**20,
    peak_growth_bytes=80 * 2**20,
    origin="@pytest.mark.memguard(limit='50 MiB')",
)

PRESSURE = PressureEvent(
    at_s=12.5,
    level="critical",
    previous="normal",
    cause="limit",
    usage_bytes=276 * 2**20,
    limit_bytes=300 * 2**20,
    limit_source="cgroup v2",
    nodeid=CHECKOUT,
)

CLEANUP = CleanupResult(
    at_s=12.6,
    level="moderate",
    trigger="pressure",
    strategies=(
        StrategyResult(
            name="full_gc", level="moderate", freed_bytes=3 * 2**20, freed_entries=None, duration_s=0.02, error=None
        ),
    ),
    freed_bytes=3 * 2**20,
    duration_s=0.021,
    nodeid=CHECKOUT,
)

PAYS = StrategyStatistics(
    name="full_gc",
    level="moderate",
    category="gc",
    runs=2,
    measured_runs=1,
    freed_bytes=3 * 2**20,
    freed_entries=40,
    duration_s=0.04,
    measured_s=0.02,
)

FAILS = StrategyStatistics(
    name="search_index",
    level="emergency",
    category="other",
    runs=1,
    duration_s=5.0,
    errors=1,
    last_error="took more than 5 s",
)

STOPPED = PressureFailure(
    nodeid=CHECKOUT,
    reason="98.4% of 300 MiB in use (cgroup v2), and an emergency cleanup did not help; "
    "tests/test_cart.py::test_checkout kept most: +10.0 MiB",
    stopped=True,
)

COLLECTIONS = CollectionSummary(
    generations=(
        GenerationSummary(runs=7, duration_s=0.002, freed=120, uncollectable=0),
        GenerationSummary(runs=1, duration_s=0.001, freed=10, uncollectable=0),
        GenerationSummary(runs=0, duration_s=0.0, freed=0, uncollectable=0),
    ),
    costliest=(CollectedTest(nodeid=CHECKOUT, runs=5, duration_s=0.0015, freed=90),),
)

GROWTH = SessionGrowth(
    suspected=True,
    confidence=0.8,
    slope_per_test=12288.0,
    gc_efficiency=0.03,
    reason="+12.0 KiB (3.1%) a test over 15 tests, a full collection gave back 3%",
    first_nodeid="tests/test_a.py::test_1",
    last_nodeid="tests/test_b.py::test_9",
)

GROWN = GrownTest(
    nodeid="tests/test_import.py::test_big",
    metric="peak",
    bytes=82 * 2**20,
    usual_bytes=20 * 2**20,
    lowest_bytes=19 * 2**20,
    highest_bytes=21 * 2**20,
    runs=10,
)

SESSION = SessionSummary(
    started="2025-01-31T12:00:00+00:00",
    duration_s=80.12,
    tests=412,
    exit_status=1,
    peak_rss_bytes=312 * 2**20,
    peak_nodeid="tests/test_import.py::test_big",
    rss_start_bytes=40 * 2**20,
    rss_end_bytes=44 * 2**20,
    watching_cost_s=0.12,
    checking_cost_s=38.0,
    repetitions=453,
    checked=412,
    clean_repetitions=453,
    clean=411,
)

ENVIRONMENT = Environment(
    python="3.11.7", platform="linux", probes={"heap": "psutil.heap_info", "rss": "/proc/self/statm"}
)


def record(nodeid: str, verdict: str = "clean", reason: str | None = None, outcome: str = "passed") -> MemoryRecord:
    """A test as pass 1 saw it."""
    return MemoryRecord(
        nodeid=nodeid,
        worker="main",
        outcome=outcome,
        duration_s=0.25,
        rss_before_bytes=1000,
        rss_after_bytes=1200,
        peak_rss_bytes=None,
        retained_bytes=96,
        retained_blocks=2,
        verdict=verdict,
        reason=reason,
    )


def hungry(nodeid: str) -> MemoryRecord:
    """A test whose peak is 200 MiB above where it started."""
    return replace(record(nodeid), peak_rss_bytes=1000 + 200 * 2**20)


def run(*leaks: Finding, tests: Sequence[MemoryRecord] = (), session: object = None, **parts: object) -> RunReport:
    """A run with these leaks; *session* has what differs from the usual session."""
    return RunReport(
        version="1.2.3",
        environment=ENVIRONMENT,
        session=replace(SESSION, **(session or {})),
        tests=tests,
        leaks=leaks,
        **parts,
    )
