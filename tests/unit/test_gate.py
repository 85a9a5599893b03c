"""Findings with one cause are one finding: the same signature, phase and fixture, put there by the same line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_memguard.gate import group
from pytest_memguard.model import AllocationSite
from tests.unit.reported import LEAK, NATIVE


def site(line):
    return AllocationSite(file="shop/cart.py", line=line, function="f", bytes=1, count=1)


def leak(nodeid, *, sites=(), retained_at=(), **changes):
    diagnosis = replace(LEAK.diagnosis, sites=tuple(map(site, sites)), retained_at=tuple(map(site, retained_at)))
    return replace(LEAK, nodeid=nodeid, witnesses=(nodeid,), diagnosis=diagnosis, **changes)


def witnesses(*findings):
    return [finding.witnesses for finding in group(findings)]


def test_two_tests_that_show_one_cause():
    assert witnesses(leak("a", sites=[1]), leak("b", sites=[2])) == [("a", "b")]


@pytest.mark.parametrize("change", [{"phase": "teardown"}, {"phase": "setup", "fixture": "cart"}])
def test_another_phase_or_fixture_is_another_place_to_look_at(change):
    assert witnesses(leak("a"), leak("b", **change), leak("c"), leak("d", **change)) == [("a", "c"), ("b", "d")]


def test_another_line_that_puts_it_there_is_another_place_to_look_at():
    assert witnesses(leak("a", retained_at=[7]), leak("b", retained_at=[9]), leak("c", retained_at=[7])) == [
        ("a", "c"),
        ("b",),
    ]


def test_where_only_one_line_is_known_it_must_be_among_those_that_allocate():
    known = leak("a", sites=[3], retained_at=[7])
    assert witnesses(known, leak("b", sites=[3, 7])) == [("a", "b")]
    assert witnesses(leak("b", sites=[3, 7]), known) == [("b", "a")]
    assert witnesses(known, leak("b", sites=[4])) == [("a",), ("b",)]


def test_where_the_line_is_not_known_of_one_the_same_allocations_tell():
    unknown, one, other = leak("a", sites=[3, 4]), leak("b", sites=[3, 4], retained_at=[7]), leak("c", retained_at=[9])
    (found, apart) = group([unknown, one, other])

    assert (found.witnesses, found.diagnosis.retained_at) == (("a", "b"), (site(7),))
    assert apart.witnesses == ("c",)


def test_what_nothing_is_known_of_is_the_same_as_what_is_known():
    assert witnesses(leak("a", sites=[3], retained_at=[7]), leak("b")) == [("a", "b")]
    assert witnesses(leak("b"), leak("a", sites=[3], retained_at=[7])) == [("b", "a")]
    assert witnesses(leak("a", sites=[3, 4, 5], retained_at=[7]), leak("b", sites=[5])) == [("a", "b")]


def test_an_accepted_one_does_not_stand_for_the_others():
    (found,) = group([leak("a", verdict="suppressed"), leak("b", confidence=0.5)])
    assert (found.nodeid, found.verdict, found.witnesses) == ("b", "leak", ("a", "b"))


def test_without_a_signature_each_test_stands_for_itself():
    nameless = replace(NATIVE, diagnosis=replace(NATIVE.diagnosis, signature=""))
    assert len(group([nameless, replace(nameless, nodeid="tests/test_x.py::test_y"), nameless])) == 2
