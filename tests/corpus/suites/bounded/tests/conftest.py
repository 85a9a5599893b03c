from __future__ import annotations

import uuid

import pytest


@pytest.fixture
def key():
    return str(uuid.uuid4())
