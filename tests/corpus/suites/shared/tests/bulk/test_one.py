from __future__ import annotations

import pytest
from portal.records import record


@pytest.mark.parametrize("action", ["create", "read", "update", "delete", "list", "export", "import", "archive"])
def test_one_record(action):
    assert record(action, 1) == 1


def test_one_record_of_many_reads():
    assert record("read", 1) == 1
    assert sum(range(1000)) == 499_500
