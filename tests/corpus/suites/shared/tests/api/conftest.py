from __future__ import annotations

import pytest
from portal.tracing import book


@pytest.fixture(autouse=True)
def traced_request(request):
    return book.open(request.node.name)
