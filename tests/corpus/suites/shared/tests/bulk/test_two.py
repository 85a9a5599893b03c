from __future__ import annotations

import pytest
from portal.records import record


@pytest.fixture
def created():
    return record("create", 1)


@pytest.mark.parametrize("action", ["read", "update", "delete", "list"])
def test_created_then(created, action):
    assert created + record(action, 1) == 2


class TestPairs:
    def test_create_delete(self):
        assert record("create", 1) + record("delete", 1) == 2

    def test_both_at_once(self):
        assert record("swap", 2) == 2
