"""The orchestrator of one run in one process: watch, check, judge, report. Knows nothing of pytest.

A worker watches and checks the tests that it ran and hands over what it found; the controller of a distributed run
only absorbs. A run in one process is both at once.
"""

from __future__ import annotations

import gc
import platform
import sys
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.chronicle import Chronicle
from pytest_memguard.components import ComponentRegistry, Ownership
from pytest_memguard.events import ComponentUsage, by_pay
from pytest_memguard.fixture import Level
from pytest_memguard.gate import Gate, judged
from pytest_memguard.grace import Grace
from pytest_memguard.growth import GrowthSettings
from pytest_memguard.model import (
    Environment,
    Finding,
    GrownTest,
    LimitExceeded,
    MemoryRecord,
    RunReport,
    SessionGrowth,
    SessionSummary,
    Suspect,
    Verdict,
)
from pytest_memguard.probes import Probes, Sample, open_probes
from pytest_memguard.recorder import Recorder
from pytest_memguard.settings import Settings
from pytest_memguard.subjects import NOT_REACHED, Repetitions, Subject, Tally
from pytest_memguard.verdicts import Verdicts
from pytest_memguard.watch import Ledger, Points, Watcher

if TYPE_CHECKING:
    from pytest_memguard.engine import Engine  # half of the package, for nothing without pass 2

Role = Literal["main", "worker", "controller"]
Unread = tuple[str, float]  # outcome and seconds of a test without any reading

# A test whose first run kept this much more than pytest keeps, and whose repetition kept nothing.
_ONE_OFF_BYTES = 1 << 20

_NOT_ASKED_FOR = {
    "suspects": "nothing about it was suspicious (--memguard-confirm=suspects)",
    "marked": "no marker asks for it (--memguard-confirm=marked)",
    "none": "--memguard-confirm=none",
}


class Guard:
    """Everything memguard knows of one run. Released by ``close``."""

    def __init__(
        self, settings: Settings, *, version: str, rootdir: str, worker: str = "main", role: Role = "main"
    ) -> None:
        self.settings = settings
        self.role: Role = role
        self.worker = worker
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.limits: list[LimitExceeded] = []
        self.findings: list[Finding] = []
        self.accepted: Sequence[Acceptance] = ()
        self.deselected = False
        self.growth = SessionGrowth()
        self.grown: list[GrownTest] = []  # over the runs before
        self.chronicle = Chronicle(settings.history_size, absorbs=role == "controller")
        self.clock: Callable[[], float] = time.perf_counter
        self.version = version
        self._rootdir = rootdir
        self.started = datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")
        self.start_s = self.clock()
        self.recorder = Recorder()
        self.last_words: dict[str, str] = {}  #: what workers were doing when they died
        self.components = ComponentRegistry(worker=worker, growth=growth_settings(settings))
        self.usages: list[ComponentUsage] = []  # at the end of pass 1
        self.ownership = Ownership()
        self._probes: Probes | None = None if role == "controller" else open_probes()
        self._watcher = None if self._probes is None else Watcher(self._probes, worker=worker)
        self.ledger = Ledger() if self._watcher is None else self._watcher.ledger
        self.verdicts = Verdicts()
        self.verdicts.why_unchecked = _NOT_ASKED_FOR.get(settings.confirm)
        self._tally = Tally()
        self._grace = Grace()
        self._raw: list[Finding] = []
        self._watching_s = 0.0
        self._checking_s = 0.0
        self.points = Points(self.ledger, None if self._watcher is None else self._watcher.lap)
        self._absorbed_sources: Mapping[str, str] = {}
        self._absorbed: dict[str, array[int]] = {}

    # -- pass 1

    def start(self) -> None:
        """Take the baseline before the first test."""
        self._grace = Grace()
        if self.components:
            self.components.measure(None)
        if self._watcher is not None:
            self._watcher.start()

    def begin(self, nodeid: str) -> None:
        """A test begins."""
        if self._watcher is not None:
            self.recorder.begins(nodeid, self._watcher.last[0])

    def end(self, nodeid: str, outcome: str, duration_s: float) -> int:
        """A test has ended; gives its index."""
        if self._watcher is None:
            raise RuntimeError("a controller runs no tests")
        index = self.points.end(self._watcher.boundary(nodeid, outcome, duration_s))
        rss, *_, peak = self._watcher.last
        self.recorder.ends(rss, peak, outcome)
        return index

    def gap(self) -> None:
        """Something that is no test ran meanwhile."""
        if self._watcher is not None:
            self._watcher.gap()

    def lap(self) -> Level:
        """A reading inside a test."""
        if self._watcher is None:
            return Level(None, None)
        sample = self._watcher.lap()
        return Level(sample.rss, sample.peak)

    def heap(self) -> int | None:
        """Bytes of the malloc heap in use, at any cost; None where it cannot be read."""
        read = None if self._probes is None else self._probes.reader("heap")
        return None if read is None else read()

    def account(self, component: str, heap_before: int | None) -> None:
        """A test is marked as that component's: account to it what the test has retained."""
        heap = self.heap()
        if heap is not None and heap_before is not None:
            self.components.get(component, origin="a marker").account(heap - heap_before)

    def measure_components(self, index: int, report: Callable[[ComponentUsage], object] | None) -> None:
        """Count what the components hold after a test; *report* is told of each."""
        nodeid = self.ledger.nodeid(index)
        if report is None:
            self.components.note(nodeid)
        else:
            for usage in self.components.measure(nodeid):
                report(usage)
        self.gap()

    def reader(self, metric: str) -> Callable[[], int | None] | None:
        """One metric by itself, or ``None`` where there is no way to read it (see ``Probes.reader``)."""
        return None if self._probes is None else self._probes.reader(metric)

    def add_watching_cost(self, seconds: float) -> None:
        """CPU seconds that following pressure took."""
        self._watching_s += seconds

    def leave_out(self, index: int, reason: str) -> None:
        """A test that passed will not be checked, for that reason."""
        self.verdicts.set(index, Verdict(name="unchecked", reason=reason))

    def record(self, index: int) -> MemoryRecord:
        """One test as a value."""
        return self.ledger.record(index, self.verdicts.get(index))

    def check_limit(self, index: int, limit_bytes: int, origin: str) -> None:
        """Compare the peak of a test with the limit that its marker sets."""
        grown = self.ledger.read(index).peak_growth
        if grown is not None and grown > limit_bytes:
            self.limits.append(
                LimitExceeded(
                    nodeid=self.ledger.nodeid(index),
                    limit_bytes=limit_bytes,
                    peak_growth_bytes=grown,
                    origin=origin,
                    gates="limit" in self.settings.fail_on,
                )
            )

    def finish_watching(self) -> None:
        """The last test has ended: judge the session as a whole."""
        if self._watcher is None:
            return
        growth = self._watcher.session_growth(growth_settings(self.settings), collect=gc.collect)
        self.growth = replace(growth, gates=growth.suspected and "growth" in self.settings.fail_on)
        self._finish_components()

    def _finish_components(self) -> None:
        self.usages = self.components.totals()
        growing, warnings = self.components.warnings()
        self.warnings.extend(warnings)
        self.ownership.tracked(self.components)
        if self.growth.suspected and growing:
            named = f"component{'s' * (len(growing) > 1)} {', '.join(growing)} grew meanwhile"
            self.growth = replace(self.growth, reason=f"{self.growth.reason}, {named}")

    def suspects(self) -> list[int]:
        """Indices of the tests that pass 1 suspects."""
        return [] if self._watcher is None else self._watcher.suspects()

    # -- pass 2

    def check(
        self,
        make_engine: type[Engine],
        modules: Sequence[Sequence[Subject]],
        repetitions: Repetitions,
        *,
        processes: int,
        budget_s: float,
        progress: Callable[[int], None],
        on_suspect: Callable[[Suspect], None],
    ) -> None:
        """Repeat the tests in ``modules`` for at most ``budget_s`` seconds; what was found is kept, also if stopped."""
        start = self.clock()
        engine = make_engine(
            self.settings,
            self._probes,
            repetitions,
            rootdir=self._rootdir,
            processes=processes,
            grace=self._grace,
            until=start + budget_s,
            clock=self.clock,
            progress=progress,
            on_suspect=on_suspect,
            on_fault=self.fault,
        )
        self._tally = engine.tally
        try:
            engine.run(modules)
        finally:
            self._raw = engine.findings()
            for index, verdict in self._tally.verdicts.items():
                self.verdicts.set(index, self._one_off(index) if verdict.name == "clean" else verdict)
            if self._tally.unchecked_fixtures:
                self.warnings.append(f"fixtures not checked: {', '.join(self._tally.unchecked_fixtures[:20])}")
            self._checking_s = self.clock() - start

    def _one_off(self, index: int) -> Verdict:
        row = self.ledger.read(index)
        # Where reading the heap would have cost more than the tests, pass 1 has only the pages.
        kept = row.gained("rss") if row.gained("heap") is None else row.gained("heap")
        if kept is not None and kept >= _ONE_OFF_BYTES:
            return Verdict(name="one-off", reason="its first run kept memory, a repetition did not")
        return Verdict(name="clean")

    # -- between processes

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
            "findings": [finding.to_json() for finding in self._raw],
            "limits": [
                [limit.nodeid, limit.limit_bytes, limit.peak_growth_bytes, limit.origin, limit.gates]
                for limit in self.limits
            ],
            "checkpoints": self.points.to_wire(),
            "growth": self.growth.to_json(),
            "around": self.chronicle.end(),
            "sources": self._sources(),
            "warnings": self._all_warnings(),
            "errors": list(self.errors),
            "watching_s": self.watching_s,
            "checking_s": self._checking_s,
            "repetitions": self._tally.repetitions,
            "clean_repetitions": self._tally.clean_repetitions,
            "clean": self._tally.clean,
            "checked": self._tally.checked,
            "clean_fixtures": sorted(self._tally.clean_fixtures),
            "deselected": self.deselected,
            "components": [usage.to_json() for usage in self.usages],
            "ownership": self.ownership.to_wire(),
        }

    def absorb(self, worker: str, wire: Mapping[str, Any]) -> None:
        """Take what a worker found."""
        self.verdicts.absorb(wire["verdicts"], self._absorbed.get(worker, array("q")))
        self._raw.extend(Finding.from_json(finding) for finding in wire["findings"])
        for nodeid, limit, grown, origin, gates in wire["limits"]:
            self.limits.append(
                LimitExceeded(nodeid=nodeid, limit_bytes=limit, peak_growth_bytes=grown, origin=origin, gates=gates)
            )
        self.points.absorb(wire["checkpoints"], self._absorbed.get(worker, array("q")))
        growth = SessionGrowth(**wire["growth"])
        if growth.suspected and growth.confidence > self.growth.confidence:
            self.growth = growth
        self.chronicle.absorb(wire["around"])
        self._absorbed_sources = wire["sources"]
        self.warnings.extend(w for w in wire["warnings"] if w not in self.warnings)
        self.errors.extend(f"{worker}: {e}" for e in wire["errors"])
        self._watching_s += wire["watching_s"]
        self._checking_s = max(self._checking_s, wire["checking_s"])
        self._tally.repetitions += wire["repetitions"]
        self._tally.clean_repetitions += wire["clean_repetitions"]
        self._tally.clean += wire["clean"]
        self._tally.checked += wire["checked"]
        self._tally.clean_fixtures.update(wire["clean_fixtures"])
        self.deselected |= wire["deselected"]
        self.usages.extend(map(ComponentUsage.from_json, wire["components"]))
        self.ownership.absorb(wire["ownership"])

    def lost(self, worker: str, unread: Mapping[str, Unread], *, died: bool) -> None:
        """A worker died, or was stopped, with what it knew: its tests stay unchecked, and the report says why.

        ``unread``: the tests that it ran and of which nothing else has come, by node id.
        """
        for nodeid, (outcome, duration_s) in unread.items():
            self.absorb_row(worker, [nodeid, worker, outcome, duration_s, *[None] * 2 * len(Sample._fields)])
        indices = self._absorbed.get(worker, array("q"))
        happened = "died" if died else "was stopped"
        for index in indices:
            reason = f"worker {worker} {happened} before it could report"
            self.verdicts.set(index, Verdict(name="unchecked", reason=reason))
        words = self.last_words.get(worker)
        told = f"worker {worker} {happened}{f' {words}' if words else ''}"
        if indices:
            tests = "its test is" if len(indices) == 1 else f"its {len(indices)} tests are"
            self.warnings.append(f"{told}; {tests} not checked")
        elif words:
            self.warnings.append(told)

    # -- the end

    @property
    def watching_s(self) -> float:
        """CPU seconds that watching took so far."""
        own_s = self.components.own_cost_s + (self._watcher.own_cost_s if self._watcher is not None else 0.0)
        return self._watching_s + own_s + self.recorder.cost_s

    def conclude(
        self,
        plugins: Iterable[str],
        suppress_by: Callable[[Finding], str | None],
        accept: Callable[[list[Finding]], list[Finding]],
    ) -> Sequence[Finding]:
        """Group and judge what was found, without what is accepted; from then on ``findings`` holds it."""
        gate = Gate(
            on_leak="leak" in self.settings.fail_on, packages=self.settings.packages, plugins=frozenset(plugins)
        )
        settled = map(self.ownership.settle, judged(self._raw, gate, suppress_by))
        self.findings = _advised(accept(list(settled)))
        self._follow_suppressions()
        return self.findings

    def _follow_suppressions(self) -> None:
        """A test whose leaks are all suppressed has that verdict, too."""
        leaking = {witness for f in self.findings if f.verdict == "leak" for witness in f.witnesses}
        reasons = {w: f.reason for f in self.findings if f.verdict == "suppressed" for w in f.witnesses}
        for index in range(len(self.ledger)) if reasons else ():
            nodeid = self.ledger.nodeid(index)
            if nodeid in reasons and nodeid not in leaking and self.verdicts.get(index).name == "leak":
                self.verdicts.set(index, Verdict(name="suppressed", reason=reasons[nodeid]))

    def leaking(self) -> list[str]:
        """Node ids of the tests that were found to leak so far, also while others are still being checked."""
        found = {index for index, verdict in list(self._tally.verdicts.items()) if verdict.name == "leak"}
        return [self.ledger.nodeid(index) for index in sorted(found)]

    def sources(self) -> dict[str, str]:
        """Which probe reads what, or why it cannot."""
        return self._sources()

    def overdue(self) -> list[str]:
        """Node ids of the tests that the budget did not reach, in the order of the run."""
        indices = range(len(self.ledger))
        return [self.ledger.nodeid(i) for i in indices if self.verdicts.get(i) in NOT_REACHED]

    def checked(self) -> set[str]:
        """Node ids of the tests that were."""
        indices = range(len(self.ledger))
        return {self.ledger.nodeid(i) for i in indices if self.verdicts.get(i).name != "unchecked"}

    def clean_fixtures(self) -> set[str]:
        """Names of the fixtures above function scope that were repeated and retain nothing."""
        return self._tally.clean_fixtures

    def report(self, exit_status: int) -> RunReport:
        """The whole run as a value; tests are made one at a time when they are asked for."""
        totals = self.ledger.totals()
        limit_bytes, limit_source = self.chronicle.limit or (None, None)
        return RunReport(
            version=self.version,
            environment=Environment(
                python=sys.version.split()[0],
                platform=platform.platform(),
                probes=self._sources(),
                limit_bytes=limit_bytes,
                limit_source=limit_source,
            ),
            session=SessionSummary(
                started=self.started,
                duration_s=round(self.clock() - self.start_s, 3),
                tests=len(self.ledger),
                exit_status=exit_status,
                peak_rss_bytes=totals.peak_rss,
                peak_nodeid=totals.peak_nodeid,
                rss_start_bytes=totals.rss_start,
                rss_end_bytes=totals.rss_end,
                watching_cost_s=self.watching_s,
                checking_cost_s=self._checking_s,
                repetitions=self._tally.repetitions,
                clean_repetitions=self._tally.clean_repetitions,
                checked=self._tally.checked,
                clean=self._tally.clean,
                growth=self.growth,
                collections=self.chronicle.collections,
            ),
            tests=self.ledger.records(self.verdicts.get),
            leaks=tuple(self.findings),
            limits=tuple(self.limits),
            pressure=tuple(self.chronicle.pressure),
            cleanups=tuple(self.chronicle.cleanups),
            strategies=tuple(by_pay(self.chronicle.strategies.values())),
            failures=tuple(self.chronicle.failures),
            warnings=tuple(self._all_warnings()),
            errors=tuple(self.errors),
            accepted=tuple(self.accepted),
            components=tuple(sorted(self.usages, key=lambda usage: usage.worker)),
            grown=tuple(self.grown),
        )

    def updated(self, report: RunReport) -> RunReport:
        """The report with what went wrong since it was made."""
        return replace(report, warnings=tuple(self._all_warnings()), errors=tuple(self.errors))

    def fault(self, where: str, error: BaseException) -> None:
        """An error of memguard's own: told once, and never the suite's problem."""
        text = f"{where}: {type(error).__name__}: {error}"
        if text not in self.errors:
            self.errors.append(text)

    def close(self) -> None:
        """Give the probes' descriptors back; may be called again."""
        if self._probes is not None:
            self._probes.close()

    def _sources(self) -> dict[str, str]:
        """Which probe read what, as it is at the end: one that became too dear has been left out meanwhile."""
        sources = dict(self._absorbed_sources) if self._probes is None else self._probes.describe()
        return {**sources, **self.chronicle.sources}

    def _all_warnings(self) -> list[str]:
        return [*self.warnings, *(self._probes.warnings if self._probes is not None else ())]


def _advised(findings: Sequence[Finding]) -> list[Finding]:
    """With the usual cure of each; the table is loaded only where there is something to cure."""
    if not findings:
        return []
    from pytest_memguard.advice import advise  # noqa: PLC0415

    return [finding if finding.advice else replace(finding, advice=advise(finding)) for finding in findings]


def growth_settings(settings: Settings) -> GrowthSettings:
    """Those of a run."""
    return GrowthSettings(
        window=settings.leak_detection_window,
        threshold=settings.leak_growth_threshold,
        gc_efficiency=settings.gc_efficiency_threshold,
    )
