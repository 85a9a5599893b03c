"""The orchestrator of one run in one process: watch, check, judge, report. Knows nothing of pytest.

A worker watches and checks the tests that it ran and hands over what it found; the controller of a distributed run
only absorbs. A run in one process is both at once.
"""

from __future__ import annotations

import gc
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.chronicle import Chronicle
from pytest_memguard.components import ComponentRegistry
from pytest_memguard.errors import MemguardError
from pytest_memguard.events import ComponentUsage, by_pay
from pytest_memguard.gate import Gate, judged
from pytest_memguard.grace import Grace
from pytest_memguard.growth import GrowthSettings
from pytest_memguard.known import Known
from pytest_memguard.model import (
    Environment,
    Finding,
    GrownTest,
    LimitExceeded,
    MemoryRecord,
    RunReport,
    SessionSummary,
    Suspect,
    Verdict,
)
from pytest_memguard.probes import Probes, open_probes
from pytest_memguard.recorder import Recorder
from pytest_memguard.settings import Settings
from pytest_memguard.subjects import NOT_REACHED, Pressure, Repetitions, Subject
from pytest_memguard.watch import Ledger, Level, Watcher

if TYPE_CHECKING:
    from pytest_memguard.engine import Engine  # half of the package, for nothing without pass 2

Role = Literal["main", "worker", "controller"]

# A test whose first run kept this much more than pytest keeps, and whose repetition kept nothing.
_ONE_OFF_BYTES = 1 << 20

_NOT_ASKED_FOR = {
    "suspects": "nothing about it was suspicious (--memguard-confirm=suspects)",
    "marked": "no marker asks for it (--memguard-confirm=marked)",
    "none": "--memguard-confirm=none",
}


class Guard(Known):
    """Everything memguard knows of one run, and how it comes to know it. Released by ``close``."""

    def __init__(
        self, settings: Settings, *, version: str, rootdir: str, worker: str = "main", role: Role = "main"
    ) -> None:
        self.settings = settings
        self.role: Role = role
        self.worker = worker
        self.findings: list[Finding] = []
        self.accepted: Sequence[Acceptance] = ()
        self.grown: list[GrownTest] = []  # over the runs before
        self.clock: Callable[[], float] = time.perf_counter
        self.version = version
        self._rootdir = rootdir
        self.started = datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")
        self.start_s = self.clock()
        self.recorder = Recorder()
        self.components = ComponentRegistry(worker=worker, growth=growth_settings(settings))
        self._probes: Probes | None = None if role == "controller" else open_probes()
        self.watcher = None if self._probes is None else Watcher(self._probes, worker=worker)
        super().__init__(
            Ledger() if self.watcher is None else self.watcher.ledger,
            Chronicle(settings.history_size, absorbs=role == "controller"),
            None if self.watcher is None else self.watcher.lap,
        )
        self.verdicts.why_unchecked = _NOT_ASKED_FOR.get(settings.confirm)
        self._grace = Grace()
        # Of a worker, which may die, and whose controller may go.
        self.on_proved: Callable[[list[Finding]], None] | None = None
        self.is_deserted = False
        self.is_checking = False
        self._checking_from = 0.0

    # -- pass 1

    def start(self) -> None:
        """Take the baseline before the first test."""
        self._grace = Grace()
        if self.components:
            self.components.measure(None)
        if self.watcher is not None:
            self.watcher.start()

    def gap(self) -> None:
        """Something that is no test ran meanwhile."""
        if self.watcher is not None:
            self.watcher.gap()

    def lap(self) -> Level:
        """A reading inside a test."""
        if self.watcher is None:
            return Level(None, None)
        sample = self.watcher.lap()
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
        """CPU seconds that watching took, other than of components."""
        self.other_watching_s += seconds

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
        if self.watcher is None:
            return
        growth = self.watcher.session_growth(growth_settings(self.settings), collect=gc.collect)
        self.growth = replace(growth, gates=growth.suspected and "growth" in self.settings.fail_on)
        self._finish_components()

    def _finish_components(self) -> None:
        self.usages = self.components.totals()
        growing, warnings = self.components.warnings()
        self.warnings.extend([*warnings, *(self.components.lost() if len(self.ledger) else ())])
        self.ownership.tracked(self.components)
        if self.growth.suspected and growing:
            named = f"component{'s' * (len(growing) > 1)} {', '.join(growing)} grew meanwhile"
            self.growth = replace(self.growth, reason=f"{self.growth.reason}, {named}")

    def suspects(self) -> list[int]:
        """Indices of the tests that pass 1 suspects."""
        return [] if self.watcher is None else self.watcher.suspects()

    # -- pass 2

    def check(
        self,
        make_engine: type[Engine],
        modules: Sequence[Sequence[Subject]],
        repetitions: Repetitions,
        *,
        processes: int,
        pressure: Pressure | None,
        budget_s: float,
        progress: Callable[[int], None],
        on_suspect: Callable[[Suspect], None],
    ) -> None:
        """Repeat the tests in ``modules`` for at most ``budget_s`` seconds; what was found is kept, also if stopped."""
        start = self.clock()
        self._checking_from = start
        self.is_checking = True
        engine = make_engine(
            self.settings,
            self._probes,
            repetitions,
            rootdir=self._rootdir,
            processes=processes,
            grace=self._grace,
            pressure=pressure,
            until=start + budget_s,
            clock=self.clock,
            progress=progress,
            on_suspect=on_suspect,
            on_proved=self.on_proved,
            on_fault=self.fault,
        )
        self.tally = engine.tally
        try:
            if not self.is_deserted:
                engine.run(modules)
        finally:
            self.is_checking = False
            self.raw = engine.findings()
            for index, verdict in self.tally.verdicts.items():
                self.verdicts.set(index, self._one_off(index) if verdict.name == "clean" else verdict)
            if pressure is not None and pressure.over:
                self.warnings.append(f"checking ended early: {pressure.refusal}")
            if self.tally.unchecked_fixtures:
                self.warnings.append(f"fixtures not checked: {', '.join(self.tally.unchecked_fixtures[:20])}")
            self.checking_s = self.clock() - start

    @property
    def checking_since_s(self) -> float:
        """Seconds that checking has taken so far, while it goes on."""
        return self.clock() - self._checking_from

    def _one_off(self, index: int) -> Verdict:
        row = self.ledger.read(index)
        # Where reading the heap would have cost more than the tests, pass 1 has only the pages.
        kept = row.gained("rss") if row.gained("heap") is None else row.gained("heap")
        if kept is not None and kept >= _ONE_OFF_BYTES:
            return Verdict(name="one-off", reason="its first run kept memory, a repetition did not")
        return Verdict(name="clean")

    def to_wire(self) -> dict[str, Any]:
        """What a worker found, as builtins."""
        return {
            **super().to_wire(),
            "sources": self._sources(),
            "warnings": self._all_warnings(),
            "watching_s": self.watching_s,
        }

    # -- the end

    @property
    def watching_s(self) -> float:
        """CPU seconds that watching took so far."""
        return self.other_watching_s + self.components.own_cost_s

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
        settled = map(self.ownership.settle, judged(self.raw, gate, suppress_by))
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
        found = {index for index, verdict in list(self.tally.verdicts.items()) if verdict.name == "leak"}
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
        return self.tally.clean_fixtures

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
                checking_cost_s=self.checking_s,
                repetitions=self.tally.repetitions,
                clean_repetitions=self.tally.clean_repetitions,
                checked=self.tally.checked,
                clean=self.tally.clean,
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
        """An error of memguard's own: told once, and never the suite's problem.

        What a user can put right is none of these, but a warning that says how.
        """
        if isinstance(error, MemguardError):
            told, text = self.warnings, f"{error.message}; {error.remedy}"
        else:
            told, text = self.errors, f"{where}: {type(error).__name__}: {error}"
        text = " ".join(filter(None, map(str.strip, text.splitlines())))  # a list of sentences has one line for each
        if text not in told:
            told.append(text)

    def close(self) -> None:
        """Give the probes' descriptors back; may be called again."""
        if self._probes is not None:
            self._probes.close()

    def _sources(self) -> dict[str, str]:
        """Which probe read what, as it is at the end: one that became too dear has been left out meanwhile."""
        sources = dict(self.absorbed_sources) if self._probes is None else self._probes.describe()
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
