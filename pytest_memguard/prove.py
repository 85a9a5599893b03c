"""From a suspect to a finding: escalate, tell a bounded cache from a leak, diagnose, and remember the cause."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pytest_memguard.bounds import LruCensus, bound_on_path, hidden_caches
from pytest_memguard.census import ContainerCensus
from pytest_memguard.confirm import Confirmation, Confirmer
from pytest_memguard.diagnosis import Evidence, KnownCauses, Paths, Watched, new_types
from pytest_memguard.explaining import Explainer, NotRepeatableError
from pytest_memguard.judge import Metric, NoiseMeter, confidence
from pytest_memguard.model import Diagnosis, Finding, Kind, RoundSeries, Severity, Suspect, Verdict
from pytest_memguard.proofs import Proofs
from pytest_memguard.sharing import by_fixture
from pytest_memguard.subjects import Cycle, Subject
from pytest_memguard.units import format_bytes

_BURST_S = 0.3
_MOST_BURST = 600
_LONG_BURST_S = 1.5
_MOST_LONG_BURST = 1500
_LEAST_BLOCKS = 3
_LEAST_BLOCK_BYTES = 16
_FEW = range(1, 4)
_BATCH = 4
_WITNESSING = 2
_NOT_REPEATED = Verdict(name="inconclusive", reason="a repetition failed or was skipped")


class Prover:
    """Keeps the confirmed leaks of one process and recognises their causes in other tests."""

    def __init__(
        self,
        confirmer: Confirmer,
        *,
        paths: Paths,
        noise: NoiseMeter,
        on_suspect: Callable[[Suspect], None],
        on_fault: Callable[[str, Exception], None],
        fixture_of: Callable[[Any, str], str | None],
        watched: Watched | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._explainer = Explainer(
            confirmer, paths=paths, watched=watched, fixture_of=fixture_of, on_fault=on_fault, clock=clock
        )
        self.proofs = Proofs(watched, self._explainer.placed, paths)
        self.accepted: dict[str, tuple[int, str]] = {}  # bytes a run, and why, by node id
        self._confirmer = confirmer
        self._noise = noise
        self._on_suspect = on_suspect
        self._clock = clock
        self._causes = KnownCauses()
        self._lru = LruCensus()

    def mark(self) -> None:
        """Note how long the known holders are now; ``recognise`` compares."""
        self._causes.mark()

    def knows_causes(self) -> bool:
        """Whether there is anything to recognise."""
        return len(self._causes) > 0

    def witness(self, subject: Subject, blocks: int) -> bool:
        """Whether causes already proved explain exactly the ``blocks`` of one repetition since :meth:`mark`.

        The test is then recorded as their witness. What is new is counted since the heap was frozen. To be asked of a
        second repetition in a row: the first may only put back what another test has cleared.
        """
        if subject.tolerance_bytes or blocks < 1:
            return False
        causes = self._causes.recognise_all(new_types(), blocks)
        for cause in causes:
            self.proofs.witness(cause, subject)
        return bool(causes)

    def place(self, repeat: Callable[[Subject], bool], spent: Callable[[], bool]) -> bool:
        """See in which phase and fixture the latest witnesses show their leak; whether anything was repeated."""
        placed = self.proofs.place(repeat, spent)
        if placed:
            self._confirmer.freeze()
        return placed

    def watch_caches(self) -> None:
        """Note how full the ``lru_cache`` wrappers are; the heap stays exposed until the next baseline."""
        self._confirmer.expose()
        self._lru.before()

    def prove_cache(self, repeat: Callable[[], bool], repetitions: int) -> Verdict | None:
        """Is all that grew since :meth:`watch_caches` in wrappers below their bound? Emptying them in rounds proves it.

        Comes before the escalation: real caches have room for thousands of entries, and rounds would not settle it.
        """
        filling = [grown for grown in self._lru.after(repetitions) if grown.bounded]
        if not filling:
            return None

        def repeat_without() -> bool:
            passed = repeat()
            self._lru.clear_bounded()
            return passed

        confirmer = self._confirmer
        self._lru.clear_bounded()
        confirmer.baseline()
        emptied = confirmer.rounds(repeat_without, confirmer.policy.rounds)
        if emptied.state == "growing":
            confirmer.baseline()
            return None
        if emptied.state == "failed":
            return _NOT_REPEATED
        first = filling[0]
        return Verdict(name="saturating", reason=f"the cache of {first.name} fills to its bound of {first.maxsize}")

    def recognise(self, subject: Subject, shown: Confirmation) -> Verdict | None:
        """Whether the growth shown is that of causes already proved; the test is then recorded as their witness.

        After two rounds it has to agree exactly; after all rounds of a suspect it is enough that a holder has grown in
        each that was proved several times.

        A test whose marker accepts so many bytes is always proved, because how many it retains is what matters.
        """
        if subject.tolerance_bytes or "blocks" not in shown.metrics or not len(self._causes):
            return None
        deltas = self._series(shown, "blocks")
        grown = len(deltas) * deltas[-1]  # the first round may count a block of what ran before it
        causes = self._causes.recognise_all(new_types(), grown)
        if not causes and len(deltas) >= self._confirmer.policy.rounds:
            familiar = self._causes.familiar(len(deltas))
            causes = () if familiar is None else (familiar,)
        if not causes:
            return None
        for cause in causes:
            self.proofs.witness(cause, subject)
        return self._verdict_of(subject, self.proofs.of(causes[0]))

    def prove(self, subject: Subject, repeat: Callable[[], bool], shown: Confirmation, cycle: Cycle | None) -> Verdict:
        """Take a suspect to a verdict; a leak is kept as a proof. Leaves the heap frozen, as it was."""
        known = self.recognise(subject, shown) if cycle is None else None
        if known is not None:
            return known
        self._on_suspect(Suspect(nodeid=subject.nodeid, metrics=tuple(shown.metrics), rounds=shown.rounds))
        try:
            witnessing = 1 if self._confirmer.is_large(shown) else _WITNESSING
            self.watch_caches()
            if not all(repeat() for _ in range(witnessing)):
                return _NOT_REPEATED
            cached = self.prove_cache(repeat, witnessing)
            if cached is not None:
                return cached
            confirmed = self._confirmer.escalate(repeat, shown)
            return self._not_a_leak(confirmed) or self._diagnose(subject, repeat, confirmed, cycle)
        except NotRepeatableError:
            return Verdict(name="inconclusive", reason="it grew in every round, but could not be repeated to the end")
        finally:
            self._confirmer.freeze()

    def prove_steps(
        self, subject: Subject, repeat: Callable[[], bool], census: ContainerCensus, container: object
    ) -> Verdict:
        """Growth that no block shows: the container must get longer in every round, and nothing may bound it."""
        confirmer = self._confirmer
        entries, batch = self._steps(repeat, census, container)
        if not entries:
            return Verdict(name="clean")
        if len(entries) < confirmer.policy.least:
            rounds = len(entries) + 1
            return Verdict(name="saturating", reason=f"it got longer, and stopped within {rounds} repetitions")
        confirmer.thaw()
        try:
            if bound_on_path((), container) is not None:
                return Verdict(name="saturating", reason="what gets longer is bounded")
            return self._diagnose_steps(subject, _batched(repeat, batch), entries, census, container)
        except NotRepeatableError:
            return _NOT_REPEATED
        finally:
            confirmer.freeze()

    def _steps(self, repeat: Callable[[], bool], census: ContainerCensus, container: object) -> tuple[list[int], int]:
        """Entries gained in each round, and the repetitions a round; several where not every repetition adds some."""
        entries: list[int] = []
        for batch in (1, _BATCH):
            entries.clear()
            until = self._clock() + self._confirmer.policy.seconds
            while len(entries) < self._confirmer.policy.escalation:
                if len(entries) >= self._confirmer.policy.least and self._clock() > until:
                    break
                grown = self._growth_of(container, census, _batched(repeat, batch))
                if not grown:
                    break
                entries.append(grown)
            else:
                return entries, batch
            if len(entries) >= self._confirmer.policy.rounds:
                return entries, batch
        return entries, _BATCH

    def _growth_of(self, container: object, census: ContainerCensus, repeat: Callable[[], bool]) -> int:
        """By how much one repetition makes a container longer; 0 also where it could not be repeated."""
        census.mark()
        if not repeat():
            return 0
        self._confirmer.settler.light()  # entries of weak mappings go with their garbage
        return next((longer.grown for longer in census.grown() if longer.container is container), 0)

    def _diagnose_steps(
        self,
        subject: Subject,
        repeat: Callable[[], bool],
        entries: Sequence[int],
        census: ContainerCensus,
        container: object,
    ) -> Verdict:
        """Many more repetitions, then the path to the container; without one it is not reported."""
        census.mark()
        confirmer = self._confirmer
        confirmer.baseline()
        most, until, done = _MOST_BURST, self._clock() + _BURST_S, 0
        while done < most and self._clock() < until:
            if not repeat():
                raise NotRepeatableError
            done += 1
        confirmer.thaw()
        confirmer.settle_and_read()
        longer = next((g.grown for g in census.grown() if g.container is container), 0)
        if 2 * longer < done * min(entries):
            return Verdict(name="saturating", reason=f"it got longer, and stopped within {done} more repetitions")
        samples = confirmer.meter.samples()
        gained = {metric: (readings[-1] - readings[0]) // max(done, 1) for metric, readings in samples.items()}
        size = max(1, gained.get("heap", gained.get("rss", 0)), _LEAST_BLOCK_BYTES * gained["blocks"])
        evidence = self._explainer.examine(repeat, native=False)
        if evidence.holder is not container or not evidence.diagnosis.retainers:
            return Verdict(name="inconclusive", reason="a container gets longer in every run; its holder was not found")
        confirmed = Confirmation(
            state="growing",
            repetitions=len(entries) + done,
            metrics=("blocks",),
            rounds=(RoundSeries(metric="entries", deltas=tuple(entries)),),
        )
        finding = replace(
            self._finding(subject, confirmed, evidence, None),
            kind="python",
            bytes_per_run=size,
            severity="high",
        )
        self.proofs.add(finding)
        return self._verdict_of(subject, finding)

    def _not_a_leak(self, confirmed: Confirmation) -> Verdict | None:
        if confirmed.state == "saturating":
            rounds = confirmed.repetitions
            return Verdict(name="saturating", reason=f"it grew, and stopped within {rounds} repetitions")
        if confirmed.state == "deferred":
            return Verdict(name="deferred", reason="what it retained was freed a little later")
        if confirmed.state != "growing":
            return _NOT_REPEATED
        return None

    def _diagnose(
        self, subject: Subject, repeat: Callable[[], bool], confirmed: Confirmation, cycle: Cycle | None
    ) -> Verdict:
        goes_on, burst = self._confirmer.burst(repeat, confirmed, seconds=_BURST_S, most=_MOST_BURST)
        if not goes_on:
            return Verdict(name="saturating", reason=f"it grew, and stopped within {burst} more repetitions")

        confirmed = replace(confirmed, repetitions=confirmed.repetitions + burst)
        native = not _in_python(confirmed)
        rounds = 2 if self._confirmer.is_large(confirmed) else 3
        evidence = self._explainer.examine(repeat, native=native, confirmed=confirmed, rounds=rounds)
        settled = self._stopped_meanwhile(repeat, confirmed, evidence)
        if settled is not None:
            return settled
        bound = (
            bound_on_path(evidence.chain, evidence.holder) if evidence.chain or evidence.holder is not None else None
        )
        if bound is not None and (bound.proven or bound.room):
            return Verdict(name="saturating" if bound.proven else "inconclusive", reason=bound.reason)
        if not evidence.diagnosis.retainers and confirmed.per_run("blocks") in _FEW and (hidden := hidden_caches()):
            return Verdict(name="inconclusive", reason=hidden[0])
        return self._keep(subject, repeat, confirmed, evidence, cycle)

    def _stopped_meanwhile(
        self, repeat: Callable[[], bool], confirmed: Confirmation, evidence: Evidence
    ) -> Verdict | None:
        """A bound may have been reached while the diagnosis repeated; without a retainer nobody could know of it."""
        confirmer = self._confirmer
        confirmer.freeze()
        if not confirmer.warm_up(repeat):
            return _NOT_REPEATED
        goes_on = any(  # asked twice: what the diagnosis has left is freed in the first
            confirmer.burst(repeat, confirmed, seconds=_BURST_S, most=confirmer.policy.rounds)[0] for _ in range(2)
        )
        if not goes_on:
            return Verdict(name="saturating", reason="it grew, and stopped while it was looked into")
        if evidence.diagnosis.retainers:
            return None
        goes_on, burst = confirmer.burst(repeat, confirmed, seconds=_LONG_BURST_S, most=_MOST_LONG_BURST)
        if not goes_on:
            return Verdict(name="saturating", reason=f"it grew, and stopped within {burst} more repetitions")
        return None

    def _keep(
        self,
        subject: Subject,
        repeat: Callable[[], bool],
        confirmed: Confirmation,
        evidence: Evidence,
        cycle: Cycle | None,
    ) -> Verdict:
        finding = self._finding(subject, confirmed, evidence, cycle)
        cause = None
        if cycle is None:
            cause = self._causes.remember(evidence, blocks_per_run=confirmed.per_run("blocks"))
        if cycle is not None:
            ask = partial(self._explainer.shares, repeat, least=confirmed.repetitions)
            finding, *others = by_fixture(finding, cycle, ask)
            for other in others:
                self.proofs.add(other)
        self.proofs.add(finding, cause)
        return self._verdict_of(subject, finding)

    def _finding(self, subject: Subject, confirmed: Confirmation, evidence: Evidence, cycle: Cycle | None) -> Finding:
        diagnosis = evidence.diagnosis
        blocks, heap = confirmed.per_run("blocks"), confirmed.per_run("heap")
        python = _in_python(confirmed) or bool(diagnosis.retainers)  # a string that gets longer is a block all the time
        size = _retained(confirmed, diagnosis) if python else heap or confirmed.per_run("mapped")
        explained = bool(diagnosis.sites or diagnosis.retainers)
        kind: Kind = "python" if python else "native"
        severity: Severity = "low" if python and blocks < _LEAST_BLOCKS and not diagnosis.retainers else "high"
        origin = self._explainer.origin(subject, evidence)
        use = None
        if cycle is not None:
            use = cycle.named(origin.fixture) or cycle.blamed(site.function for site in diagnosis.sites)
            origin = replace(origin, phase="setup" if origin.phase == "call" else origin.phase, fixture=use.name)
        witnesses = tuple(s.nodeid for s in use.users) if use is not None else (subject.nodeid,)
        return Finding(
            nodeid=subject.nodeid,
            witnesses=witnesses if use is None else (f"fixture:{use.name}", *witnesses),
            kind=kind,
            verdict="leak",
            gates=True,
            reason=None,
            severity=severity,
            phase=origin.phase,
            fixture=origin.fixture,
            bytes_per_run=size,
            blocks_per_run=blocks,
            count_per_run=sum(t.count for t in diagnosis.types),
            rounds=confirmed.rounds,
            confidence=confidence(
                confirmed.metrics,
                _rounds_of(confirmed),
                self._noise,
                explained=explained,
                followed=confirmed.repetitions,
            ),
            diagnosis=diagnosis,
        )

    def _verdict_of(self, subject: Subject, finding: Finding) -> Verdict:
        if subject.tolerance_bytes and finding.bytes_per_run <= subject.tolerance_bytes:
            accepted = f"{format_bytes(subject.tolerance_bytes)} a run accepted by its marker"
            reason = f"{accepted}: {subject.tolerance_reason}" if subject.tolerance_reason else accepted
            self.accepted[subject.nodeid] = (subject.tolerance_bytes, reason)
            return Verdict(name="suppressed", reason=reason)
        return Verdict(name="leak")

    @staticmethod
    def _series(shown: Confirmation, metric: Metric) -> Sequence[int]:
        return next((s.deltas for s in shown.rounds if s.metric == metric), ())


def _batched(repeat: Callable[[], bool], batch: int) -> Callable[[], bool]:
    return repeat if batch == 1 else lambda: all(repeat() for _ in range(batch))


def _rounds_of(confirmed: Confirmation) -> int:
    return max((len(series.deltas) for series in confirmed.rounds), default=0)


def _in_python(confirmed: Confirmation) -> bool:
    """Whether most repetitions retained Python objects: one where something else was freed does not make it native."""
    return confirmed.per_run("blocks") > 0


def _retained(confirmed: Confirmation, diagnosis: Diagnosis) -> int:
    """Bytes per run of a Python leak: what tracemalloc or the survivors account for, the heap where that is more.

    Pages that an object has mapped by itself count as far as they are resident: a thread maps much more than it uses.
    """
    traced = sum(site.bytes for site in diagnosis.sites)
    counted = sum(growth.bytes for growth in diagnosis.types)
    pages = min(confirmed.per_run("mapped"), confirmed.bytes_per_run)
    return max(traced, counted, confirmed.per_run("heap"), pages, _LEAST_BLOCK_BYTES * confirmed.per_run("blocks"))
