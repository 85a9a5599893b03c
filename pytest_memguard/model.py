"""The values that cross a boundary between modules, processes or runs, and their JSON form (schema 1).

Everything here is frozen, made of builtins, and knows nothing of pytest: a renderer, another process or a later
run gets these values and needs nothing else. ``to_json`` gives exact builtins only, because execnet (the transport
of pytest-xdist) refuses enums and subclasses. A metric that could not be read is ``None``, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.events import (
    CleanupResult,
    CollectionSummary,
    ComponentUsage,
    PressureEvent,
    PressureFailure,
    StrategyStatistics,
)

SCHEMA_VERSION = 1

Kind = Literal["python", "native", "fd", "socket", "thread", "task", "process", "timer", "tempfile", "garbage"]
VerdictName = Literal[
    "clean", "suspect", "leak", "suppressed", "saturating", "one-off", "deferred", "inconclusive", "unchecked"
]
Severity = Literal["high", "low"]
Phase = Literal["setup", "call", "teardown"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSeries:
    """How one metric moved in each round of a confirmation: blocks, bytes or counts per repetition."""

    metric: str
    deltas: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A test that retained something in every round of its first confirmation: worth the escalation, not yet a leak.

    ``metrics`` names what grew (``blocks``, ``heap``, ``fds``, ..) and ``rounds`` has the deltas of each so far.
    """

    nodeid: str
    metrics: tuple[str, ...]
    rounds: tuple[RoundSeries, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where in the life of a test something happens; ``fixture`` is the innermost one at work, if one is."""

    phase: Phase
    fixture: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeGrowth:
    """Objects of one type that every repetition leaves behind: count and bytes per run."""

    type: str
    count: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationSite:
    """The source line that allocates what is retained; bytes and count per run, ``source`` is the line's text."""

    file: str
    line: int
    function: str
    bytes: int
    count: int
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """An entry of ``sites`` in the JSON report."""
        return {
            "file": self.file,
            "line": self.line,
            "function": self.function,
            "bytes": self.bytes,
            "count": self.count,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Retainer:
    """The shortest path of references from a root to what is retained.

    ``path`` is the compact form (``shop.cart._ORDERS[*]``), ``steps`` one line a step for the drawn form, ``suspect``
    the index of the step whose reference is the guilty one (it goes into the signature).
    """

    path: str
    root: str
    type: str
    steps: tuple[str, ...] = ()
    suspect: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why something stays. Empty tuples mean: looked for and not found; ``notes`` says why.

    ``retained_at``: the line that puts it where it stays, where that can be told.
    """

    types: tuple[TypeGrowth, ...] = ()
    sites: tuple[AllocationSite, ...] = ()
    retainers: tuple[Retainer, ...] = ()
    component: str | None = None
    signature: str = ""
    notes: tuple[str, ...] = ()
    retained_at: tuple[AllocationSite, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One confirmed leak; after grouping one entry a signature and origin, ``witnesses`` being all tests that show it.

    ``resources``: what leaks besides memory, by what it is: a path, the name and target of a thread, a command line.
    """

    nodeid: str
    witnesses: tuple[str, ...]
    kind: Kind
    verdict: VerdictName
    gates: bool
    reason: str | None
    severity: Severity
    phase: Phase
    fixture: str | None
    bytes_per_run: int
    blocks_per_run: int
    count_per_run: int
    rounds: tuple[RoundSeries, ...]
    confidence: float
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    suppressed_by: str | None = None
    advice: str | None = None
    resources: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """This leak's entry in ``leaks`` of the JSON report."""
        d = self.diagnosis
        return {
            "nodeid": self.nodeid,
            "witnesses": list(self.witnesses),
            "kind": self.kind,
            "verdict": self.verdict,
            "gates": self.gates,
            "reason": self.reason,
            "severity": self.severity,
            "phase": self.phase,
            "fixture": self.fixture,
            "bytes_per_run": self.bytes_per_run,
            "blocks_per_run": self.blocks_per_run,
            "count_per_run": self.count_per_run,
            "resources": list(self.resources),
            "rounds": [{"metric": r.metric, "deltas": list(r.deltas)} for r in self.rounds],
            "confidence": self.confidence,
            "types": [{"type": t.type, "count": t.count, "bytes": t.bytes} for t in d.types],
            "sites": [site.to_json() for site in d.sites],
            "retained_at": [site.to_json() for site in d.retained_at],
            "retainers": [
                {"path": r.path, "root": r.root, "type": r.type, "steps": list(r.steps), "suspect": r.suspect}
                for r in d.retainers
            ],
            "notes": list(d.notes),
            "component": d.component,
            "signature": d.signature,
            "suppressed_by": self.suppressed_by,
            "advice": self.advice,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The inverse of :meth:`to_json`; raises ``KeyError`` or ``TypeError`` on data of another shape."""
        diagnosis = Diagnosis(
            types=tuple(TypeGrowth(**t) for t in data["types"]),
            sites=tuple(AllocationSite(**s) for s in data["sites"]),
            retainers=tuple(
                Retainer(path=r["path"], root=r["root"], type=r["type"], steps=tuple(r["steps"]), suspect=r["suspect"])
                for r in data["retainers"]
            ),
            component=data["component"],
            signature=data["signature"],
            notes=tuple(data["notes"]),
            retained_at=tuple(AllocationSite(**s) for s in data.get("retained_at", ())),
        )
        return cls(
            nodeid=data["nodeid"],
            witnesses=tuple(data["witnesses"]),
            kind=data["kind"],
            verdict=data["verdict"],
            gates=data["gates"],
            reason=data["reason"],
            severity=data["severity"],
            phase=data["phase"],
            fixture=data["fixture"],
            bytes_per_run=data["bytes_per_run"],
            blocks_per_run=data["blocks_per_run"],
            count_per_run=data["count_per_run"],
            rounds=tuple(RoundSeries(metric=r["metric"], deltas=tuple(r["deltas"])) for r in data["rounds"]),
            confidence=data["confidence"],
            diagnosis=diagnosis,
            suppressed_by=data["suppressed_by"],
            advice=data["advice"],
            resources=tuple(data.get("resources", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitExceeded:
    """A test whose peak went over the limit that its marker (or the fixture) set. Bytes above the test's start."""

    nodeid: str
    limit_bytes: int
    peak_growth_bytes: int
    origin: str
    gates: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class GrownTest:
    """A test that takes more than it did in the last runs of the history, by more than the tolerance.

    ``metric``: what it retained, or its peak above what it started with. ``usual_bytes`` is the median of ``runs``
    earlier runs, which had between ``lowest_bytes`` and ``highest_bytes``.
    """

    nodeid: str
    metric: Literal["retained", "peak"]
    bytes: int
    usual_bytes: int
    lowest_bytes: int
    highest_bytes: int
    runs: int
    gates: bool = False

    def to_json(self) -> dict[str, Any]:
        """This test's entry in ``grown`` of the JSON report."""
        return {
            "nodeid": self.nodeid,
            "metric": self.metric,
            "bytes": self.bytes,
            "usual_bytes": self.usual_bytes,
            "lowest_bytes": self.lowest_bytes,
            "highest_bytes": self.highest_bytes,
            "runs": self.runs,
            "gates": self.gates,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionGrowth:
    """The two session heuristics: growth over the window, and what a full collection gave back of it."""

    suspected: bool = False
    confidence: float = 0.0
    slope_per_test: float = 0.0
    gc_efficiency: float | None = None
    reason: str | None = None
    first_nodeid: str | None = None
    last_nodeid: str | None = None

    def to_json(self) -> dict[str, Any]:
        """``session.growth`` of the JSON report."""
        return {
            "suspected": self.suspected,
            "confidence": self.confidence,
            "slope_per_test": self.slope_per_test,
            "gc_efficiency": self.gc_efficiency,
            "reason": self.reason,
            "first_nodeid": self.first_nodeid,
            "last_nodeid": self.last_nodeid,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where the run took place and which probe reads what (or why it cannot)."""

    python: str
    platform: str
    probes: Mapping[str, str]
    limit_bytes: int | None = None
    limit_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """The run as a whole. Sizes in bytes, times in seconds, ``started`` is ISO 8601 with zone."""

    started: str
    duration_s: float
    tests: int
    exit_status: int
    peak_rss_bytes: int | None
    peak_nodeid: str | None
    rss_start_bytes: int | None
    rss_end_bytes: int | None
    watching_cost_s: float
    checking_cost_s: float
    repetitions: int
    checked: int
    clean_repetitions: int = 0
    clean: int = 0
    growth: SessionGrowth = field(default_factory=SessionGrowth)
    collections: CollectionSummary | None = None

    @property
    def own_cost_s(self) -> float:
        """Time that memguard itself took: watching plus checking."""
        return self.watching_cost_s + self.checking_cost_s


class Records(Protocol):
    """The tests of a run, made one at a time: 100,000 of them are never in memory as objects."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[MemoryRecord]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The whole run: the only input of every renderer.

    ``failures``: why pressure fails the run. ``warnings`` is what the user should act on; ``errors`` is what went wrong
    inside memguard itself, one line each.
    """

    version: str
    environment: Environment
    session: SessionSummary
    tests: Records
    leaks: Sequence[Finding] = ()
    limits: Sequence[LimitExceeded] = ()
    pressure: Sequence[PressureEvent] = ()
    cleanups: Sequence[CleanupResult] = ()
    strategies: Sequence[StrategyStatistics] = ()
    failures: Sequence[PressureFailure] = ()
    warnings: Sequence[str] = ()
    errors: Sequence[str] = ()
    components: Sequence[ComponentUsage] = ()
    accepted: Sequence[Acceptance] = ()
    grown: Sequence[GrownTest] = ()
