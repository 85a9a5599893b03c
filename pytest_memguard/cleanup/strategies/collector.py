"""The garbage collector: a young generation, everything, everything until nothing more comes."""

from __future__ import annotations

import gc
from functools import partial

from pytest_memguard.cleanup.registry import Strategy

__all__ = ["strategies"]

_collect = gc.collect
_MOST_CYCLES = 4


def strategies() -> tuple[Strategy, ...]:
    """``young_gc``, ``full_gc``, ``gc_cycles``: what they find runs its finalizers now instead of later."""
    return (
        Strategy(
            name="young_gc",
            run=partial(_collect, 0),
            level="gentle",
            category="gc",
            time_limit_s=None,
            during_tests=True,
        ),
        # A collection cannot be stopped half way, only the finalizers that it runs.
        Strategy(name="full_gc", run=_collect, level="moderate", category="gc", time_limit_s=30.0, during_tests=True),
        Strategy(
            name="gc_cycles", run=collect_all, level="emergency", category="gc", time_limit_s=60.0, during_tests=True
        ),
    )


def collect_all() -> int:
    """Collect until a collection finds nothing: finalizers free what the next one finds. Gives the objects found."""
    found = 0
    for _ in range(_MOST_CYCLES):
        more = _collect()
        found += more
        if not more:
            break
    return found
