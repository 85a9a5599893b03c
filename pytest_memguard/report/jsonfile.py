"""The run's report as JSON, schema 1: what other programs read.

Sizes are bytes, times seconds; what could not be read is ``null``, never 0. The file is UTF-8, has one test and one
leak a line, and is made piece by piece: a report of 100,000 tests takes no more memory than one of ten.

What each key means is said in one place, the JSON Schema beside this module (``schema1.json``): the page of the
reference is made of it, and the tests hold reports against it.

In a merged report ``worker`` is the name of the shard's file, with that of the worker behind it where it had some.

``pressure`` and ``cleanups`` have the last ``historySize`` of each process. They and ``components`` are always there,
and empty where nothing of that kind has happened.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pytest_memguard.model import SCHEMA_VERSION, Environment, LimitExceeded, RunReport, SessionSummary

__all__ = ["render"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def render(report: RunReport) -> Iterator[str]:
    """The text of the JSON report of *report*, in pieces of about one test each, in order."""
    yield f'{{"schema": {SCHEMA_VERSION},\n'
    yield f'"tool": {_dump({"name": "pytest-memguard", "version": report.version})},\n'
    yield f'"environment": {_dump(_environment(report.environment))},\n'
    yield f'"session": {_dump(_session(report.session))},\n'
    yield from _array("tests", (record.to_json() for record in report.tests))
    yield from _array("leaks", (finding.to_json() for finding in report.leaks))
    yield from _array("limits", map(_limit, report.limits))
    yield from _array("pressure", (event.to_json() for event in report.pressure))
    yield from _array("cleanups", (result.to_json() for result in report.cleanups))
    yield from _array("strategies", (statistics.to_json() for statistics in report.strategies))
    yield from _array("components", (usage.to_json() for usage in report.components))
    yield from _array("accepted", (each.to_json() for each in report.accepted))
    yield from _array("grown", (grown.to_json() for grown in report.grown))
    yield from _array("failures", (failure.to_json() for failure in report.failures))
    yield from _array("warnings", report.warnings)
    yield from _array("errors", report.errors, last=True)
    yield "}\n"


def _array(name: str, values: Iterable[object], *, last: bool = False) -> Iterator[str]:
    """``"name": [..]`` with one value a line; every value is made, written and forgotten before the next."""
    yield f'"{name}": ['
    separator = "\n"
    for value in values:
        yield separator
        yield _dump(value)
        separator = ",\n"
    yield "]" if separator == "\n" else "\n]"
    yield "\n" if last else ",\n"


def _dump(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    # A lone surrogate (a file name that is no UTF-8) has no place in JSON: most parsers other than Python's refuse the
    # whole file for it. It is spelt out, backslash and all, as pytest does in its own ids.
    return text if text.isascii() else _SURROGATE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", text)


def _finite(value: Any) -> Any:
    """*value* with every NaN and infinity, which JSON does not have, as ``None``: not known."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _environment(environment: Environment) -> dict[str, object]:
    return {
        "python": environment.python,
        "platform": environment.platform,
        "limit_bytes": environment.limit_bytes,
        "limit_source": environment.limit_source,
        "probes": dict(environment.probes),
    }


def _session(session: SessionSummary) -> dict[str, object]:
    return {
        "started": session.started,
        "duration_s": session.duration_s,
        "tests": session.tests,
        "exit_status": session.exit_status,
        "peak_rss_bytes": session.peak_rss_bytes,
        "peak_nodeid": session.peak_nodeid,
        "rss_start_bytes": session.rss_start_bytes,
        "rss_end_bytes": session.rss_end_bytes,
        "own_cost_s": session.own_cost_s,
        "watching_cost_s": session.watching_cost_s,
        "checking_cost_s": session.checking_cost_s,
        "repetitions": session.repetitions,
        "clean_repetitions": session.clean_repetitions,
        "clean": session.clean,
        "checked": session.checked,
        "growth": session.growth.to_json(),
        "collections": None if session.collections is None else session.collections.to_json(),
    }


def _limit(limit: LimitExceeded) -> dict[str, object]:
    return {
        "nodeid": limit.nodeid,
        "limit_bytes": limit.limit_bytes,
        "peak_growth_bytes": limit.peak_growth_bytes,
        "origin": limit.origin,
        "gates": limit.gates,
    }
