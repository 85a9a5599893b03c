"""A pytest plugin with what people write into a ``conftest.py``: snapshots of tracemalloc before and after each test.

Loaded with ``-p memguard_bench_tracemalloc``; LEAST in the environment is the growth of one line, in bytes, that fails.
"""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Iterator

import pytest

_LEAST = int(os.environ["LEAST"])
_SHOWN = 10
_NOT_THEIRS = ("/tracemalloc.py", "<frozen importlib", "<unknown>", "/_pytest/", "/pluggy/", __file__)

tracemalloc.start()


@pytest.fixture(autouse=True)
def lines_that_retain() -> Iterator[None]:
    """Fails in teardown with the lines that retain at least so much more than before."""
    before = _snapshot()
    yield
    lines = [line for line in _snapshot().compare_to(before, "lineno") if line.size_diff >= _LEAST]
    grown = [line for line in lines if not any(part in line.traceback[0].filename for part in _NOT_THEIRS)]
    if grown:
        shown = "\n".join(f"{line.traceback}: {line.size_diff:+} B" for line in grown[:_SHOWN])
        pytest.fail(f"lines that retain:\n{shown}", pytrace=False)


def _snapshot() -> tracemalloc.Snapshot:
    gc.collect()
    return tracemalloc.take_snapshot()
