"""Which leaks a suppression or the baseline accepts, for how long, and what a run can say of those it did not see."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from pytest_memguard.accepting import Acceptances, Evidence, matches
from pytest_memguard.gate import ONLY_WARNS, in_packages
from pytest_memguard.model import AllocationSite, Diagnosis
from pytest_memguard.settings import Suppression
from pytest_memguard.settings.baselinefile import parse_baseline
from tests.unit.reported import CHECKOUT, LEAK, NATIVE, SUPPRESSED

TODAY = dt.date(2026, 11, 23)
CLEAN = Evidence(complete=True, whole=True, clean={CHECKOUT})


def rule(expires=None, **patterns):
    return Suppression(reason="vendored", patterns=patterns, expires=expires, origin="memguard.yaml, line 3")


def baseline(**more):
    lines = "".join(f"\n    {key}: {value}" for key, value in more.items())
    return parse_baseline(f'leaks:\n  - signature: "3fa9c1"\n    reason: "old"{lines}\n', label="base.yaml")


def settle(*findings, rules=(), base=None, evidence=CLEAN):
    acceptances = Acceptances(rules, base, today=TODAY)
    settled = acceptances.settle(findings)
    results = list(acceptances.results(evidence))
    return settled, [each.state for each in results], list(acceptances.warnings(results))


@pytest.mark.parametrize(
    "patterns",
    [
        {"test": "tests/test_cart.py::*"},
        {"test": CHECKOUT},
        {"test": "tests"},
        {"test": "tests/test_cart.py"},
        {"type": "shop.cart.Order"},
        {"type": "shop.*"},
        {"site": "shop/cart.py"},
        {"site": "shop/cart.py:41"},
        {"site": "checkout"},
        {"retainer": "shop.cart._ORDERS"},
        {"retainer": "shop.cart._ORDERS[*]"},
        {"package": "shop"},
        {"package": "shop.cart"},
        {"package": "shop.*"},
        {"test": "tests/*", "type": "*Order", "package": "shop"},
    ],
)
def test_patterns_that_match(patterns):
    assert matches(rule(**patterns), LEAK)


@pytest.mark.parametrize(
    "patterns",
    [
        {"test": "test_cart.py"},
        {"test": "tests/test_c"},
        {"type": "Order"},
        {"site": "shop/cart.py:4"},
        {"retainer": "shop.cart"},
        {"package": "sho"},
        {"package": "shop.cart.Order.x"},
        {"test": "tests/*", "type": "int"},
    ],
)
def test_patterns_that_do_not(patterns):
    assert not matches(rule(**patterns), LEAK)


def test_every_test_that_shows_it_must_match():
    shared = replace(LEAK, witnesses=(CHECKOUT, "tests/test_new.py::test_x"))

    assert not matches(rule(test="tests/test_cart.py"), shared)
    assert matches(rule(test="tests/test_*.py::*"), replace(shared, witnesses=("fixture:db", *shared.witnesses)))


def test_brackets_stand_for_themselves_and_a_test_for_all_its_parameters():
    shown = replace(LEAK, nodeid="t.py::test[a-1]", witnesses=("t.py::test[a-1]",))

    assert matches(rule(test="t.py::test[a-1]"), shown)
    assert matches(rule(test="t.py::test"), shown)
    assert not matches(rule(test="t.py::test[a]"), shown)


def test_a_suppressed_leak_does_not_gate_and_says_why_and_where_that_stands():
    (found,), states, warnings = settle(LEAK, rules=[rule(package="shop"), rule(package="other")])

    assert (found.verdict, found.gates, found.reason) == ("suppressed", False, "vendored")
    assert found.suppressed_by == "memguard.yaml, line 3"
    assert states == ["used", "unused"]
    assert warnings == ["1 suppression matched no leak: memguard.yaml, line 3"]


def test_whether_a_suppression_is_unused_is_known_after_a_whole_run_only():
    for evidence in (Evidence(), replace(CLEAN, whole=False), replace(CLEAN, complete=False)):
        _, states, warnings = settle(LEAK, rules=[rule(package="other")], evidence=evidence)
        assert (states, warnings) == (["not seen"], [])


def test_a_known_leak_stays_a_leak_and_does_not_gate():
    (found,), states, warnings = settle(LEAK, base=baseline(first_seen="2026-01-02"))

    assert (found.verdict, found.gates) == ("leak", False)
    assert found.reason == "known since 2026-01-02: old"
    assert found.suppressed_by == "base.yaml, line 2"
    assert (states, warnings) == (["used"], [])


@pytest.mark.parametrize("day", ["2026-11-23", "2027-01-01"])
def test_the_last_day_counts(day):
    (found,), states, _ = settle(LEAK, base=baseline(expires=day))

    assert (found.gates, states) == (False, ["used"])


def test_what_has_expired_fails_again_and_says_so():
    (found,), states, warnings = settle(LEAK, base=baseline(expires="2026-11-22"))
    assert found.gates
    assert found.reason == "accepted until 2026-11-22 (base.yaml, line 2): old"
    assert states == ["expired"]
    assert warnings == ["no longer accepted, because its time is over: base.yaml, line 2"]

    (found,), states, _ = settle(LEAK, rules=[rule(expires=dt.date(2026, 1, 1), package="shop")])
    assert (found.gates, found.reason) == (True, "accepted until 2026-01-01 (memguard.yaml, line 3): vendored")
    assert states == ["expired"]


def test_one_that_is_valid_covers_for_one_that_has_expired():
    over = rule(expires=dt.date(2026, 1, 1), package="shop")

    (found,), states, _ = settle(LEAK, rules=[over, rule(type="*Order")])
    assert (found.verdict, states) == ("suppressed", ["expired", "used"])
    (found,), states, _ = settle(LEAK, rules=[over], base=baseline())
    assert (found.gates, states) == (False, ["expired", "used"])


def test_what_is_accepted_in_another_way_keeps_its_entry_alive():
    known = replace(SUPPRESSED, diagnosis=LEAK.diagnosis)

    (found,), states, _ = settle(known, base=baseline(tests=f"['{CHECKOUT}']"))

    assert found == known
    assert states == ["used"]


TESTS = f"['{CHECKOUT}', 'fixture:db']"


@pytest.mark.parametrize(
    ("evidence", "state"),
    [
        (Evidence(complete=True, clean={CHECKOUT, "fixture:db"}), "fixed"),
        (Evidence(complete=False, clean={CHECKOUT, "fixture:db"}), "not seen"),
        (Evidence(complete=True, clean={CHECKOUT}), "not seen"),
        (Evidence(complete=True, clean={"fixture:db"}), "not seen"),
        (Evidence(complete=True, clean={"fixture:db"}, gone=lambda _test: True), "fixed"),
        (Evidence(complete=True, clean={CHECKOUT}, gone=lambda _test: True), "not seen"),
    ],
)
def test_fixed_is_what_all_its_tests_were_checked_for(evidence, state):
    _, states, warnings = settle(NATIVE, base=baseline(tests=TESTS), evidence=evidence)

    assert states == [state]
    assert bool(warnings) == (state == "fixed")


def test_what_is_fixed_is_to_be_removed_also_if_it_has_expired_and_has_no_reason():
    base = parse_baseline(
        f'leaks:\n  - {{signature: "aaaaaa", reason: "?", expires: 2020-01-01, tests: ["{CHECKOUT}"]}}',
        label="base.yaml",
    )

    _, states, warnings = settle(base=base)

    assert states == ["fixed"]
    assert warnings == [
        "a known leak is fixed, remove its entry: base.yaml, line 2 (--memguard-update-baseline does it)"
    ]


def test_without_tests_nothing_is_fixed():
    assert settle(base=baseline())[1] == ["not seen"]


def test_entries_without_a_reason_are_named():
    lines = "".join(f'  - {{signature: "aaaaa{digit}", reason: "?"}}\n' for digit in range(7))

    _, _, (warning,) = settle(base=parse_baseline(f"leaks:\n{lines}", label="base.yaml"))

    assert warning.startswith("there are accepted leaks without a reason")
    assert warning.endswith("base.yaml, lines 2, 3, 4, 5, 6 and 2 more")


def test_what_an_update_takes():
    third = replace(NATIVE, gates=False, reason="third-party: outside confirm.packages (shop)")
    warns = replace(NATIVE, gates=False, reason=ONLY_WARNS)
    other = replace(LEAK, fixture="cart", witnesses=("tests/test_b.py::test_x",))
    nameless = replace(NATIVE, diagnosis=Diagnosis())
    acceptances = Acceptances((), None, today=TODAY)

    assert acceptances.fresh([third, SUPPRESSED, nameless]) == []
    assert acceptances.fresh([warns]) == [warns]
    (both,) = acceptances.fresh([LEAK, other])
    assert both.witnesses == (CHECKOUT, "tests/test_b.py::test_x")
    known = Acceptances((), baseline(expires="2020-01-01"), today=TODAY)
    assert known.fresh(known.settle([LEAK])) == []  # only a person can give it more time


def made_in(file):
    return replace(
        LEAK, diagnosis=Diagnosis(sites=(AllocationSite(file=file, line=1, function="f", bytes=1, count=1),))
    )


@pytest.mark.parametrize(
    "file",
    ["shop/cart.py", "src/shop/cart.py", "services/api/shop/cart.py", "shop:cart.py", "shop/__init__.py", "shop.py"],
)
def test_a_site_in_a_package_wherever_that_lies(file):
    assert in_packages(made_in(file), ["shop"])


@pytest.mark.parametrize("file", ["tests/shop/test_cart.py", "workshop/cart.py", "other/shop.py", "shops:cart.py"])
def test_a_site_outside(file):
    assert not in_packages(made_in(file), ["shop"])
