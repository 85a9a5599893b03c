"""Suites for the integration tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.suite import Suite


@pytest.fixture
def suite(tmp_path):
    """An empty suite."""
    return Suite(tmp_path)


@pytest.fixture(scope="module")
def make_suite(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Suite]:
    """Makes empty suites that live as long as the module: one run, many tests that look at it."""
    return lambda: Suite(tmp_path_factory.mktemp("outside"))
