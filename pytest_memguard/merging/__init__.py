"""Reports of the shards of a run as the report that one run over all of them would have given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from pytest_memguard.events import (
    CleanupResult,
    ComponentUsage,
    PressureEvent,
    PressureFailure,
    StrategyStatistics,
    by_pay,
)
from pytest_memguard.gate import group
from pytest_memguard.merging.accepted import accepted_of
from pytest_memguard.merging.session import environment_of, session_of
from pytest_memguard.merging.shards import Shard, differences, labelled
from pytest_memguard.merging.tests import UnitedTests, unite
from pytest_memguard.model import Finding, LimitExceeded, RunReport

__all__ = ["merged", "notes"]

_Happened = TypeVar("_Happened", PressureEvent, CleanupResult, ComponentUsage, PressureFailure)
_MOST_NAMED = 3


def merged(paths: Sequence[str], runs: Sequence[RunReport]) -> RunReport:
    """The one report of *runs*, of which there is at least one; *paths* are the files that they were read from.

    What happened in a process keeps its worker's name behind the name of its file.
    """
    shards = labelled(paths, runs)
    tests = unite(shards)
    versions = {run.version for run in runs}
    return RunReport(
        version=runs[0].version if len(versions) == 1 else ", ".join(sorted(versions)),
        environment=environment_of(shards),
        session=session_of(shards, tests),
        tests=tests,
        leaks=_leaks(shards),
        limits=_limits(shards),
        pressure=[_labelled(event, shard) for shard in shards for event in shard.run.pressure],
        cleanups=[_labelled(result, shard) for shard in shards for result in shard.run.cleanups],
        strategies=_strategies(shards),
        failures=[_labelled(failure, shard) for shard in shards for failure in shard.run.failures],
        warnings=_each_once([*notes(shards, tests), *(text for shard in shards for text in shard.run.warnings)]),
        errors=[shard.of_this(error) for shard in shards for error in shard.run.errors],
        components=[_labelled(usage, shard) for shard in shards for usage in shard.run.components],
        accepted=accepted_of(shards),
        grown=list({(grown.nodeid, grown.metric): grown for shard in shards for grown in shard.run.grown}.values()),
    )


def notes(shards: Sequence[Shard], tests: UnitedTests) -> Iterator[str]:
    """What a reader of the merged report has to know of the merging."""
    yield from differences(shards)
    if tests.repeated:
        named = ", ".join([*tests.repeated][:_MOST_NAMED])
        more = len(tests.repeated) - _MOST_NAMED
        told = f"{named} and {more} more" if more > 0 else named
        yield f"of tests that several of the merged reports have, the worse verdict counts: {told}"


def _leaks(shards: Sequence[Shard]) -> Sequence[Finding]:
    """One finding a cause, as in one run; where a leak is accepted in one shard only, it is not accepted."""
    findings = [finding for shard in shards for finding in shard.run.leaks]
    # The first of those that have one cause speaks for all of them.
    return group(sorted(findings, key=lambda finding: not finding.gates))


def _limits(shards: Sequence[Shard]) -> list[LimitExceeded]:
    """Each once; of a test in several shards the highest peak."""
    found: dict[tuple[str, int, str], LimitExceeded] = {}
    for shard in shards:
        for limit in shard.run.limits:
            key = (limit.nodeid, limit.limit_bytes, limit.origin)
            known = found.get(key, limit)
            highest = max(known.peak_growth_bytes, limit.peak_growth_bytes)
            found[key] = replace(known, peak_growth_bytes=highest, gates=known.gates or limit.gates)
    return list(found.values())


def _strategies(shards: Sequence[Shard]) -> list[StrategyStatistics]:
    found: dict[str, StrategyStatistics] = {}
    for shard in shards:
        for statistics in shard.run.strategies:
            known = found.get(statistics.name)
            found[statistics.name] = statistics if known is None else known.merged(statistics)
    return by_pay(found.values())


def _labelled(happened: _Happened, shard: Shard) -> _Happened:
    return replace(happened, worker=shard.worker(happened.worker))


def _each_once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
