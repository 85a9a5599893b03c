"""The order of pass 2, and what the next run begins with."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_memguard.schedule import order, overdue_after, stretches


@dataclass(frozen=True)
class Place:
    index: int
    nodeid: str = ""
    module: str = "m"
    parent: object = None


def places(*modules: str) -> list[Place]:
    return [Place(index=i, nodeid=f"{module}::{i}", module=module) for i, module in enumerate(modules)]


def indices(modules: list[list[Place]]) -> list[list[int]]:
    return [[place.index for place in module] for module in modules]


def test_modules_stay_together_and_in_their_order():
    assert indices(order(places("b", "a", "b"), marked=(), suspects=(), overdue={})) == [[0, 2], [1]]


def test_marked_before_suspects_before_overdue_before_the_rest():
    subjects = places("a", "b", "c", "d")
    found = order(subjects, marked={3}, suspects=[2], overdue={"b::1": 0})

    assert indices(found) == [[3], [2], [1], [0]]


def test_the_strongest_suspect_and_the_longest_overdue_come_first():
    subjects = places("a", "b", "c", "d")

    assert indices(order(subjects, marked=(), suspects=[2, 1], overdue={}))[:2] == [[2], [1]]
    assert indices(order(subjects, marked=(), suspects=(), overdue={"d::3": 0, "b::1": 1}))[:2] == [[3], [1]]


def test_a_module_comes_as_early_as_its_first_test_with_its_own_order_kept():
    assert indices(order(places("a", "b", "b", "b"), marked=(), suspects=[3], overdue={})) == [[1, 2, 3], [0]]


def test_what_was_overdue_keeps_its_place_until_it_is_checked():
    assert overdue_after(["a", "b", "c"], unchecked=["d", "c"], checked={"b"}) == ["a", "c", "d"]
    assert overdue_after([], unchecked=["x"], checked=()) == ["x"]
    assert overdue_after(["gone"], unchecked=[], checked={"gone"}) == []


def test_stretches_have_one_parent_and_a_longest_length():
    a, b = object(), object()
    subjects = [Place(index=i, parent=parent) for i, parent in enumerate([a, a, a, b, a])]

    assert [[s.index for s in part] for part in stretches(subjects, longest=2)] == [[0, 1], [2], [3], [4]]
    assert [[s.index for s in part] for part in stretches(subjects, longest=9)] == [[0, 1, 2], [3], [4]]
    assert list(stretches([], longest=2)) == []
