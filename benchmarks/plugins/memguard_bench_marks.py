"""A pytest plugin that puts one marker on every test function, as a ``conftest.py`` does for a plugin that asks for it.

Loaded with ``-p memguard_bench_marks``; MARK in the environment is ``name:argument,argument``.
"""

from __future__ import annotations

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Not every plugin registers the marker that it asks for."""
    config.addinivalue_line("markers", os.environ["MARK"].partition(":")[0])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every function; other items (doctests) know no markers with arguments."""
    name, _, arguments = os.environ["MARK"].partition(":")
    mark = getattr(pytest.mark, name)(*arguments.split(","))
    for item in items:
        if isinstance(item, pytest.Function):
            item.add_marker(mark)
