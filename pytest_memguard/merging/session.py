"""The session that one run over all shards would have been: sums, extremes, and the worst way to end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from pytest_memguard.chronicle import COSTLIEST
from pytest_memguard.events import CollectionSummary
from pytest_memguard.merging.shards import Shard
from pytest_memguard.merging.tests import UnitedTests
from pytest_memguard.model import Environment, SessionGrowth, SessionSummary

__all__ = ["environment_of", "session_of", "worst_status"]

# pytest's exit codes, the worst first; 5 is "no tests", which is nothing where another shard has some.
_STATUSES = (3, 4, 2, 1, 0, 5)


def session_of(shards: Sequence[Shard], tests: UnitedTests) -> SessionSummary:
    """Times, counts and repetitions add up; memory is that of the shard that took most, as it is of workers."""
    sessions = [shard.run.session for shard in shards]
    hungriest = max(sessions, key=lambda session: session.peak_rss_bytes or 0)
    return SessionSummary(
        started=min((session.started for session in sessions), key=_moment),
        duration_s=sum(session.duration_s for session in sessions),
        tests=len(tests),
        exit_status=worst_status(session.exit_status for session in sessions),
        peak_rss_bytes=hungriest.peak_rss_bytes,
        peak_nodeid=hungriest.peak_nodeid,
        rss_start_bytes=hungriest.rss_start_bytes,
        rss_end_bytes=hungriest.rss_end_bytes,
        watching_cost_s=sum(session.watching_cost_s for session in sessions),
        checking_cost_s=sum(session.checking_cost_s for session in sessions),
        repetitions=sum(session.repetitions for session in sessions),
        checked=max(sum(session.checked for session in sessions) - tests.checked_twice, 0),
        clean_repetitions=sum(session.clean_repetitions for session in sessions),
        clean=max(sum(session.clean for session in sessions) - tests.clean_twice, 0),
        growth=_growth(session.growth for session in sessions),
        collections=_collections(session.collections for session in sessions),
    )


def worst_status(statuses: Iterable[int]) -> int:
    """The exit status of a run that has all these parts; one that is none of pytest's is the worst."""
    return min(statuses, key=lambda status: _STATUSES.index(status) if status in _STATUSES else -1)


def environment_of(shards: Sequence[Shard]) -> Environment:
    """The values that there are, each once; the limit is the one that is reached first."""
    environments = [shard.run.environment for shard in shards]
    limits = [(e.limit_bytes, e.limit_source) for e in environments if e.limit_bytes is not None]
    limit_bytes, limit_source = min(limits, key=lambda limit: limit[0], default=(None, None))
    probes: dict[str, str] = {}
    for environment in reversed(environments):
        probes.update(environment.probes)
    return Environment(
        python=_each_once(environment.python for environment in environments),
        platform=_each_once(environment.platform for environment in environments),
        probes=probes,
        limit_bytes=limit_bytes,
        limit_source=limit_source,
    )


def _each_once(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, values)))


def _moment(started: str) -> tuple[bool, datetime]:
    """To sort by: times without a zone are taken as UTC, texts that are no times come last."""
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return True, datetime.max.replace(tzinfo=timezone.utc)
    return False, moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _growth(growths: Iterable[SessionGrowth]) -> SessionGrowth:
    """The one that is surest, as it is of workers."""
    return max(growths, key=lambda growth: (growth.suspected, growth.confidence))


def _collections(summaries: Iterable[CollectionSummary | None]) -> CollectionSummary | None:
    found: CollectionSummary | None = None
    for summary in summaries:
        if summary is not None:
            found = summary if found is None else found.merged(summary, most=COSTLIEST)
    return None if found is None else replace(found, costliest=found.costliest[:COSTLIEST])
