from __future__ import annotations

import pytest
from imaging import clib


@pytest.fixture
def scratch():
    """Scratch memory that the teardown means to give back but copies instead."""
    yield 4096
    clib.plane(4096)  # leak: native-teardown


@pytest.fixture
def palette():
    clib.zeroed(256, 4)  # leak: native-setup
    return [(n, n, n) for n in range(256)]


@pytest.fixture
def tile():
    """Balanced: what the setup takes, the teardown returns."""
    address = clib.libc.malloc(65536)
    yield address
    clib.libc.free(address)
