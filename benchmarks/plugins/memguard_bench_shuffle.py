"""A pytest plugin: tests in another order for each number in SHUFFLE; all workers get the same one."""

from __future__ import annotations

import os
from random import Random
from typing import Any


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Change the order, where a number is given."""
    number = os.environ.get("SHUFFLE")
    if number:
        Random(int(number)).shuffle(items)  # noqa: S311 - an order, not a secret
