"""The course of one check: first calls, batches until all is cleared or has grown in each, proof, explanation."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

from pytest_memguard.bounds import bound_on_path
from pytest_memguard.calls.batches import Batches
from pytest_memguard.calls.error import CallLeak
from pytest_memguard.calls.instruments import Instruments
from pytest_memguard.calls.making import Making
from pytest_memguard.calls.meter import CallMeter, Count
from pytest_memguard.calls.opened import opened
from pytest_memguard.calls.quiet import quiet
from pytest_memguard.confirm import Confirmation, Confirmer
from pytest_memguard.diagnosis import Evidence, Paths, Scenario, diagnose
from pytest_memguard.grace import GRACE_STEPS_S
from pytest_memguard.judge import METRICS, Floors, NoiseMeter, Policy, confidence
from pytest_memguard.model import Diagnosis
from pytest_memguard.prove import Prover
from pytest_memguard.settle import Settler

_FROZEN_AT_START = 1_000  #: CPython 3.12 freezes a few hundred objects itself; who freezes, freezes thousands
_FIRST_CALLS = 9
_SLOW_S = 0.05
_ROUNDS = 6
_LEAST = 3
_PROOF_S = 3.0
_LEAST_BYTES = 16  #: half of glibc's smallest chunk
_MOST_FLOOR = 256
_FADED = 4
_HALF = 0.5
_ONE_BLOCK = 0.99
_RARE = 8
_DIAGNOSIS_S = 2.0
_UNTRACKED = (
    "what stays are objects that the garbage collector does not track, such as text, bytes, numbers, or objects of an "
    "extension: look for a reference that the function does not give back"
)
_LEAST_BLOCK_BYTES = 16


class Course:
    """Single use. ``arguments``: what the function is called with, by what to call it in a report."""

    def __init__(
        self,
        calls: Making,
        instruments: Instruments,
        *,
        name: str,
        arguments: Sequence[tuple[str, Any]],
        runs: int | None,
        tolerance: int,
        rootdir: str,
    ) -> None:
        self._calls = calls
        self._instruments = instruments
        self._name = name
        self._tolerance = tolerance
        self._paths = Paths(rootdir)
        self._batches = Batches(calls, runs=runs, clock=instruments.clock)
        self._settler = Settler()
        self._counts = self._to_count(arguments)
        self._series = 0

    def leak(self) -> CallLeak | None:
        """Find out; None where nothing leaks. What the function raises is passed on."""
        first = self._calls.one()  # not hidden: it may print, log and warn, as any call of the test's
        frozen = gc.get_freeze_count() > _FROZEN_AT_START
        with ExitStack() as stack:
            self._batches.forget = stack.enter_context(quiet())
            stack.callback(gc.freeze if frozen else gc.unfreeze)
            stack.callback(gc.unfreeze)
            start = self._instruments.clock()
            second = self._calls.one()
            slow = self._instruments.clock() - start > _SLOW_S
            if first is second:
                self._counts.append(_references("the result", second))
            del first, second
            return self._found(1 if slow else _FIRST_CALLS)

    def _found(self, first_calls: int) -> CallLeak | None:
        self._settler.prepare()
        self._fit_first(first_calls)
        confirmer = self._confirmer = self._make_confirmer()
        confirmer.warm_up(self._batches)
        self._fit_again()
        self._series = self._meter.rows
        confirmer.baseline(_ROUNDS)
        shown = confirmer.once_more(confirmer.rounds(self._batches, _ROUNDS), self._batches)
        counted = self._still_counted()
        proved = self._proved(shown) if shown.state == "growing" else None
        if proved is None and not counted:
            return None
        return self._explained(proved, counted)

    # -- sizes of batches

    def _fit_first(self, calls: int) -> None:
        """By so many calls; what only the very first one has left is not among it."""
        counters = [count.read for count in self._counts if not count.share]
        before = [self._bytes(), *(read() or 0 for read in counters)]
        call_s = self._batches.timed(calls)
        grown = [
            max(0, now - then)
            for now, then in zip([self._bytes(), *(read() or 0 for read in counters)], before, strict=True)
        ]
        per_call = [each / calls for each in grown]
        self._call_s = call_s
        self._batches.fit(call_s=call_s, call_bytes=per_call[0], call_counts=max(per_call[1:], default=0.0))

    def _fit_again(self) -> None:
        """By the batch that warmed up, which tells more."""
        first = self._meter.rows - 2
        counts = (self._meter.per_call(count.name, first) for count in self._counts if not count.share)
        sizes = (self._meter.per_call(name, first) for name in ("heap", "mapped") if name in self._instruments.memory)
        self._batches.fit(call_s=self._call_s, call_bytes=max(sizes), call_counts=max(counts, default=0.0))

    def _bytes(self) -> int:
        return self._instruments.memory["heap"]() or 0

    # -- the parts of a check

    def _make_confirmer(self) -> Confirmer:
        instruments = self._instruments
        floor = min(_MOST_FLOOR, _LEAST_BYTES * self._batches.first)
        policy = Policy(floors=Floors(heap=floor), rounds=_ROUNDS, escalation=_ROUNDS, seconds=_PROOF_S, least=_LEAST)
        self._meter = CallMeter(
            instruments.memory, self._counts, total=self._batches.total, resident=instruments.resident
        )
        return Confirmer(
            self._settler,
            self._meter,
            policy,
            clock=instruments.clock,
            sleep=instruments.sleep,
            threads=instruments.all_threads,
        )

    def _to_count(self, arguments: Sequence[tuple[str, Any]]) -> list[Count]:
        found = []
        if self._instruments.fds is not None:
            found.append(Count(name="fds", read=self._instruments.fds))
        if self._instruments.threads is not None:
            found.append(Count(name="threads", read=self._instruments.threads))
        return found + [_references(name, value) for name, value in arguments]

    # -- proof

    def _still_counted(self) -> list[Count]:
        """The counts that grew in every round, also in as many rounds as memory is given."""
        meter = self._meter
        while meter.counting(self._series) and len(meter.rounds(self._series)) < _ROUNDS:
            self._confirmer.round(self._batches)
        found = meter.counting(self._series)
        if any(count.name == "threads" for count in found) and self._threads_end():
            return [count for count in found if count.name != "threads"]
        return found

    def _threads_end(self) -> bool:
        """Whether half of the new threads end when they are given a little time."""
        read = self._instruments.threads
        if read is None:
            return False
        now = read()
        grown = self._meter.per_call("threads", self._series) * sum(r.calls for r in self._meter.rounds(self._series))
        for pause in GRACE_STEPS_S:
            self._instruments.sleep(pause)
        return 2 * (now - read()) > grown

    def _proved(self, shown: Confirmation) -> Confirmation | None:
        """Larger batches, until it is known that it goes on at the same pace and is no cache that fills."""
        rates = {metric: self._meter.per_call(metric, self._series) for metric in shown.metrics}
        proof = self._meter.rows
        confirmed = self._confirmer.escalate(self._batches, shown)
        if confirmed.state != "growing":
            return None
        goes_on = tuple(m for m in confirmed.metrics if _FADED * self._meter.per_call(m, proof) >= rates.get(m, 0.0))
        if not goes_on or self._fills_a_cache():
            return None
        return confirmed

    def _fills_a_cache(self) -> bool:
        """Whether all that grows is in an ``lru_cache`` with a bound."""
        prover = Prover(
            self._confirmer,
            paths=self._paths,
            noise=NoiseMeter(),
            on_suspect=_ignore,
            on_fault=_ignore,
            fixture_of=_ignore,
            clock=self._instruments.clock,
        )
        prover.watch_caches()
        self._batches()
        return prover.prove_cache(self._batches, 1) is not None

    # -- explanation

    def _explained(self, proved: Confirmation | None, counted: Sequence[Count]) -> CallLeak | None:
        meter, first = self._meter, self._series
        metrics = () if proved is None else proved.metrics
        if proved is not None:  # what stays refers to something, such as None
            counted = [count for count in counted if not count.share]
        rates = {name: meter.per_call(name, first) for name in (*metrics, *(count.name for count in counted))}
        rounds = meter.rounds(first)
        evidence = self._evidence(rates) if proved is not None else Evidence(diagnosis=Diagnosis())
        diagnosis = _noted(evidence.diagnosis, untracked="blocks" in rates)
        if evidence.chain or evidence.holder is not None:
            bound = bound_on_path(evidence.chain, evidence.holder)
            if bound is not None and (bound.proven or bound.room) and not counted:
                return None
        size = _size_of(rates, diagnosis)
        resources = [count for count in counted if not count.share]
        if not resources and size <= self._tolerance and (self._tolerance or not counted):
            return None  # who accepts bytes accepts references
        return CallLeak(
            function=self._name,
            rounds=tuple(rounds),
            per_call=rates,
            bytes_per_call=size,
            confidence=confidence(
                metrics or ("blocks",), len(rounds), NoiseMeter(), explained=bool(diagnosis.sites or counted)
            ),
            diagnosis=diagnosis,
            opened=self._opened(rates) if resources else (),
        )

    def _opened(self, rates: dict[str, float]) -> tuple[str, ...]:
        """Names of what one more call, or as many as it takes, leaves open."""
        most = max(rates.get("fds", 0.0), rates.get("threads", 0.0))
        return opened(partial(self._batches.make, ceil(1 / most) if most > 0 else 1))

    def _evidence(self, rates: dict[str, float]) -> Evidence:
        """The diagnosis, by repetitions of as many calls as it takes to leave one object."""
        blocks = rates.get("blocks", 0.0)
        count = 1 if not blocks or blocks >= _ONE_BLOCK else min(self._batches.most, ceil(_RARE / blocks))
        scenario = Scenario(repeat=partial(self._batches.make, count), settle=self._settler.light)
        clock = self._instruments.clock
        try:
            return diagnose(scenario, paths=self._paths, native=not blocks, budget_s=_DIAGNOSIS_S, clock=clock)
        except Exception as error:  # noqa: BLE001 - the objects looked at are anybody's
            return Evidence(diagnosis=Diagnosis(notes=(f"not diagnosed: {type(error).__name__}: {error}",)))


def _references(name: str, value: Any) -> Count:
    return Count(name=f"references to {name}", read=partial(sys.getrefcount, value), share=_HALF)


def _noted(diagnosis: Diagnosis, *, untracked: bool) -> Diagnosis:
    """A diagnosis that found no Python object although blocks grew says what else they can be."""
    if untracked and not (diagnosis.types or diagnosis.sites or diagnosis.retainers):
        return replace(diagnosis, notes=(_UNTRACKED,))
    return diagnosis


def _size_of(rates: dict[str, float], diagnosis: Diagnosis) -> int:
    """Bytes a call: of heap and blocks (as far as the diagnosis knows their sizes), else of pages."""
    blocks = rates.get("blocks", 0.0)
    known = blocks >= _ONE_BLOCK  # then the diagnosis has repeated single calls
    traced = sum(site.bytes for site in diagnosis.sites) if known else 0
    counted = sum(growth.bytes for growth in diagnosis.types) if known else 0
    size = max(rates.get("heap", 0.0), traced, counted, _LEAST_BLOCK_BYTES * blocks) or rates.get("mapped", 0.0)
    return max(1, round(size)) if rates.keys() & set(METRICS) else 0


def _ignore(*_arguments: object) -> None:
    """Nobody is to be told of a suspect here."""
