"""Tests that pass in a run of the suite but not when they are repeated in the same process."""

from __future__ import annotations

import pytest
from depot import once


def test_first_call_only():
    once.CALLS.append(1)
    assert len(once.CALLS) == 1


def test_settings_are_empty_at_first():
    assert once.SETTINGS == {}
    once.SETTINGS["colour"] = 3


def test_runs_are_counted():
    once.RUNS["count"] += 1
    assert once.RUNS["count"] < 3


@pytest.fixture
def unique_name():
    if "depot" in once.NAMES:
        raise RuntimeError("the name is taken")
    once.NAMES.add("depot")
    return "depot"


def test_unique_name(unique_name):
    assert unique_name == "depot"


@pytest.fixture
def teardown_once():
    yield
    assert "torn down" not in once.NAMES
    once.NAMES.add("torn down")


def test_teardown_once(teardown_once):
    assert True


def test_skips_itself_the_second_time():
    if "skipped" in once.NAMES:
        pytest.skip("already done")
    once.NAMES.add("skipped")
