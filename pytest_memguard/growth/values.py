"""What the parts of the session heuristics share: settings, the growth that was found, robust statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pytest_memguard.values import dataclass

# What pytest itself keeps of each test for ever (reports, node state), measured on 5,000 trivial tests with pytest
# 8.4 and 9.2: 29-32 blocks, 358-390 B of malloc heap, 2.7-3.0 KB of resident memory.
OWN_BLOCKS = 32
OWN_HEAP_BYTES = 390
OWN_RSS_BYTES = 3072

# The mean size of a block of Python's own allocator in heaps of 0.1 to 12 million blocks.
BYTES_PER_BLOCK = 50

# The share of steps that must go up.
CONSISTENT = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthSettings:
    """``window`` in tests, ``threshold`` and ``gc_efficiency`` as shares, ``own_bytes`` what pytest keeps per test."""

    window: int = 15
    threshold: float = 0.03
    gc_efficiency: float = 0.10
    own_bytes: int = OWN_RSS_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Growth that was found and not given back. ``first`` and ``last`` are positions in the series, both included.

    ``slope`` is in bytes per test and ``gained`` in bytes, without what pytest keeps; ``rate`` is the slope as a
    share of the level that it started from; ``up`` of ``steps`` steps grew. ``short``: the session ended before it
    could be told from imports at its beginning.
    """

    kind: Literal["window", "session"]
    first: int
    last: int
    level: float
    slope: float
    gained: float
    up: int
    steps: int
    short: bool = False

    @property
    def rate(self) -> float:
        """Growth per test as a share of the level at the start."""
        return self.slope / self.level if self.level > 0 else 0.0


def slope_of(points: Sequence[tuple[float, float]]) -> float:
    """The slope of Theil and Sen: the median of the slopes of all pairs of points, which no single step moves."""
    return median(
        [
            (later[1] - earlier[1]) / (later[0] - earlier[0])
            for number, earlier in enumerate(points)
            for later in points[number + 1 :]
        ]
    )


def median(values: Sequence[float]) -> float:
    """As ``statistics.median``, whose import takes as long as watching 300 tests."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
