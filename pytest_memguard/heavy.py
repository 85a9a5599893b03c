"""Leaves heavy tests out while memory is short."""

from __future__ import annotations

import pytest

from pytest_memguard.core import CoreManager
from pytest_memguard.settings import MarkerSettings

__all__ = ["HeavyTests"]


class HeavyTests:
    """Registered only where there are any."""

    def __init__(self, core: CoreManager, markers: dict[pytest.Item, MarkerSettings]) -> None:
        self._core = core
        self._markers = markers

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip one, with the reason."""
        marker = self._markers.get(item)
        if marker is None or not marker.heavy:
            return
        refusal = self._core.refusal_of_heavy
        if refusal is not None:
            reason = marker.reason_for("heavy")
            pytest.skip(f"heavy, and {refusal}" + (f" ({reason})" if reason else ""))
