from __future__ import annotations

import pytest
from portal.records import record


@pytest.mark.parametrize("action", ["merge", "split", "sort", "rename"])
def test_three_records(action):
    assert record(action, 3) == 3


def test_one_then_two():
    record("open", 1)
    assert record("close", 2) == 2
