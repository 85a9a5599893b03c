"""Decide from the rounds of a confirmation whether something leaks, and how sure that is. Pure arithmetic.

A clean test repeats to the block, so no statistics are needed: a metric that grew by at least its floor in every
round leaks, one that once did not is cleared. Trend tests do worse here, because the noise is not Gaussian but
exact zeros with rare single jumps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from pytest_memguard.values import dataclass

Metric = Literal["blocks", "heap", "mapped", "rss"]
METRICS: tuple[Metric, ...] = ("blocks", "heap", "mapped", "rss")

# The share of errors that no number of rounds removes (a wrong idea of what is clean), by the evidence at hand.
_SYSTEMATIC_WITH_EVIDENCE = 0.01
_SYSTEMATIC_WITHOUT = 0.05
_SYSTEMATIC_PAGES = 0.20
# Bounds have no typical size: their logarithm is taken as uniform, from the growth that makes a suspect up to this.
_LARGEST_BOUND = 10_000
#: What the code that adds says of an end; ``open``: nothing, or it is no Python.
Says = Literal["endless", "doubtful", "open"]
# The share of what grows that will stop, by that. Endless: none of 300 findings in the labelled corpus and in generated
# suites did, so at most 1 % (rule of three). Open: of what grew, 1 in 13 in the suites of others and 1 in 10 in the
# corpus stopped before 650 repetitions, and half of the larger bounds can be read. Doubtful: nothing is known, so
# either is as likely (principle of indifference).
_SHARES: Mapping[Says, float] = {"endless": 0.01, "open": 0.06, "doubtful": 0.5}
_MOST_DOUBT = 0.1
_STEPS_PER_PARDON = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Floors:
    """The smallest growth per repetition that counts; ``heap``, ``mapped`` and ``rss`` in bytes.

    256 B for the heap: glibc's ``setenv`` never frees a value that was replaced, 64-240 B a run in real tests.
    ``rss`` is read only where the C library reports no heap: 16 pages.
    """

    blocks: int = 1
    heap: int = 256
    mapped: int = 4096
    rss: int = 65536

    def of(self, metric: Metric) -> int:
        """The floor of one metric."""
        return int(getattr(self, metric))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How many rounds it takes. ``rounds``: deltas in a row to become a suspect; ``escalation``: to be a leak.

    ``seconds`` ends the escalation of one test early, ``least`` is the number of deltas that suffices then. Where a
    series of rounds has retained more than ``most_bytes``, ``least_large`` deltas suffice: repeating a large leak must
    not use up the memory that it is to save.
    """

    floors: Floors = Floors()
    rounds: int = 6
    escalation: int = 32
    seconds: float = 2.0
    least: int = 10
    most_bytes: int = 64 << 20
    least_large: int = 4


def pardons(metric: Metric, steps: int) -> int:
    """How many of so many steps may be below the floor without clearing the metric: one in six of the heap's.

    Blocks repeat exactly. In the malloc heap something else (a table that shrinks, a buffer of the interpreter's) may
    free, once in a hundred rounds or so, as much as a small native leak takes.
    """
    return steps // _STEPS_PER_PARDON if metric == "heap" else 0


def growing(samples: Mapping[Metric, Sequence[int]], floors: Floors) -> list[Metric]:
    """The metrics whose every step in ``samples`` (readings, baseline first), pardons aside, is at or above the floor.

    With the pardoned ones the growth as a whole must still be that of as many steps at the floor.
    """
    found: list[Metric] = []
    for metric, readings in samples.items():
        floor = floors.of(metric)
        steps = len(readings) - 1
        below = sum(b - a < floor for a, b in pairwise(readings))
        if steps > 0 and below <= pardons(metric, steps) and readings[-1] - readings[0] >= floor * (steps - below):
            found.append(metric)
    return found


def is_noise(deltas: Sequence[int]) -> bool:
    """Deltas of both signs, none zero, more up than down: it moves by itself (threads that allocate, random sizes)."""
    return len(deltas) > 1 and 0 not in deltas and min(deltas) < 0 < sum(deltas)


class NoiseMeter:
    """Counts, per metric, how often a cleared repetition did not repeat exactly: the noise of this very session."""

    def __init__(self) -> None:
        self._seen: dict[Metric, int] = dict.fromkeys(METRICS, 0)
        self._grew: dict[Metric, int] = dict.fromkeys(METRICS, 0)

    def note(self, metric: Metric, *, grew: bool, count: int = 1) -> None:
        """Record ``count`` repetitions of tests that turned out clean."""
        self._seen[metric] += count
        if grew:
            self._grew[metric] += count

    def rate(self, metric: Metric) -> float:
        """The chance that a clean repetition grows: Laplace's rule of succession, (grew + 1) / (seen + 2)."""
        return (self._grew[metric] + 1) / (self._seen[metric] + 2)


def hidden_bound(followed: int, says: Says = "open") -> float:
    """The chance that growth followed over so many repetitions would still have come to an end.

    Bayes' rule: ``q * b / (1 - q + q * b)``, q the share that has a bound at all, b the share of these bounds that lie
    beyond ``followed`` (the logarithm of a bound is uniform).
    """
    least = Policy().rounds
    left = math.log(_LARGEST_BOUND / max(followed, least)) / math.log(_LARGEST_BOUND / least)
    share = _SHARES[says]
    beyond = share * max(left, 0.0)
    return beyond / (1 - share + beyond)


def settled_after(says: Says = "doubtful") -> int:
    """The repetitions after which :func:`hidden_bound` is at most 10 %: 4,387 of what is doubtful."""
    least, share = Policy().rounds, _SHARES[says]
    left = min(1.0, _MOST_DOUBT * (1 - share) / (share * (1 - _MOST_DOUBT)))
    return math.ceil(_LARGEST_BOUND * math.pow(least / _LARGEST_BOUND, left))


def confidence(
    metrics: Sequence[Metric],
    rounds: int,
    noise: NoiseMeter,
    *,
    explained: bool,
    followed: int | None = None,
    says: Says = "open",
) -> float:
    """The declared probability that growth in ``rounds`` rounds out of ``rounds`` is a leak.

    ``(1 - p ** rounds) * (1 - s) * (1 - h)``: p is the noise of the metric in this session (the smallest over the
    metrics that agree), so the first factor is the chance that noise alone did not do it; s is the systematic share,
    which falls with the evidence: 1 % where a retainer or an allocation site explains the growth, 5 % where only the
    heap says so, 20 % for whole pages; h is the chance of a bound that lies beyond the repetitions that it was
    ``followed`` over, by what the code ``says`` of one (:func:`hidden_bound`; ``followed`` is None where what grows is
    nothing that is kept up to a bound). Rounded down to two decimals, so that 1.0 is never claimed.
    """
    if not metrics or rounds < 1:
        return 0.0
    p = min(noise.rate(metric) for metric in metrics)
    if explained:
        systematic = _SYSTEMATIC_WITH_EVIDENCE
    elif any(metric in ("blocks", "heap") for metric in metrics):
        systematic = _SYSTEMATIC_WITHOUT
    else:
        systematic = _SYSTEMATIC_PAGES
    hidden = 0.0 if followed is None else hidden_bound(followed, says)
    return int((1.0 - p**rounds) * (1.0 - systematic) * (1.0 - hidden) * 100) / 100
