"""Tests that share one event loop, whose timers outlive each test."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio
from courier import depot

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def van():
    parcels = {n: bytearray(1_000) for n in range(1_000)}
    yield parcels
    parcels.clear()


async def test_van_is_loaded(van):
    assert len(van) == 1_000


async def test_van_on_the_same_loop(van):
    await asyncio.sleep(0)
    assert len(van[7]) == 1_000


async def test_cancelled_timer_on_a_shared_loop():
    asyncio.get_running_loop().call_later(3600, print, "late").cancel()


async def test_receipt_on_a_shared_loop():
    assert (await depot.deliver(9))["parcel"] == 9
