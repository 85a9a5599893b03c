"""Suites for the integration tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.suite import Suite


@pytest.fixture(scope="session", autouse=True)
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One run with a leak that may keep what pytest makes of the plugin's modules: most of a small run is making it.

    The runs of the tests write nothing like that: a test file may change too soon for its copy to be told from it.
    """
    suite = Suite(tmp_path_factory.mktemp("compiled"))
    suite.write("test_leak.py", "kept = []\n\ndef test_leaks():\n    kept.append(object())\n")
    suite.run(env={"PYTHONDONTWRITEBYTECODE": ""})


@pytest.fixture
def suite(tmp_path):
    """An empty suite."""
    return Suite(tmp_path)


@pytest.fixture(scope="module")
def make_suite(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Suite]:
    """Makes empty suites that live as long as the module: one run, many tests that look at it."""
    return lambda: Suite(tmp_path_factory.mktemp("outside"))
