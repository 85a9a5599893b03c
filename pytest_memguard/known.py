"""What is known of a run, in the process that ran the tests, and then in the controller to which workers tell it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pytest_memguard.chronicle import Chronicle
from pytest_memguard.components import Ownership
from pytest_memguard.events import ComponentUsage
from pytest_memguard.model import Finding, LimitExceeded, SessionGrowth, Verdict
from pytest_memguard.probes import Sample
from pytest_memguard.subjects import Tally
from pytest_memguard.verdicts import Verdicts
from pytest_memguard.watch import Ledger, Points

__all__ = ["Known", "Unread"]

Unread = tuple[str, float]  # outcome and seconds of a test without any reading


class Known:
    """The tests, the findings before they are judged, and all that happened around them.

    ``raw``: the findings of each process as they were confirmed. ``usages``: components at the end of pass 1.
    ``last_words``: what workers were doing when they died. ``other_watching_s``: CPU seconds of watching besides those
    of this process's own readings.
    """

    def __init__(self, ledger: Ledger, chronicle: Chronicle, lap: Callable[[], Sample] | None) -> None:
        self.ledger = ledger
        self.chronicle = chronicle
        self.points = Points(ledger, lap)
        self.verdicts = Verdicts()
        self.tally = Tally()
        self.raw: list[Finding] = []
        self.limits: list[LimitExceeded] = []
        self.growth = SessionGrowth()
        self.usages: list[ComponentUsage] = []
        self.ownership = Ownership()
        self.warnings: list[str] = []
        self.errors: list[str] = []
        self.last_words: dict[str, str] = {}
        self.deselected = False
        self.other_watching_s = 0.0
        self.checking_s = 0.0
        self.absorbed_sources: Mapping[str, str] = {}
        self._absorbed: dict[str, array[int]] = {}

    def row(self, index: int) -> list[Any]:
        """One test as builtins for the controller."""
        return list(self.ledger.row(index))

    def absorb_row(self, worker: str, row: Sequence[Any]) -> None:
        """Take the next test of a worker."""
        with suppress(ValueError, TypeError):
            self._absorbed.setdefault(worker, array("q")).append(self.ledger.absorb(row))

    def to_wire(self) -> dict[str, Any]:
        """What a worker found, as builtins."""
        return {
            "verdicts": self.verdicts.to_wire(),
            "findings": [finding.to_json() for finding in self.raw],
            "limits": [
                [limit.nodeid, limit.limit_bytes, limit.peak_growth_bytes, limit.origin, limit.gates]
                for limit in self.limits
            ],
            "checkpoints": self.points.to_wire(),
            "growth": self.growth.to_json(),
            "around": self.chronicle.end(),
            "errors": list(self.errors),
            "checking_s": self.checking_s,
            "repetitions": self.tally.repetitions,
            "clean_repetitions": self.tally.clean_repetitions,
            "clean": self.tally.clean,
            "checked": self.tally.checked,
            "clean_fixtures": sorted(self.tally.clean_fixtures),
            "deselected": self.deselected,
            "components": [usage.to_json() for usage in self.usages],
            "ownership": self.ownership.to_wire(),
        }

    def absorb(self, worker: str, wire: Mapping[str, Any]) -> None:
        """Take what a worker found."""
        self.verdicts.absorb(wire["verdicts"], self._absorbed.get(worker, array("q")))
        self.raw.extend(Finding.from_json(finding) for finding in wire["findings"])
        for nodeid, limit, grown, origin, gates in wire["limits"]:
            self.limits.append(
                LimitExceeded(nodeid=nodeid, limit_bytes=limit, peak_growth_bytes=grown, origin=origin, gates=gates)
            )
        self.points.absorb(wire["checkpoints"], self._absorbed.get(worker, array("q")))
        growth = SessionGrowth(**wire["growth"])
        if growth.suspected and growth.confidence > self.growth.confidence:
            self.growth = growth
        self.chronicle.absorb(wire["around"])
        self.absorbed_sources = wire["sources"]
        self.warnings.extend(w for w in wire["warnings"] if w not in self.warnings)
        self.errors.extend(f"{worker}: {e}" for e in wire["errors"])
        self.other_watching_s += wire["watching_s"]
        self.checking_s = max(self.checking_s, wire["checking_s"])
        self.tally.repetitions += wire["repetitions"]
        self.tally.clean_repetitions += wire["clean_repetitions"]
        self.tally.clean += wire["clean"]
        self.tally.checked += wire["checked"]
        self.tally.clean_fixtures.update(wire["clean_fixtures"])
        self.deselected |= wire["deselected"]
        self.usages.extend(map(ComponentUsage.from_json, wire["components"]))
        self.ownership.absorb(wire["ownership"])

    def lost(self, worker: str, unread: Mapping[str, Unread], *, died: bool, leaking: Collection[str] = ()) -> None:
        """A worker died, or was stopped, with what it knew: its tests stay unchecked, and the report says why.

        ``unread``: the tests that it ran and of which nothing else has come, by node id. ``leaking``: the tests that it
        has told before to be leaking.
        """
        for nodeid, (outcome, duration_s) in unread.items():
            self.absorb_row(worker, [nodeid, worker, outcome, duration_s, *[None] * 2 * len(Sample._fields)])
        indices = self._absorbed.get(worker, array("q"))
        happened = "died" if died else "was stopped"
        for index in indices:
            reason = f"worker {worker} {happened} before it could report"
            leaks = self.ledger.nodeid(index) in leaking
            self.verdicts.set(index, Verdict(name="leak") if leaks else Verdict(name="unchecked", reason=reason))
            self.tally.checked += leaks
        words = self.last_words.get(worker)
        told = f"worker {worker} {happened}{f' {words}' if words else ''}"
        unchecked = sum(self.ledger.nodeid(index) not in leaking for index in indices)
        if unchecked:
            tests = "its test is" if unchecked == 1 else f"its {unchecked} tests are"
            self.warnings.append(f"{told}; {tests} not checked")
        elif words:
            self.warnings.append(told)

    def keep_proved(
        self, worker: str, proved: Sequence[Mapping[str, Any]], *, ended: str, checking_s: float = 0.0
    ) -> None:
        """A worker *ended* (``died``): take the leaks that it had told of. Not later than when findings are judged.

        *checking_s*: how long it had been checking when it told of the last one.
        """
        self.checking_s = max(self.checking_s, checking_s)
        note = f"worker {worker} has proved this, and {ended} before it could report"
        for each in proved:
            finding = Finding.from_json(each)
            notes = (*finding.diagnosis.notes, note)
            self.raw.append(replace(finding, diagnosis=replace(finding.diagnosis, notes=notes)))
