"""A pytest plugin: with ``-n 2`` each test file goes to the same worker in every run, however long the others take."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling


class _Halves(LoadFileScheduling):  # type: ignore[misc]
    """Two parts of the suite, one for each worker."""

    def _split_scope(self, nodeid: str) -> str:
        return f"half {zlib.crc32(super()._split_scope(nodeid).encode()) % 2}"


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The scheduler of this run."""
    return _Halves(config, log)
