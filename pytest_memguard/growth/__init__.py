"""Whether a session as a whole grows: the two heuristics over a window of tests, and slow growth over all of them.

Pure statistics over numbers that somebody else has read. A hint about the session, never a verdict about a test: what
one run of a test retains does not tell a leak from first use (imports, caches).
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_memguard.growth.values import (
    BYTES_PER_BLOCK,
    OWN_BLOCKS,
    OWN_HEAP_BYTES,
    OWN_RSS_BYTES,
    Growth,
    GrowthSettings,
)
from pytest_memguard.growth.window import GrowthTracker, assess
from pytest_memguard.model import SessionGrowth
from pytest_memguard.units import format_bytes

__all__ = [
    "BYTES_PER_BLOCK",
    "OWN_BLOCKS",
    "OWN_HEAP_BYTES",
    "OWN_RSS_BYTES",
    "Growth",
    "GrowthSettings",
    "GrowthTracker",
    "assess",
    "collection_yield",
    "judge",
]

_DOUBT = 0.5
_NOT_COLLECTED = 0.5


def collection_yield(grown: float | None, given_back: float | None) -> float | None:
    """GC efficiency: the share, 0 to 1, of what had grown that a full collection gave back; ``None`` if unknown."""
    if grown is None or given_back is None or grown <= 0:
        return None
    return min(1.0, max(0.0, given_back / grown))


def judge(
    growth: Growth | None,
    efficiency: float | None,
    settings: GrowthSettings,
    *,
    collections: int | None = None,
    nodeid: Callable[[int], str | None] = lambda _place: None,
) -> SessionGrowth:
    """Both heuristics together.

    ``efficiency`` is what :func:`collection_yield` gave, ``None`` if nothing was collected; ``collections`` is how
    many full collections there were while the tests ran; ``nodeid`` names the test at a position.

    The confidence is Laplace's rule of succession, ``(up + 1) / (steps + 2)``: the probability that the next step
    goes up too, if nothing was known before (Laplace 1774; Scalene rates leaks with it). It is multiplied by the
    share of the growth that a full collection leaves, ``1 - efficiency`` (one half if there was no collection), and
    by one half each where a cause other than a leak is likely as well: slow growth over the session (a cache that
    still fills) and a session too short to tell growth from imports. Below the efficiency threshold the growth is
    retained and suspected; from there on it is cyclic garbage for which the collector was late.
    """
    if growth is None:
        return SessionGrowth(gc_efficiency=efficiency)
    retained = _NOT_COLLECTED if efficiency is None else 1 - efficiency
    doubt = (_DOUBT if growth.kind == "session" else 1.0) * (_DOUBT if growth.short else 1.0)
    return SessionGrowth(
        suspected=efficiency is None or efficiency < settings.gc_efficiency,
        confidence=round((growth.up + 1) / (growth.steps + 2) * retained * doubt, 3),
        slope_per_test=growth.slope,
        gc_efficiency=efficiency,
        reason=_reason(growth, efficiency, settings, collections),
        first_nodeid=nodeid(growth.first),
        last_nodeid=nodeid(growth.last),
    )


def _reason(growth: Growth, efficiency: float | None, settings: GrowthSettings, collections: int | None) -> str:
    tests = growth.last - growth.first + 1
    words = [f"{format_bytes(growth.slope, signed=True)} ({growth.rate:.1%}) a test over {tests} tests"]
    if growth.kind == "session":
        words.append("slow but steady to the end")
    else:
        words.append(f"{growth.up} of {growth.steps} steps up")
    if growth.short:
        words.append("the session is too short to tell it from imports")
    if collections:
        words.append(f"{collections} full collection{'s' * (collections > 1)} meanwhile")
    if efficiency is not None:
        words.append(f"a full collection gave back {efficiency:.0%}")
        if efficiency >= settings.gc_efficiency:
            words.append("so it is cyclic garbage that the collector had not reached")
    return ", ".join(words)
