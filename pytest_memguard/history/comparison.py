"""Whether a test takes more than it usually did: its figures against those of earlier runs. Pure.

Resident memory is noisy: what a test finds free, what was loaded before it, and in which order tests run decides how
much of it shows. So a rise counts only where all of these hold:

- at least ``LEAST_RUNS`` earlier runs have the figure, each of a test that passed;
- it is above their median by more than the tolerance in bytes *and* the one in percent, and by several times their
  usual distance from it (the median absolute deviation, which one odd run does not move);
- no more than a quarter of them were as high: what comes and goes is not growth, and what has stayed for a while is
  what is usual now;
- the process as a whole is larger than usual at that point, too. Where tests only changed places, the one that now
  comes first loads what they share, and the process is as large as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_memguard.history.values import Figures, Rise
from pytest_memguard.values import dataclass

__all__ = [
    "LEAST_RUNS",
    "METRICS",
    "Compared",
    "Tolerance",
    "compared",
    "median",
    "rise_of",
    "rises",
    "worth_comparing",
]

LEAST_RUNS = 5
METRICS = ("retained", "peak")
_DEVIATIONS = 5
_AS_HIGH = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far above the usual a figure may be: both ``bytes`` and ``share`` (0.2 is a fifth) must be exceeded."""

    bytes: int
    share: float


class Compared(NamedTuple):
    """One figure of a test, and the same figure in earlier runs."""

    value: int
    before: list[int]


def rises(now: Figures, before: Sequence[Figures], tolerance: Tolerance) -> Iterator[Rise]:
    """What of *now* has risen above *before*, the figures of the same test in earlier runs."""
    for metric in METRICS:
        found = compared(now, before, metric)
        if found is not None and len(found.before) >= LEAST_RUNS and _has_risen(found, tolerance):
            process = _process(now, before, metric)
            if process is not None and process.value - median(process.before) > tolerance.bytes:
                yield _rise(now.nodeid, metric, found)


def compared(now: Figures, before: Sequence[Figures], metric: str) -> Compared | None:
    """The figure of *now* and those of the earlier runs in which the test passed; None where there is none.

    What is retained is read off the heap where now and then it was read, and off the pages otherwise.
    """
    if now.outcome != "passed":
        return None
    passed = [figures for figures in before if figures.outcome == "passed"]
    if metric == "peak":
        return _known(now.peak_bytes, [figures.peak_bytes for figures in passed])
    heap = _known(now.retained_bytes, [figures.retained_bytes for figures in passed])
    if heap is not None and len(heap.before) >= min(LEAST_RUNS, len(passed)):
        return heap
    return _known(now.kept_bytes, [figures.kept_bytes for figures in passed])


def rise_of(now: Figures, before: Sequence[Figures], metric: str) -> Rise | None:
    """How far one figure is above its median, be it noise or not; None where it is not above."""
    found = compared(now, before, metric)
    return None if found is None or found.value <= max(median(found.before), 0) else _rise(now.nodeid, metric, found)


def worth_comparing(now: Figures, tolerance: Tolerance) -> bool:
    """Whether a test is large enough to have risen by more than the tolerance at all."""
    return now.outcome == "passed" and any(
        value is not None and value > tolerance.bytes for value in (now.retained_bytes, now.kept_bytes, now.peak_bytes)
    )


def median(values: Sequence[int]) -> int:
    """The middle value, or the mean of the two in the middle; of at least one value."""
    ordered = sorted(values)
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) // 2


def _has_risen(figure: Compared, tolerance: Tolerance) -> bool:
    middle = median(figure.before)
    usual = max(middle, 0)
    deviation = median([abs(value - middle) for value in figure.before])
    least = max(tolerance.bytes, tolerance.share * usual, _DEVIATIONS * deviation)
    as_high = sum(value - usual > least for value in figure.before)
    return figure.value - usual > least and as_high <= _AS_HIGH * len(figure.before)


def _process(now: Figures, before: Sequence[Figures], metric: str) -> Compared | None:
    """How large the whole process was, at its highest or in the end."""
    if metric == "peak":
        return _known(now.top_bytes, [figures.top_bytes for figures in before])
    return _known(now.end_bytes, [figures.end_bytes for figures in before])


def _known(now: int | None, before: Sequence[int | None]) -> Compared | None:
    known = [value for value in before if value is not None]
    return None if now is None or not known else Compared(now, known)


def _rise(nodeid: str, metric: str, figure: Compared) -> Rise:
    return Rise(
        nodeid=nodeid,
        metric=metric,
        bytes=figure.value,
        usual_bytes=max(median(figure.before), 0),
        lowest_bytes=min(figure.before),
        highest_bytes=max(figure.before),
        runs=len(figure.before),
    )
