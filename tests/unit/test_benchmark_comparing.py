"""Runs are compared without what workers and the clock change, and with everything else."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.comparing import Outputs, compare, without_order
from benchmarks.normal import Event

FAILED = Event(facts=("outcome failed",), texts=("",))


def outputs(*reports, terminal=(), junit=()):
    """A run that reported these tests in this order, each by its id and its text."""
    record = {("start", reports[0][0], "", 1): Event(facts=(), texts=())}
    record |= {("report", name, "call", 1): Event(facts=("outcome passed",), texts=(text,)) for name, text in reports}
    return Outputs(status=0, record=record, terminal=list(terminal), junit=list(junit))


def differences(plain, guarded):
    return compare([without_order(plain), without_order(plain)], without_order(guarded)).blocks


FIRST = outputs(
    ("test_a", "[gw0] in /tmp/popen-gw0/a"),
    ("test_b", "SUBPASSED  [ 62%]"),
    terminal=["[gw0] [ 50%] PASSED test_a ", "[gw1] [100%] PASSED test_b "],
    junit=["<testcase a>", "<testcase b>"],
)


def test_order_worker_and_progress_are_no_difference():
    other = outputs(
        ("test_b", "SUBPASSED  [ 9%]"),
        ("test_a", "[gw1] in /tmp/popen-gw1/a"),
        terminal=["[gw0] [ 50%] PASSED test_b ", "[gw1] [100%] PASSED test_a "],
        junit=["<testcase b>", "<testcase a>"],
    )

    assert differences(FIRST, other) == []


def test_a_line_more_or_another_text_is_a_difference():
    other = outputs(
        ("test_a", "[gw0] in /tmp/popen-gw0/elsewhere"),
        ("test_b", "SUBPASSED  [ 62%]"),
        terminal=["[gw0] [ 50%] PASSED test_a ", "[gw1] [100%] PASSED test_b ", "a warning"],
        junit=["<testcase a>"],
    )

    assert [block.partition(":")[0] for block in differences(FIRST, other)] == [
        "in the record",
        "in the terminal",
        "in the junit",
    ]


def test_an_id_with_the_time_in_it_is_the_same_test_and_still_has_to_be_there():
    runs = [outputs(("test_a", ""), (f"test_now[20:45:{second}]", "")) for second in (10, 11, 12)]
    without = outputs(("test_a", ""))
    failing = replace(runs[2], record={**runs[2].record, ("report", "test_now[20:45:12]", "call", 1): FAILED})

    assert compare(runs[:2], runs[2]).blocks == []
    assert [len(compare(runs[:2], other).blocks) for other in (without, failing)] == [1, 1]


def test_an_id_that_no_plain_run_has_is_a_difference():
    plain = outputs(("test_a", ""), ("test_b[1]", ""))

    assert len(compare([plain, plain], outputs(("test_a", ""), ("test_b[2]", ""))).blocks) == 1
