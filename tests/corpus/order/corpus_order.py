"""A pytest plugin with one option: run the tests in reverse or in a random order, the same in every xdist worker."""

from __future__ import annotations

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--corpus-order", metavar="reverse|random:SEED", default="", help="order of the corpus tests")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    order = str(config.getoption("--corpus-order"))
    if order == "reverse":
        items.reverse()
    elif order.startswith("random:"):
        random.Random(order.removeprefix("random:")).shuffle(items)
    elif order:
        raise pytest.UsageError(f"--corpus-order {order}: expected 'reverse' or 'random:SEED'")
