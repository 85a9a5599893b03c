"""One metric's way to be read, or the reason why it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

# A metric that could not be read, where a number has to stand: no metric is ever that low.
MISSING: Final = -(1 << 63)

T_co = TypeVar("T_co", covariant=True)


class UnavailableError(Exception):
    """A metric cannot be read here; the message says why."""


@dataclass(frozen=True, slots=True)
class Reading(Generic[T_co]):
    """``read`` gives the value now; ``source`` names where it comes from, for people."""

    read: Callable[[], T_co]
    source: str


def missing() -> int:
    """The reading of a metric that cannot be read."""
    return MISSING
