"""A suspect, and a confirmed leak with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from pytest_memguard.model.record import VerdictName
from pytest_memguard.values import dataclass

__all__ = [
    "AllocationSite",
    "Diagnosis",
    "Finding",
    "Kind",
    "Origin",
    "Phase",
    "Retainer",
    "RoundSeries",
    "Severity",
    "Suspect",
    "TypeGrowth",
]

Kind = Literal["python", "native", "fd", "socket", "thread", "task", "process", "timer", "tempfile", "garbage"]
Severity = Literal["high", "low"]
Phase = Literal["setup", "call", "teardown"]


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
