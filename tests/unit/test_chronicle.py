"""What happened around the tests: kept, bounded, sent to the controller, and told in the report."""

from __future__ import annotations

import json
from dataclasses import replace

from pytest_memguard.chronicle import Chronicle
from pytest_memguard.probes import MISSING
from pytest_memguard.report.terminal import section
from pytest_memguard.watch import Ledger, culprit
from tests.unit.reported import CLEANUP, COLLECTIONS, PRESSURE, STOPPED, run

MIB = 1 << 20


def test_a_worker_sends_each_thing_once_and_the_controller_has_it_all():
    worker, controller = Chronicle(10), Chronicle(10, absorbs=True)
    sent = []
    worker.add(PRESSURE)
    sent.append(worker.unsent())
    sent.append(worker.unsent())
    worker.add(CLEANUP)
    worker.fail(STOPPED)
    worker.limit = (300, "cgroup v2")
    worker.collections = COLLECTIONS
    sent.append(worker.end())
    for wire in sent:
        controller.absorb(json.loads(json.dumps(wire)))

    assert sent[1] == {}
    assert list(controller.pressure) == [PRESSURE]
    assert list(controller.cleanups) == [CLEANUP]
    assert controller.failures == [STOPPED]
    assert controller.stopped
    assert controller.limit == (300, "cgroup v2")
    assert controller.collections == COLLECTIONS


def test_the_smallest_limit_of_all_workers_is_that_of_the_run():
    controller = Chronicle(10, absorbs=True)
    for limit in ([300, "a"], [200, "b"], None, [250, "c"]):
        controller.absorb({"limit": limit, "collections": COLLECTIONS.to_json()})

    assert controller.limit == (200, "b")
    assert controller.collections.generations[0].runs == 4 * COLLECTIONS.generations[0].runs


def test_what_is_kept_and_sent_is_bounded():
    worker = Chronicle(5)
    for at_s in range(50):
        worker.add(replace(PRESSURE, at_s=float(at_s)))
        worker.add(CLEANUP)

    assert [event.at_s for event in worker.pressure] == [45.0, 46.0, 47.0, 48.0, 49.0]
    sent = worker.unsent()
    assert len(sent["pressure"]) + len(sent["cleanups"]) == 5


# -- the culprit


def ledger_of(*growths):
    """Tests by node id and the resident bytes that they kept."""
    ledger, rss = Ledger(), 100 * MIB
    worker = ledger.worker("main")
    for nodeid, kept in growths:
        rest = (MISSING,) * 6
        before, rss = rss, rss + kept
        ledger.add(nodeid, (before, *rest), (rss, *rest), 0.1, worker, "passed")
    return ledger


def test_one_test_that_kept_most_is_named_alone():
    assert culprit(ledger_of(("a.py::x", MIB), ("b.py::y", 40 * MIB), ("a.py::z", -MIB))) == (
        "b.py::y kept most: +40.0 MiB"
    )


def test_many_that_kept_a_little_are_named_with_their_file():
    growths = [(f"a.py::x[{n}]", 10 * MIB + n) for n in range(5)] + [("b.py::y", MIB)]

    assert culprit(ledger_of(*growths)) == (
        "a.py::x[4] kept most: +10.0 MiB; the 5 tests of a.py that grew kept +50.0 MiB"
    )


def test_where_nobody_kept_anything_nobody_is_named():
    assert culprit(ledger_of(("a.py::x", 0), ("a.py::y", -MIB))) is None
    assert culprit(Ledger()) is None


# -- the section in the terminal


def told(verbosity, **parts):
    return [line.text for line in section(run(**parts), width=100, verbosity=verbosity, color=False)]


def test_a_run_that_was_stopped_says_so_first_and_why():
    lines = told(0, failures=[STOPPED], pressure=[PRESSURE])

    assert " memguard: stopped under memory pressure after 412 tests " in lines[0]
    assert "the run was stopped before memory ran out" in lines
    assert "  after      tests/test_cart.py::test_checkout" in lines
    assert "memory pressure (1 alert)" in lines
    assert "  critical  92.0% of 300 MiB (cgroup v2), at tests/test_cart.py::test_checkout" in lines
    assert told(-1, failures=[STOPPED])[0].startswith("memguard: stopped under memory pressure after 412 tests")


def test_what_was_no_alert_is_told_to_those_who_want_it_all():
    quiet = replace(PRESSURE, alert=False, level="warning", cause="rss", nodeid=None, worker="gw1")
    parts = {"pressure": [quiet], "cleanups": [CLEANUP, replace(CLEANUP, refused="cooldown")]}

    assert not any("pressure" in line for line in told(0, **parts))
    verbose = "\n".join(told(1, session={"collections": COLLECTIONS}, **parts))
    assert "warning   92.0% of 300 MiB (cgroup v2), by rss, before the first test [gw1]" in verbose
    assert "moderate   by pressure: freed 3.0 MiB in 21 ms, after tests/test_cart.py::test_checkout" in verbose
    assert "moderate   by pressure: refused, cooldown, after tests/test_cart.py::test_checkout" in verbose
    assert "130 objects by 7/1/0 collections of generations 0/1/2 in 3 ms" in verbose
