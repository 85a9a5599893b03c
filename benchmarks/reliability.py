"""Declared confidence against the truth: bins, the share that is true, and what that share may be by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.96  # 95 %, two sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One finding: where it was made (``source``), what about (``unit``), how sure it is declared, and the truth."""

    source: str
    unit: str
    declared: float
    true: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Claims of like confidence. ``share`` is true, between ``low`` and ``high`` by Wilson's interval for 95 %."""

    declared: float
    count: int
    true: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The part of the claims that is true, 0..1."""
        return self.true / self.count

    @property
    def verdict(self) -> str:
        """How the declared confidence compares with what may be true."""
        if self.declared > self.high:
            return "too sure"
        return "not sure enough" if self.declared < self.low else "as declared"


def wilson(true: int, count: int) -> tuple[float, float]:
    """Wilson's score interval for a share, 95 % (E. B. Wilson, 1927); raises ValueError without an observation."""
    if count < 1:
        raise ValueError("no observations: there is no share of nothing")
    share, square = true / count, _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def bins(claims: Sequence[Claim], edges: Sequence[float]) -> list[Bin]:
    """The claims between each edge and the next, those without any left out; ``declared`` is their mean.

    What several runs say of the same thing is one claim: true if all are, with the mean of what they declare.
    """
    found: list[Bin] = []
    for low, high in zip(edges, [*edges[1:], math.inf], strict=True):
        some = [claim for claim in merged(claims) if low <= claim.declared < high]
        if some:
            true = sum(claim.true for claim in some)
            least, most = wilson(true, len(some))
            mean = sum(claim.declared for claim in some) / len(some)
            found.append(Bin(declared=mean, count=len(some), true=true, low=least, high=most))
    return found


def merged(claims: Sequence[Claim]) -> list[Claim]:
    """One claim for each source and unit."""
    units: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        units.setdefault((claim.source, claim.unit), []).append(claim)
    return [
        Claim(
            source=source,
            unit=unit,
            declared=sum(claim.declared for claim in same) / len(same),
            true=all(claim.true for claim in same),
        )
        for (source, unit), same in units.items()
    ]
