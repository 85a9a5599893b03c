"""What the history keeps and gives back, as values. Sizes in bytes, times in seconds; None is what was not known."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_memguard.values import dataclass

__all__ = ["Course", "Creep", "EnvironmentKey", "Figures", "PastFinding", "PastLeak", "PastRun", "Rise", "Track"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentKey:
    """What figures depend on besides the code, and nothing of the machine's own: runs are compared within one of these.

    ``platform``: system and machine (``linux x86_64``); ``version``: of pytest-memguard; ``distributed``: whether
    tests ran in workers of pytest-xdist.
    """

    python: str
    platform: str
    version: str
    distributed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One test in one run.

    ``start_bytes``, ``end_bytes`` and ``top_bytes`` are resident memory of the process before the test, after it, and
    at its highest meanwhile; ``retained_bytes`` is the change of the malloc heap in use.
    """

    nodeid: str
    outcome: str
    verdict: str
    duration_s: float | None
    retained_bytes: int | None
    start_bytes: int | None
    end_bytes: int | None
    top_bytes: int | None

    @property
    def kept_bytes(self) -> int | None:
        """By how much resident memory has grown: what is retained as far as pages tell, where the heap was not read."""
        if self.end_bytes is None or self.start_bytes is None:
            return None
        return self.end_bytes - self.start_bytes

    @property
    def peak_bytes(self) -> int | None:
        """How far the test's peak was above what it started with."""
        if self.top_bytes is None or self.start_bytes is None:
            return None
        return max(self.top_bytes - self.start_bytes, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFinding:
    """One leak that a run has confirmed; ``site`` and ``retainer`` are empty where they were not found."""

    nodeid: str
    signature: str
    kind: str
    verdict: str
    gates: bool
    witnesses: int
    bytes_per_run: int
    blocks_per_run: int
    count_per_run: int
    site: str
    retainer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run. ``number`` counts the runs of the file and never comes twice; ``started`` is ISO 8601 in UTC.

    ``leaks`` counts the findings that failed the run, ``findings`` all of them.
    """

    number: int
    started: str
    duration_s: float | None
    commit: str | None
    branch: str | None
    environment: EnvironmentKey
    tests: int
    leaks: int
    findings: int
    exit_status: int
    peak_rss_bytes: int | None
    peak_nodeid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One test over the runs that had it, the oldest first."""

    nodeid: str
    points: Sequence[tuple[PastRun, Figures]]
    findings: Sequence[tuple[PastRun, PastFinding]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """A test that takes more than it usually did: ``metric`` is ``retained`` or ``peak``.

    ``usual_bytes`` is the median of the ``runs`` before, which had between ``lowest_bytes`` and ``highest_bytes``.
    """

    nodeid: str
    metric: str
    bytes: int
    usual_bytes: int
    lowest_bytes: int
    highest_bytes: int
    runs: int

    @property
    def rise_bytes(self) -> int:
        """How much more than usual."""
        return self.bytes - self.usual_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One test over some runs, the oldest first: a size for each run, None where it is not known or did not pass.

    ``peak_bytes`` is above what the test started with. ``outcome`` and ``verdict`` are those of the newest run that
    had the test, ``last`` the place of that run.
    """

    nodeid: str
    peak_bytes: Sequence[int | None]
    retained_bytes: Sequence[int | None]
    outcome: str
    verdict: str
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Creep:
    """A test that takes more and more, too slowly for any run to be above what was usual then.

    ``first_bytes`` and ``last_bytes`` are the levels at both ends of the ``runs`` that have the figure.
    """

    nodeid: str
    metric: str
    first_bytes: int
    last_bytes: int
    runs: int

    @property
    def gained_bytes(self) -> int:
        """From the first level to the last."""
        return self.last_bytes - self.first_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PastLeak:
    """One leak over some runs: ``places`` are those of the runs that had it, ``finding`` is the newest of it."""

    finding: PastFinding
    places: Sequence[int]
