"""Reports of shards as one: tests, leaks and figures as one run over all would have had them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.gate import Gate, judged
from pytest_memguard.merging import merged
from pytest_memguard.merging.session import worst_status
from pytest_memguard.merging.shards import labels_of
from pytest_memguard.model import Environment
from tests.unit.reported import (
    CLEANUP,
    COLLECTIONS,
    ENVIRONMENT,
    FAILS,
    GROWTH,
    LEAK,
    LIMIT,
    PAYS,
    PRESSURE,
    STOPPED,
    SUPPRESSED,
    THREAD,
    USAGE,
    record,
    run,
)

A = "t.py::test_a"
B = "t.py::test_b"
C = "t.py::test_c"


def shard(*leaks, tests=(), **parts):
    """A run whose figures are those of its tests."""
    checked = sum(test.verdict != "unchecked" for test in tests)
    clean = sum(test.verdict in ("clean", "one-off") for test in tests)
    session = {"tests": len(tests), "checked": checked, "clean": clean, **parts.pop("session", {})}
    return run(*leaks, tests=tests, session=session, **parts)


def merge(*runs):
    """The merged report of ``a.json``, ``b.json``, .."""
    return merged([f"{name}.json" for name in "abcdefgh"[: len(runs)]], runs)


def verdicts(report):
    return {test.nodeid: test.verdict for test in report.tests}


def test_tests_come_in_order_and_know_their_shard():
    report = merge(shard(tests=(record(A), record(B))), shard(tests=(replace(record(C), worker="gw1"),)))

    assert [(test.nodeid, test.worker) for test in report.tests] == [(A, "a"), (B, "a"), (C, "b:gw1")]
    assert (len(report.tests), report.session.tests, report.session.checked) == (3, 3, 3)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("one", "other", "worse"),
    [
        ("leak", "clean", "leak"),
        ("suspect", "suppressed", "suspect"),
        ("inconclusive", "saturating", "inconclusive"),
        ("clean", "unchecked", "clean"),
        ("one-off", "clean", "one-off"),
    ],
)
def test_of_a_test_in_two_shards_the_worse_verdict_counts_and_that_is_said(one, other, worse, order):
    runs = [shard(tests=(record(A, one),)), shard(tests=(record(B), record(A, other)))]
    report = merge(*runs[::order])

    assert verdicts(report) == {A: worse, B: "clean"}
    (test,) = (test for test in report.tests if test.nodeid == A)
    assert test.reason == f"{one if worse != one else other} in {'ab'[::order][worse == one]}"
    assert report.warnings == [
        f"of tests that several of the merged reports have, the worse verdict counts: {A}",
    ]


def test_a_test_in_several_shards_is_counted_once():
    report = merge(*[shard(tests=(record(A), record(B)))] * 3, shard(tests=(record(A, "unchecked"),)))

    assert (len(list(report.tests)), len(report.tests)) == (2, 2)
    assert (report.session.checked, report.session.clean) == (2, 2)


def test_the_worse_outcome_of_a_test_in_two_shards_counts():
    report = merge(shard(tests=(record(A, "leak"),)), shard(tests=(record(A, "unchecked", outcome="failed"),)))

    ((_, outcome),) = [(test.verdict, test.outcome) for test in report.tests]
    assert outcome == "failed"


def test_a_test_that_one_run_has_twice_is_there_twice():
    report = merge(shard(tests=(record(A), record(A))), shard(tests=(record(B),)))

    assert [test.nodeid for test in report.tests] == [A, A, B]
    assert report.warnings == []


def test_one_cause_is_one_finding_with_the_witnesses_of_all_as_in_one_run():
    leaks = [replace(LEAK, nodeid=nodeid, witnesses=(nodeid,), confidence=c) for nodeid, c in ((A, 0.9), (B, 0.99))]
    together = judged(leaks, Gate(on_leak=True), lambda _finding: None)

    (leak,) = merge(*[shard(leak) for leak in leaks]).leaks

    assert [leak] == together
    assert (leak.witnesses, leak.confidence) == ((A, B), 0.99)


CAUSES = (LEAK, replace(LEAK, phase="teardown"), replace(LEAK, phase="setup", fixture="cart"), THREAD, SUPPRESSED)


@given(places=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(CAUSES) | st.none()), min_size=1, max_size=20))
def test_however_a_run_is_cut_merged_it_is_the_whole(places):
    tests = [record(f"t.py::test_{number}", "leak" if cause else "clean") for number, (_, cause) in enumerate(places)]
    leaks = [
        cause and replace(cause, nodeid=test.nodeid, witnesses=(test.nodeid,))
        for test, (_, cause) in zip(tests, places, strict=True)
    ]
    cut = [[number for number, (place, _) in enumerate(places) if place == shard_] for shard_ in range(4)]
    accepted = {leak.nodeid: leak.reason for leak in leaks if leak and leak.verdict == "suppressed"}

    def run_of(numbers):
        found = judged(
            [leaks[number] for number in numbers if leaks[number]],
            Gate(on_leak=True),
            lambda finding: accepted.get(finding.nodeid),
        )
        return shard(*found, tests=[tests[number] for number in numbers])

    whole, united = run_of(range(len(places))), merge(*map(run_of, cut))

    assert verdicts(united) == verdicts(whole)
    for name in ("tests", "checked", "clean"):
        assert getattr(united.session, name) == getattr(whole.session, name)
    assert witnesses(united) == witnesses(whole)


def witnesses(report):
    """By what tells one cause from another, the tests that show it, and those of them that gate."""
    return {
        (leak.diagnosis.signature, leak.phase, leak.fixture): (set(leak.witnesses), leak.gates) for leak in report.leaks
    }


def test_other_causes_stay_apart():
    assert len(merge(shard(LEAK), shard(THREAD)).leaks) == 2


@pytest.mark.parametrize("order", [1, -1])
def test_what_gates_in_one_shard_gates(order):
    other = replace(LEAK, nodeid=A, gates=False, reason="third-party")

    for quiet in (other, replace(SUPPRESSED, nodeid=A)):
        (leak,) = merge(*[shard(LEAK), shard(quiet)][::order]).leaks
        assert (leak.gates, leak.verdict, leak.nodeid) == (True, "leak", LEAK.nodeid)


def test_a_leak_that_is_accepted_everywhere_stays_so():
    (leak,) = merge(shard(SUPPRESSED), shard(SUPPRESSED)).leaks

    assert (leak.gates, leak.verdict) == (False, "suppressed")


def test_figures_add_up_and_memory_is_that_of_the_hungriest():
    one = shard(tests=(record(A),), session={"peak_rss_bytes": None, "started": "2025-01-31T14:00:00+02:00"})
    two = shard(tests=(record(B),), session={"started": "2025-01-31T11:59:59+00:00", "growth": GROWTH})
    three = shard(session={"peak_rss_bytes": 5, "peak_nodeid": A, "started": "yesterday", "collections": COLLECTIONS})
    session = merge(one, two, three).session

    assert session.duration_s == pytest.approx(3 * 80.12)
    assert session.checking_cost_s == pytest.approx(3 * 38.0)
    assert session.repetitions == 3 * 453
    assert (session.peak_rss_bytes, session.peak_nodeid) == (312 * 2**20, "tests/test_import.py::test_big")
    assert session.started == "2025-01-31T11:59:59+00:00"
    assert session.growth == GROWTH
    assert session.collections == COLLECTIONS


@pytest.mark.parametrize(
    ("statuses", "worst"), [((0, 1), 1), ((5, 0), 0), ((5, 5), 5), ((1, 2, 0), 2), ((2, 3, 4), 3), ((3, 137), 137)]
)
def test_the_worst_way_to_end_counts(statuses, worst):
    assert worst_status(statuses) == worst


def test_what_happened_keeps_its_process():
    parts = {"pressure": (PRESSURE,), "cleanups": (CLEANUP,), "failures": (STOPPED,), "components": (USAGE,)}
    report = merge(shard(errors=["watching: no"], **parts), shard(**parts))

    for name in parts:
        assert [happened.worker for happened in getattr(report, name)] == ["a", "b"]
    assert report.errors == ["a: watching: no"]


def test_strategies_add_up_and_limits_keep_the_highest_peak():
    higher = replace(LIMIT, peak_growth_bytes=LIMIT.peak_growth_bytes + 1, gates=False)
    report = merge(shard(strategies=(PAYS, FAILS), limits=(LIMIT,)), shard(strategies=(PAYS,), limits=(higher,)))

    assert [(entry.name, entry.runs) for entry in report.strategies] == [("full_gc", 4), ("search_index", 1)]
    assert report.limits == [replace(higher, gates=True)]


def test_warnings_are_told_once():
    assert merge(shard(warnings=("w", "x")), shard(warnings=("w",))).warnings == ["w", "x"]


def test_environments_that_differ_are_told():
    other = Environment(
        python="3.13.0", platform="linux", probes={"rss": "ps"}, limit_bytes=5, limit_source="cgroup v2"
    )
    report = merge(shard(), replace(shard(), environment=other, version="1.3.0"), shard())

    assert report.environment.python == "3.11.7, 3.13.0"
    assert report.environment.probes == ENVIRONMENT.probes
    assert (report.environment.limit_bytes, report.environment.limit_source) == (5, "cgroup v2")
    assert report.version == "1.2.3, 1.3.0"
    assert [warning.partition(";")[0] for warning in report.warnings] == [
        "the merged reports differ in pytest-memguard: 1.2.3 in a, c",
        "the merged reports differ in Python: 3.11.7 in a, c",
    ]


def test_one_report_stays_what_it_is():
    alone = shard(LEAK, tests=(record(A),), pressure=(PRESSURE,), errors=("no",))
    report = merged(["x.json"], [alone])

    assert list(report.tests) == list(alone.tests)
    assert (report.session, report.environment) == (alone.session, alone.environment)
    assert [list(getattr(report, name)) for name in ("leaks", "pressure", "errors")] == [[LEAK], [PRESSURE], ["no"]]


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (["a.json", "x/b.json"], ["a", "b"]),
        (["1/r.json", "2/r.json"], ["1/r", "2/r"]),
        (["1/x/r.json", "2/x/r.json"], ["1/x/r", "2/x/r"]),
        (["1/x/y/r.json", "2/x/y/r.json"], ["shard1", "shard2"]),
    ],
)
def test_shards_are_called_by_the_shortest_name_that_tells_them_apart(paths, labels):
    assert labels_of(paths) == labels


def accepted(state, signature="3fa9c1", leaks=0):
    return Acceptance(
        source="baseline",
        origin="known.yaml, line 5",
        patterns={"signature": signature},
        reason="before 2.0",
        state=state,
        leaks=leaks,
    )


@pytest.mark.parametrize(
    ("states", "united"),
    [
        (("used", "fixed"), "used"),
        (("not seen", "used"), "used"),
        (("expired", "used"), "expired"),
        (("fixed", "not seen"), "fixed"),
        (("unused", "not seen"), "not seen"),
        (("unused", "unused"), "unused"),
    ],
)
def test_an_accepted_leak_is_there_if_one_shard_has_it(states, united):
    one, other = (shard(accepted=[accepted(state, leaks=state == "used")]) for state in states)

    for report in (merge(one, other), merge(other, one)):
        assert [entry.state for entry in report.accepted] == [united]
        assert report.accepted[0].leaks == states.count("used")


def test_what_shards_accept_is_told_apart():
    report = merge(shard(accepted=[accepted("used", "a" * 12)]), shard(accepted=[accepted("used", "b" * 12)]))

    assert [entry.patterns["signature"] for entry in report.accepted] == ["a" * 12, "b" * 12]
