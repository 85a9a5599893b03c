from __future__ import annotations

import uuid

import pytest


@pytest.fixture
def fresh():
    return uuid.uuid4().hex
