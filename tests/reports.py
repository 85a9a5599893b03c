"""Reports as they come from real suites, of any size: ``python -m tests.reports FOLDER`` writes their pages.

The leaks are those of ``examples/``, so that a page has the lines of source; the rest is made up, the same each time.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.events import (
    CleanupResult,
    CollectedTest,
    CollectionSummary,
    ComponentPoint,
    ComponentUsage,
    GenerationSummary,
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
    SessionSummary,
    TypeGrowth,
)

ROOT = Path(__file__).resolve().parent.parent
MIB = 2**20

_AREAS = ("api", "billing", "cart", "catalogue", "exports", "importing", "mail", "orders", "search", "stock", "users")
_THINGS = ("totals", "rounding", "empty", "unicode_names", "permissions", "retries", "ordering", "paging", "deletion")
_CASES = ("", "[card]", "[invoice-EUR]", "[2-False]", "[a/b.xml-\u00fcber]", "[None-3.5-True]")


def site(path: str, source: str, function: str, *, size: int = 0, count: int = 0) -> AllocationSite:
    """The line of a file of this project that has that source."""
    lines = (ROOT / path).read_text("utf-8").splitlines()
    number = next(number for number, line in enumerate(lines, 1) if line.strip().startswith(source))
    return AllocationSite(
        file=path, line=number, function=function, bytes=size, count=count, source=lines[number - 1].strip()
    )


def orders(nodeid: str = "examples/tests/test_orders.py::test_checkout", *witnesses: str) -> Finding:
    """A list that every checkout makes longer."""
    return Finding(
        nodeid=nodeid,
        witnesses=(nodeid, *witnesses),
        kind="python",
        verdict="leak",
        gates=True,
        reason=None,
        severity="high",
        phase="call",
        fixture=None,
        bytes_per_run=388,
        blocks_per_run=7,
        count_per_run=4,
        rounds=(RoundSeries(metric="blocks", deltas=(7,) * 32),),
        confidence=0.99,
        diagnosis=Diagnosis(
            types=(
                TypeGrowth(type="shop.orders.Order", count=1, bytes=88),
                TypeGrowth(type="shop.cart.Line", count=2, bytes=96),
                TypeGrowth(type="tuple", count=1, bytes=56),
            ),
            sites=(
                site("examples/shop/orders.py", "order = Order(", "checkout", size=132, count=3),
                site("examples/shop/cart.py", "return tuple(Line(", "Cart.lines", size=152, count=3),
            ),
            retained_at=(site("examples/shop/orders.py", "_history.append(", "checkout"),),
            retainers=(
                Retainer(
                    path="shop.orders._history[*]",
                    root="shop.orders._history",
                    type="shop.orders.Order",
                    steps=("shop.orders._history (list)", "[*] shop.orders.Order"),
                    suspect=0,
                ),
            ),
            component="shop.orders",
            signature="750237fd43eb",
        ),
        advice="it gets longer with each call: remove what is done with, bound it (collections.deque(maxlen=..)), or "
        "make it part of an object that goes",
    )


def stock(nodeid: str = "examples/tests/test_stock.py::test_low_stock[2-False]") -> Finding:
    """A fixture that subscribes and never takes it back, with a long way to the root."""
    return replace(
        orders(),
        nodeid=nodeid,
        witnesses=(nodeid, "examples/tests/test_stock.py::test_low_stock[3-True]"),
        phase="setup",
        fixture="alert",
        bytes_per_run=160,
        blocks_per_run=3,
        rounds=(RoundSeries(metric="blocks", deltas=(3,) * 32),),
        diagnosis=Diagnosis(
            types=(
                TypeGrowth(type="shop.stock.LowStockAlert", count=1, bytes=80),
                TypeGrowth(type="method", count=1, bytes=64),
            ),
            sites=(
                site("examples/tests/test_stock.py", "return LowStockAlert(", "alert", size=96, count=2),
                site("examples/shop/stock.py", "events.subscribe(", "LowStockAlert.__init__", size=64, count=1),
            ),
            retained_at=(site("examples/shop/events.py", "self._listeners[topic].append(", "EventBus.subscribe"),),
            retainers=(
                Retainer(
                    path="shop.events.bus._listeners['stock.changed'][*].__self__",
                    root="shop.events.bus",
                    type="shop.stock.LowStockAlert",
                    steps=(
                        "shop.events.bus (shop.events.EventBus)",
                        "._listeners collections.defaultdict",
                        "['stock.changed'] list",
                        "[*] method",
                        ".__self__ shop.stock.LowStockAlert",
                    ),
                    suspect=2,
                ),
            ),
            component="shop.events",
            signature="53e31b5bc884",
        ),
        advice="take the subscription back (unsubscribe, disconnect, remove) when the subscriber goes, or hold "
        "subscribers by weakref.WeakMethod",
    )


def native(nodeid: str) -> Finding:
    """Memory of C code: no types, no path, a note."""
    noisy = random.Random(7)  # noqa: S311 - the same each time
    return replace(
        orders(),
        nodeid=nodeid,
        witnesses=(nodeid,),
        kind="native",
        bytes_per_run=4112,
        blocks_per_run=0,
        count_per_run=0,
        confidence=0.96,
        rounds=(RoundSeries(metric="heap", deltas=tuple(4096 + 16 * noisy.randrange(-40, 60) for _ in range(32))),),
        diagnosis=Diagnosis(
            sites=(
                AllocationSite(
                    file="imaging:codecs.py",
                    line=88,
                    function="decode",
                    bytes=4112,
                    count=1,
                    source="plane = _native.decode(data)",
                ),
            ),
            notes=("no Python object stays: the memory was allocated by a C extension (imaging._native)",),
            signature="beef01c0ffee",
        ),
        advice="free the plane where the image is closed: imaging._native.release()",
    )


def thread(nodeid: str) -> Finding:
    """A thread that a fixture leaves running."""
    return replace(
        orders(),
        nodeid=nodeid,
        witnesses=(nodeid,),
        kind="thread",
        phase="teardown",
        fixture="worker",
        bytes_per_run=0,
        blocks_per_run=0,
        count_per_run=1,
        rounds=(RoundSeries(metric="threads", deltas=(1, 1, 1, 1, 1, 1)),),
        resources=("poller-1 (daemon), target shop.jobs.poll",),
        diagnosis=Diagnosis(
            sites=(
                AllocationSite(
                    file="shop/jobs.py",
                    line=12,
                    function="start",
                    bytes=0,
                    count=1,
                    source="Thread(target=poll).start()",
                ),
            ),
            signature="77aa0012ff34",
        ),
        advice="join the thread, or stop it in the fixture's teardown",
    )


def five() -> RunReport:
    """Five tests, one of which leaks."""
    names = ("test_empty_cart", "test_checkout", "test_order_numbers_rise", "test_buy_again", "test_refund[invoice]")
    now = 50 * MIB
    records = []
    for number, name in enumerate(names):
        verdict, reason = ("leak", None) if name == "test_checkout" else ("clean", None)
        after = now + 40_960 * (number == 1) + 8192
        records.append(
            MemoryRecord(
                nodeid=f"examples/tests/test_orders.py::{name}",
                worker="main",
                outcome="passed",
                duration_s=0.0021 + number / 1000,
                rss_before_bytes=now,
                rss_after_bytes=after,
                peak_rss_bytes=after + 16384 * number,
                retained_bytes=388 if verdict == "leak" else 64,
                retained_blocks=7,
                verdict=verdict,
                reason=reason,
            )
        )
        now = after
    return RunReport(
        version="1.2.3",
        environment=_ENVIRONMENT,
        session=_session(records, repetitions=48, checking=2.4),
        tests=records,
        leaks=(orders(),),
    )


def clean() -> RunReport:
    """Five tests and nothing to say of them."""
    found = five()
    return replace(
        found,
        leaks=(),
        tests=[replace(record, verdict="clean") for record in found.tests],
        session=replace(found.session, exit_status=0),
    )


def many(tests: int = 10_000, *, workers: int = 1, seed: int = 1) -> RunReport:
    """A large suite with a bit of everything: leaks of several kinds, pressure, cleanups, components, warnings."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    records = list(_records(tests, workers, chance))
    ids = [record.nodeid for record in records]
    leaking = [orders(ids[tests // 3], *ids[tests // 3 + 1 : tests // 3 + 14]), stock(ids[tests // 2])]
    leaking += [native(ids[tests // 4]), thread(ids[tests * 5 // 6])]
    listed = replace(
        stock(ids[tests // 5]),
        verdict="suppressed",
        gates=False,
        reason="vendored, fixed in its next release",
        suppressed_by="baseline",
        diagnosis=replace(stock().diagnosis, signature="a0b1c2d3e4f5"),
    )
    places = {leak.nodeid: "leak" for leak in leaking} | {listed.nodeid: "suppressed"}
    records = [replace(record, verdict=places.get(record.nodeid, record.verdict)) for record in records]
    return RunReport(
        version="1.2.3",
        environment=replace(_ENVIRONMENT, limit_bytes=640 * MIB, limit_source="cgroup v2"),
        session=_session(records, repetitions=tests + 400, checking=tests * 0.011),
        tests=records,
        leaks=(*leaking, listed),
        limits=(
            LimitExceeded(
                nodeid=ids[tests // 7],
                limit_bytes=50 * MIB,
                peak_growth_bytes=82 * MIB,
                origin="@pytest.mark.memguard(limit='50 MiB')",
            ),
        ),
        grown=(
            GrownTest(
                nodeid=ids[tests // 9],
                metric="peak",
                bytes=82 * MIB,
                usual_bytes=20 * MIB,
                lowest_bytes=19 * MIB,
                highest_bytes=21 * MIB,
                runs=10,
            ),
        ),
        **_around(ids),
    )


_ENVIRONMENT = Environment(
    python="3.11.7",
    platform="Linux-6.1-x86_64-with-glibc2.36",
    probes={
        "rss": "/proc/self/statm",
        "heap": "psutil.heap_info",
        "peak": "VmHWM, reset through /proc/self/clear_refs",
    },
    limit_bytes=24 << 30,
    limit_source="physical",
)


def _records(tests: int, workers: int, chance: random.Random) -> Iterator[MemoryRecord]:
    now = [48 * MIB + 3 * MIB * worker for worker in range(workers)]
    for index in range(tests):
        worker = index % workers
        area, thing = _AREAS[index * len(_AREAS) // tests], chance.choice(_THINGS)
        before = now[worker]
        heavy = chance.random() < 0.003
        after = before + chance.choice((0, 0, 0, 4096, 4096, 16384, 65536, -4096))
        if heavy:
            after += chance.randrange(1, 6) * MIB
        if chance.random() < 0.002:
            after = max(after - 25 * MIB, 40 * MIB)
        now[worker] = after
        verdict, reason = _verdict(chance)
        outcome = chance.choices(("passed", "failed", "skipped"), (980, 6, 14))[0]
        yield MemoryRecord(
            nodeid=f"tests/{area}/test_{thing}.py::Test{thing.title().replace('_', '')}::test_{area}_{index}"
            + chance.choice(_CASES),
            worker="main" if workers == 1 else f"gw{worker}",
            outcome=outcome,
            duration_s=round(chance.expovariate(1 / 0.02), 5),
            rss_before_bytes=before,
            rss_after_bytes=after,
            peak_rss_bytes=max(before, after)
            + (chance.randrange(20, 120) * MIB if heavy else chance.choice((0, 8192))),
            retained_bytes=chance.choice((0, 0, 64, 96, 512, 2048, 90_000)),
            retained_blocks=chance.randrange(9),
            verdict=verdict if outcome == "passed" else "unchecked",
            reason=reason if outcome == "passed" else "only tests that pass are checked",
        )


def _verdict(chance: random.Random) -> tuple[str, str | None]:
    reasons = {
        "clean": None,
        "saturating": "filled functools cache of shop.pricing.rate up to its bound of 128",
        "one-off": "loaded xml.etree.ElementTree",
        "deferred": "freed by a collection after 3 more runs",
        "inconclusive": "it failed when it was repeated",
        "unchecked": "the budget was spent",
    }
    name = chance.choices(tuple(reasons), (9000, 40, 120, 60, 8, 500))[0]
    return name, reasons[name]


def _session(records: list[MemoryRecord], *, repetitions: int, checking: float) -> SessionSummary:
    worst = max(records, key=lambda record: record.peak_rss_bytes)
    unchecked = sum(record.verdict == "unchecked" for record in records)
    took = sum(record.duration_s for record in records)
    return SessionSummary(
        started="2026-11-23T09:12:44+00:00",
        duration_s=took * 1.003 + checking,
        tests=len(records),
        exit_status=1,
        peak_rss_bytes=worst.peak_rss_bytes,
        peak_nodeid=worst.nodeid,
        rss_start_bytes=records[0].rss_before_bytes,
        rss_end_bytes=records[-1].rss_after_bytes,
        watching_cost_s=took * 0.003,
        checking_cost_s=checking,
        repetitions=repetitions,
        checked=len(records) - unchecked,
        clean=len(records) - unchecked,
        clean_repetitions=round((len(records) - unchecked) * 1.1),
        collections=CollectionSummary(
            generations=tuple(
                GenerationSummary(runs=runs, duration_s=runs / 4000, freed=runs * 31, uncollectable=0)
                for runs in (900, 80, 7)
            ),
            costliest=(CollectedTest(nodeid=worst.nodeid, runs=5, duration_s=0.15, freed=9012),),
        ),
    )


def _around(ids: list[str]) -> dict[str, object]:
    """Pressure, cleanups and what else is told of a run besides its tests."""
    tests = len(ids)
    up, worse, down = ids[tests * 3 // 5], ids[tests * 13 // 20], ids[tests * 7 // 10]
    event = PressureEvent(
        at_s=130.2,
        level="warning",
        previous="normal",
        cause="limit",
        usage_bytes=525 * MIB,
        limit_bytes=640 * MIB,
        limit_source="cgroup v2",
        nodeid=up,
    )
    cleanup = CleanupResult(
        at_s=131.0,
        level="moderate",
        trigger="pressure",
        strategies=(
            StrategyResult(name="full_gc", level="moderate", freed_bytes=3 * MIB, freed_entries=None, duration_s=0.02),
            StrategyResult(
                name="search_index",
                level="emergency",
                freed_bytes=None,
                freed_entries=None,
                duration_s=5.0,
                error="took more than 5 s",
            ),
        ),
        freed_bytes=18 * MIB,
        duration_s=0.121,
        nodeid=worse,
    )
    planned = replace(cleanup, level="gentle", trigger="schedule", freed_bytes=9000)
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
    return {
        "pressure": (
            event,
            replace(event, at_s=141.7, level="critical", previous="warning", usage_bytes=585 * MIB, nodeid=worse),
            replace(
                event, at_s=150.3, level="normal", previous="critical", usage_bytes=400 * MIB, nodeid=down, alert=False
            ),
        ),
        "cleanups": (
            *(
                replace(planned, at_s=index * 0.02, nodeid=ids[index])
                for index in range(tests // 10, tests, max(tests // 8, 1))
            ),
            cleanup,
            replace(cleanup, at_s=131.2, strategies=(), freed_bytes=None, refused="a cleanup was 0.2 s ago"),
        ),
        "strategies": (
            pays,
            replace(pays, name="full_gc", category="gc", freed_bytes=4 * MIB, freed_entries=None, measured_s=0.08),
            replace(pays, name="heap_trim", level="aggressive", freed_bytes=0, freed_entries=None, duration_s=0.3),
            replace(
                pays, name="search_index", level="emergency", measured_runs=0, errors=1, last_error="took more than 5 s"
            ),
        ),
        "components": _components(ids),
        "accepted": (
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
        ),
        "warnings": (
            "component message_processing keeps growing: +410 entries from test_a to test_b, up in 14 of 15 steps",
            "fixtures not checked: db, cache",
        ),
    }


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


REPORTS = {"five": five, "clean": clean, "many": many, "workers": lambda: many(2_000, workers=4)}


if __name__ == "__main__":
    from pytest_memguard.report import write_report
    from pytest_memguard.report.pages.run import page_of_run

    for name, make in REPORTS.items():
        target = Path(sys.argv[1]) / f"{name}.html"
        write_report(target, page_of_run(str(ROOT))(make()), setting="the page", origin="the command line")
