"""One test: what was read of it, and what is known."""

from __future__ import annotations

from typing import Any, Literal

from pytest_memguard.values import dataclass

__all__ = ["VERDICTS", "Checkpoint", "MemoryRecord", "Verdict", "VerdictName"]

VerdictName = Literal[
    "clean", "suspect", "leak", "suppressed", "saturating", "one-off", "deferred", "inconclusive", "unchecked"
]

VERDICTS: tuple[VerdictName, ...] = (
    "clean",
    "suspect",
    "leak",
    "suppressed",
    "saturating",
    "one-off",
    "deferred",
    "inconclusive",
    "unchecked",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of one test after a run, always with the reason where the name alone does not say it."""

    name: VerdictName
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Memory at a named point of a test, in bytes. ``peak_rss_bytes``: the highest since the reading before."""

    name: str
    rss_bytes: int | None = None
    peak_rss_bytes: int | None = None
    heap_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        """One entry of ``tests[].checkpoints`` in the JSON report."""
        return {
            "name": self.name,
            "rss_bytes": self.rss_bytes,
            "peak_rss_bytes": self.peak_rss_bytes,
            "heap_bytes": self.heap_bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecord:
    """One test as pass 1 saw it, boundary to boundary. Sizes in bytes, times in seconds.

    ``retained_bytes`` is the change of the malloc heap in use and ``retained_blocks`` that of the allocated blocks
    over the test, pytest's own bookkeeping included; both are hints, never a verdict.
    """

    nodeid: str
    worker: str
    outcome: str
    duration_s: float
    rss_before_bytes: int | None
    rss_after_bytes: int | None
    peak_rss_bytes: int | None
    retained_bytes: int | None
    retained_blocks: int | None
    verdict: VerdictName = "unchecked"
    reason: str | None = None
    checkpoints: tuple[Checkpoint, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """This test's entry in ``tests`` of the JSON report; ``checkpoints`` only where it has some."""
        marked = {"checkpoints": [each.to_json() for each in self.checkpoints]} if self.checkpoints else {}
        return {
            "nodeid": self.nodeid,
            "worker": self.worker,
            "outcome": self.outcome,
            "duration_s": self.duration_s,
            "rss_before_bytes": self.rss_before_bytes,
            "rss_after_bytes": self.rss_after_bytes,
            "peak_rss_bytes": self.peak_rss_bytes,
            "retained_bytes": self.retained_bytes,
            "retained_blocks": self.retained_blocks,
            "verdict": self.verdict,
            "reason": self.reason,
            **marked,
        }
