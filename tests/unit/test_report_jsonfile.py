"""The JSON report: schema 1, key by key, and no more memory for more tests."""

from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import replace

import pytest

from pytest_memguard.model import RunReport
from pytest_memguard.report import jsonfile
from tests.unit import reported
from tests.unit.reported import (
    CHECKOUT,
    CLEANUP,
    COLLECTIONS,
    FAILS,
    GROWN,
    GROWTH,
    LEAK,
    LIMIT,
    NATIVE,
    PAYS,
    PRESSURE,
    STOPPED,
    SUPPRESSED,
    THREAD,
    record,
    run,
)

NUMBER = (int, float)
OPTIONAL_INT = (int, type(None))
OPTIONAL_TEXT = (str, type(None))

# product.md section 8, and what jsonfile.py documents beyond it: each key and the type of its value.
TOP = {
    "schema": int,
    "tool": {"name": str, "version": str},
    "environment": {
        "python": str,
        "platform": str,
        "limit_bytes": OPTIONAL_INT,
        "limit_source": OPTIONAL_TEXT,
        "probes": dict,
    },
    "session": {
        "started": str,
        "duration_s": NUMBER,
        "tests": int,
        "exit_status": int,
        "peak_rss_bytes": OPTIONAL_INT,
        "peak_nodeid": OPTIONAL_TEXT,
        "rss_start_bytes": OPTIONAL_INT,
        "rss_end_bytes": OPTIONAL_INT,
        "own_cost_s": NUMBER,
        "watching_cost_s": NUMBER,
        "checking_cost_s": NUMBER,
        "repetitions": int,
        "clean_repetitions": int,
        "clean": int,
        "checked": int,
        "growth": {
            "suspected": bool,
            "confidence": NUMBER,
            "slope_per_test": NUMBER,
            "gc_efficiency": (*NUMBER, type(None)),
            "reason": OPTIONAL_TEXT,
            "first_nodeid": OPTIONAL_TEXT,
            "last_nodeid": OPTIONAL_TEXT,
            "gates": bool,
        },
        "collections": (dict, type(None)),
    },
    "tests": [
        {
            "nodeid": str,
            "worker": str,
            "outcome": str,
            "duration_s": NUMBER,
            "rss_before_bytes": OPTIONAL_INT,
            "rss_after_bytes": OPTIONAL_INT,
            "peak_rss_bytes": OPTIONAL_INT,
            "retained_bytes": OPTIONAL_INT,
            "retained_blocks": OPTIONAL_INT,
            "verdict": str,
            "reason": OPTIONAL_TEXT,
        }
    ],
    "leaks": [
        {
            "nodeid": str,
            "witnesses": [str],
            "kind": str,
            "verdict": str,
            "gates": bool,
            "reason": OPTIONAL_TEXT,
            "severity": str,
            "phase": str,
            "fixture": OPTIONAL_TEXT,
            "bytes_per_run": int,
            "blocks_per_run": int,
            "count_per_run": int,
            "resources": [str],
            "rounds": [{"metric": str, "deltas": [int]}],
            "confidence": (*NUMBER, type(None)),
            "types": [{"type": str, "count": int, "bytes": int}],
            "sites": [{"file": str, "line": int, "function": str, "bytes": int, "count": int, "source": str}],
            "retained_at": [{"file": str, "line": int, "function": str, "bytes": int, "count": int, "source": str}],
            "retainers": [{"path": str, "root": str, "type": str, "steps": [str], "suspect": OPTIONAL_INT}],
            "notes": [str],
            "component": OPTIONAL_TEXT,
            "signature": str,
            "suppressed_by": OPTIONAL_TEXT,
            "advice": OPTIONAL_TEXT,
        }
    ],
    "limits": [{"nodeid": str, "limit_bytes": int, "peak_growth_bytes": int, "origin": str, "gates": bool}],
    "pressure": [
        {
            "at_s": NUMBER,
            "level": str,
            "previous": str,
            "cause": str,
            "usage_bytes": int,
            "limit_bytes": int,
            "limit_source": str,
            "nodeid": OPTIONAL_TEXT,
            "worker": str,
            "alert": bool,
            "share": NUMBER,
        }
    ],
    "cleanups": [
        {
            "at_s": NUMBER,
            "level": str,
            "trigger": str,
            "strategies": [
                {
                    "name": str,
                    "level": str,
                    "freed_bytes": OPTIONAL_INT,
                    "freed_entries": OPTIONAL_INT,
                    "duration_s": NUMBER,
                    "error": OPTIONAL_TEXT,
                    "note": OPTIONAL_TEXT,
                }
            ],
            "freed_bytes": OPTIONAL_INT,
            "duration_s": NUMBER,
            "nodeid": OPTIONAL_TEXT,
            "worker": str,
            "refused": OPTIONAL_TEXT,
        }
    ],
    "strategies": [
        {
            "name": str,
            "level": str,
            "category": str,
            "runs": int,
            "measured_runs": int,
            "freed_bytes": int,
            "freed_entries": OPTIONAL_INT,
            "duration_s": NUMBER,
            "measured_s": NUMBER,
            "errors": int,
            "last_error": OPTIONAL_TEXT,
            "bytes_per_ms": (*NUMBER, type(None)),
        }
    ],
    "components": [],
    "accepted": [
        {
            "source": str,
            "origin": str,
            "patterns": dict,
            "reason": OPTIONAL_TEXT,
            "state": str,
            "leaks": int,
            "first_seen": OPTIONAL_TEXT,
            "expires": OPTIONAL_TEXT,
        }
    ],
    "grown": [
        {
            "nodeid": str,
            "metric": str,
            "bytes": int,
            "usual_bytes": int,
            "lowest_bytes": int,
            "highest_bytes": int,
            "runs": int,
            "gates": bool,
        }
    ],
    "failures": [{"nodeid": str, "reason": str, "stopped": bool, "worker": str}],
    "warnings": [str],
    "errors": [str],
}


def departures(value, schema, where="$"):
    """Every place where *value* is not what *schema* says."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            yield f"{where}: no object"
            return
        if list(value) != list(schema):
            yield f"{where}: {list(value)} are not the keys {list(schema)}"
        for key in schema.keys() & value.keys():
            yield from departures(value[key], schema[key], f"{where}.{key}")
    elif isinstance(schema, list):
        if not isinstance(value, list) or (value and not schema):
            yield f"{where}: no list, or not empty"
            return
        for index, entry in enumerate(value):
            yield from departures(entry, schema[0], f"{where}[{index}]")
    elif not isinstance(value, schema) or (isinstance(value, bool) and schema is not bool):
        yield f"{where}: {value!r} is no {schema}"


def text_of(report):
    return "".join(jsonfile.render(report))


def strict(text):
    """Parse as the standard has it: no NaN, no doubled keys."""

    def unique(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def refused(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refused, object_pairs_hook=unique)


def full():
    environment = replace(reported.ENVIRONMENT, limit_bytes=2**30, limit_source="cgroup v2")
    tests = [record("t.py::a"), record("t.py::b", "leak"), record("t.py::c", "inconclusive", "noisy")]
    leaks = (LEAK, NATIVE, THREAD, SUPPRESSED)
    around = {"pressure": [PRESSURE], "cleanups": [CLEANUP], "strategies": [PAYS, FAILS], "failures": [STOPPED]}
    parts = {"limits": [LIMIT], "grown": [GROWN], "warnings": ["w"], "errors": ["e1", "e2"], **around}
    session = {"growth": GROWTH, "collections": COLLECTIONS}
    return replace(run(*leaks, tests=tests, session=session, **parts), environment=environment)


@pytest.mark.parametrize(
    "report", [full(), run(), run(session={"peak_rss_bytes": None})], ids=["full", "empty", "null"]
)
def test_the_schema_is_kept(report):
    assert list(departures(strict(text_of(report)), TOP)) == []


def test_the_check_of_the_schema_can_fail():
    data = strict(text_of(full()))
    data["leaks"][0]["gates"] = 1
    data["tests"][1]["peak_rss_bytes"] = "0"
    del data["session"]["growth"]["reason"]
    data["components"].append({})

    assert len(list(departures(data, TOP))) == 4


def test_values_arrive_as_they_are():
    data = strict(text_of(full()))

    assert data["schema"] == 1
    assert data["tool"] == {"name": "pytest-memguard", "version": "1.2.3"}
    assert data["session"]["own_cost_s"] == 38.12
    assert data["session"]["growth"]["gc_efficiency"] == 0.03
    assert [entry["verdict"] for entry in data["tests"]] == ["clean", "leak", "inconclusive"]
    assert data["tests"][0]["peak_rss_bytes"] is None
    assert data["leaks"][0] == json.loads(json.dumps(LEAK.to_json()))
    assert data["errors"] == ["e1", "e2"]
    assert data["pressure"] == [json.loads(json.dumps(PRESSURE.to_json()))]
    assert data["cleanups"] == [json.loads(json.dumps(CLEANUP.to_json()))]
    assert data["session"]["collections"]["generations"][0]["runs"] == 7
    assert data["session"]["collections"]["costliest"][0]["nodeid"] == CHECKOUT


def test_one_test_a_line():
    lines = text_of(full()).splitlines()

    assert sum(entry.startswith('{"nodeid": "t.py::') for entry in lines) == 3
    assert text_of(full()).endswith("}\n")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_does_not_have_is_null(value):
    report = run(replace(LEAK, confidence=value), tests=[replace(record("t"), duration_s=value)])
    data = strict(text_of(report))

    assert data["leaks"][0]["confidence"] is None
    assert data["tests"][0]["duration_s"] is None
    assert data["leaks"][0]["rounds"][0]["deltas"] == [30, 30, 30, 31, 30]


def test_ids_that_are_no_unicode_do_not_spoil_the_file():
    report = run(tests=[record("t.py::\udcff[東京\u2028\x00]")], warnings=["\ud83d alone", "😀 whole"])
    text = text_of(report)
    data = strict(text.encode("utf-8").decode("utf-8"))

    assert data["tests"][0]["nodeid"] == "t.py::\\udcff[東京\u2028\x00]"
    assert data["warnings"] == ["\\ud83d alone", "😀 whole"]


class Many:
    """Records that exist one at a time, as the real ones do."""

    def __init__(self, number):
        self.number = number

    def __len__(self):
        return self.number

    def __iter__(self):
        return (record(f"tests/test_many.py::test_{index}") for index in range(self.number))


def peak_of(report: RunReport) -> int:
    tracemalloc.start()
    try:
        for chunk in jsonfile.render(report):
            assert len(chunk) < 10_000
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_tests():
    few, many = (peak_of(run(tests=Many(number))) for number in (100, 10_000))

    # A list of 10,000 such entries would take some 10 MB.
    assert many < few + 50_000
