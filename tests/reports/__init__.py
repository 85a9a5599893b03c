"""Reports as they come from real suites, of any size: ``python -m tests.reports FOLDER`` writes their pages.

The leaks are those of ``examples/``, so that a page has the lines of source; the rest is made up, the same each time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from pytest_memguard.events import CollectedTest, CollectionSummary, GenerationSummary
from pytest_memguard.model import (
    Environment,
    GrownTest,
    LimitExceeded,
    MemoryRecord,
    RunReport,
    SessionSummary,
)
from tests.reports.around import MIB, around
from tests.reports.evil import EVIL, hostile
from tests.reports.findings import ROOT, native, orders, stock, thread

__all__ = ["EVIL", "REPORTS", "ROOT", "clean", "five", "hostile", "many"]

_AREAS = ("api", "billing", "cart", "catalogue", "exports", "importing", "mail", "orders", "search", "stock", "users")
_THINGS = ("totals", "rounding", "empty", "unicode_names", "permissions", "retries", "ordering", "paging", "deletion")
_CASES = ("", "[card]", "[invoice-EUR]", "[2-False]", "[a/b.xml-\u00fcber]", "[None-3.5-True]")


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
        **around(ids),
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


REPORTS = {"five": five, "clean": clean, "many": many, "workers": lambda: many(2_000, workers=4)}
