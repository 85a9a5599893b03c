"""Subtests of pytest itself, which has them since version 9."""

from __future__ import annotations

from recipes.book import Recipe

_TASTED: list[Recipe] = []


def test_tasting(subtests):
    for n in range(4):
        with subtests.test(n=n):
            _TASTED.append(Recipe("sample", {"x": n}))  # leak: pytest-subtests
            assert _TASTED[-1].weight() == n


def test_tasting_in_passing(subtests):
    for n in range(10):
        with subtests.test("sample", n=n):
            assert Recipe("sample", {"x": n}).weight() == n
