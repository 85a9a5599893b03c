from __future__ import annotations

import pytest
from recipes import book
from recipes.book import Recipe

_EATEN: list[dict[str, object]] = []


@pytest.mark.parametrize("meal", ["breakfast", "lunch", "dinner", "supper"])
def test_only_dinner_is_remembered(meal):
    recipe = Recipe(meal, {"bread": 1})
    if meal == "dinner":
        _EATEN.append({"meal": meal, "recipe": recipe})  # leak: one-parameter
    assert recipe.weight() == 1


@pytest.mark.parametrize("factor", range(100))
def test_scaled(factor):
    assert Recipe("x", {"y": 2}).scaled(factor).weight() == 2 * factor


@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("amount", [1, 2, 3])
def test_grid(name, amount):
    assert book.parse(f"{name}: {amount}") == (name, amount)


@pytest.mark.parametrize("recipe", [Recipe("big", {f"part {n}": n for n in range(1_000)})], ids=["big"])
def test_large_parameter(recipe):
    assert recipe.weight() == 499_500


class TestNested:
    class TestDeeper:
        cooked: list[Recipe] = []

        def test_remembered(self):
            self.cooked.append(Recipe("pie", {"apple": 3}))  # leak: nested-class
            assert self.cooked[-1].weight() == 3

        def test_forgotten(self):
            assert Recipe("pie", {"apple": 3}).weight() == 3

    def test_outer(self):
        assert Recipe("pie", {}).weight() == 0


def test_static_data_in_place():
    assert len(book.steps(3)) == 3
