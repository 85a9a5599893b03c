"""Take one test that may leak resources through its rounds, to a verdict or to a finding."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pytest_memguard.confirm import Confirmer
from pytest_memguard.diagnosis import Holding, Paths
from pytest_memguard.grace import GRACE_STEPS_S
from pytest_memguard.model import Finding, Kind, RoundSeries, Suspect, Verdict
from pytest_memguard.resource_check.finding import Evidence, FindingMaker
from pytest_memguard.resource_check.trace import Leaked, Tracer, grouped
from pytest_memguard.resources.inventory import Census, Inventory, open_inventory
from pytest_memguard.resources.loops import Loops
from pytest_memguard.resources.rounds import Rounds
from pytest_memguard.subjects import Cycle, Subject

Repeat = Callable[[], bool]

_WITNESS_ROUNDS = 2
_SEARCH_S = 1.0
#: What costs so much, or stays so visibly, that it is not repeated more often than it takes to be sure.
_COSTLY: frozenset[Kind] = frozenset({"process", "tempfile"})
#: What somebody else may yet close, end or collect, even where there is no other thread.
_ENDING: frozenset[Kind] = frozenset({"process", "thread", "timer", "task"})
#: Seconds for what takes longer to end, after the common ones.
_LONGER_STEPS_S = (0.5, 1.0)
_HALF = 0.5
_MOST_USED = 0.8
_ALL_USED = 0.95
_TOO_MANY_OPEN = Verdict(
    name="inconclusive", reason="too many descriptors are open to repeat it: mend what leaks them first"
)
#: What takes descriptors.
_OPENING: frozenset[Kind] = frozenset({"fd", "socket", "process"})
_LEAK = Verdict(name="leak")
_DEFERRED = Verdict(name="deferred", reason="what it left open was closed, or had ended, a little later")


class Examiner:
    """Keeps the findings of one process, and recognises in other tests the lines that made them.

    ``used``: the share of the descriptors that the process may open which is open already. What repetitions leak stays
    open, so that there are fewer rounds when half of them are gone, and none when there are only a few left.
    """

    def __init__(
        self,
        confirmer: Confirmer,
        inventory: Inventory,
        tracer: Tracer,
        maker: FindingMaker,
        *,
        used: Callable[[], float],
        on_suspect: Callable[[Suspect], None],
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.findings: list[Finding] = []
        self._confirmer = confirmer
        self._inventory = inventory
        self._tracer = tracer
        self._maker = maker
        self._used = used
        self._on_suspect = on_suspect
        self._clock = clock
        self._sleep = sleep
        self._known: dict[object, Finding] = {}

    def examine(self, subject: Subject, repeat: Repeat, cycle: Cycle | None) -> Verdict | None:
        """What its resources say; None where it leaks none, or cannot be repeated."""
        if self._used() > _ALL_USED:
            return _TOO_MANY_OPEN
        self._confirmer.freeze()
        try:
            return self._examine(subject, repeat, cycle)
        finally:
            self._confirmer.freeze()

    def _examine(self, subject: Subject, repeat: Repeat, cycle: Cycle | None) -> Verdict | None:
        rounds = Rounds(self._take())
        if not self._go_on(rounds, repeat, _WITNESS_ROUNDS):
            return self._not_kept(rounds)
        leaked = self._traced_early(rounds, repeat, cycle)
        early = self._early(subject, rounds, leaked or ())
        if early is not None:
            return early
        policy = self._confirmer.policy
        if not self._go_on(rounds, repeat, policy.rounds):
            return self._not_kept(rounds)
        now = self._take()
        kinds = rounds.leaking(now)
        bounded = self._bounded(rounds, kinds, now)
        if bounded is not None:
            return bounded
        if not _COSTLY.issuperset(kinds):  # a pool that fills stops; whether it did is asked of the last census
            self._go_on(rounds, repeat, policy.escalation, until=self._clock() + policy.seconds)
        final = self._patiently(rounds)
        if rounds.leaking(final):
            leaked = leaked or self._trace(repeat, rounds.leaking(final))
            return self._explained(subject, rounds, final, leaked or [], cycle)
        return _DEFERRED if rounds.deferred(final) else None

    def _not_kept(self, rounds: Rounds) -> Verdict | None:
        """Where each of several repetitions added something: whether that of the last goes as well."""
        if rounds.count < _WITNESS_ROUNDS or not rounds.adding():
            return None
        for pause in (0.0, *GRACE_STEPS_S):
            self._sleep(pause)
            if rounds.deferred(self._take()):
                return _DEFERRED
            if threading.active_count() == 1:
                break
        return None

    def _take(self) -> Census:
        self._confirmer.settler.light()
        self._inventory.look_for_loops()  # new ones; the heap is frozen
        return self._inventory.take()

    def _go_on(self, rounds: Rounds, repeat: Repeat, wanted: int, *, until: float | None = None) -> bool:
        """Repeat until there are so many rounds; False as soon as nothing of one of them is there any more."""
        least = self._confirmer.policy.least
        while rounds.count < wanted:
            late = until is not None and rounds.count >= least and self._clock() > until
            if late or (until is not None and self._used() > _HALF):
                break
            if not repeat():
                return False
            rounds.add(self._take())
            if not rounds.keeping():
                return False
        return True

    def _patiently(self, rounds: Rounds) -> Census:
        """What there is after a grace period, which ends when nothing is left that leaks."""
        final = self._take()
        for pause in (*GRACE_STEPS_S, *_LONGER_STEPS_S):
            kinds = rounds.leaking(final)
            if not kinds or (threading.active_count() == 1 and _ENDING.isdisjoint(kinds)):
                break
            if pause in _LONGER_STEPS_S and "process" not in kinds:
                break
            self._sleep(pause)
            self._inventory.reap()
            final = self._take()
        return final

    def _lasting(self, leaked: Sequence[Leaked], deltas: Mapping[Kind, tuple[int, ...]]) -> list[Leaked]:
        """Without what is gone by now: the traced repetition may have left more, for a moment, than the rounds did."""
        expected = {kind: max(counts) for kind, counts in deltas.items()}
        found = list(leaked)
        for pause in (0.0, *GRACE_STEPS_S):
            self._sleep(pause)
            there = self._take()
            found = [each for each in found if each.key in there]
            if all(sum(each.kind == kind for each in found) <= most for kind, most in expected.items()):
                break
        return found

    def _bounded(self, rounds: Rounds, kinds: Sequence[Kind], final: Census) -> Verdict | None:
        """Whether all of it belongs to one executor that has so many at most."""
        keys = [key for kind in kinds for key in rounds.lasting(kind, final)]
        found = list(self._inventory.describe(keys, ()).values())
        owners = {id(resource.owner) for resource in found}
        first = found[0] if found and len(owners) == 1 else None
        if first is None or first.owner is None or first.bound is None:
            return None
        return Verdict(name="saturating", reason=f"they belong to one executor of at most {first.bound} workers")

    def _trace(self, repeat: Repeat, kinds: Collection[Kind]) -> list[Leaked] | None:
        return self._tracer.trace(repeat, self._confirmer.settler.light, kinds)

    def _traced_early(self, rounds: Rounds, repeat: Repeat, cycle: Cycle | None) -> list[Leaked] | None:
        """Where a line may be known to leak, ask for the lines at once."""
        kinds = rounds.adding()
        if cycle is not None or not any(known.kind in kinds for known in self._known.values()):
            return None
        leaked = self._trace(repeat, kinds)
        rounds.add(self._take())
        return leaked

    def _early(self, subject: Subject, rounds: Rounds, leaked: Sequence[Leaked]) -> Verdict | None:
        """The verdict that needs no more rounds, or cannot have them."""
        if leaked and self._witness(subject, rounds, leaked):
            return _LEAK
        scarce = self._used() > _MOST_USED and not _OPENING.isdisjoint(rounds.adding())
        return _TOO_MANY_OPEN if scarce else None

    def _witness(self, subject: Subject, rounds: Rounds, leaked: Sequence[Leaked]) -> bool:
        """Whether all that it leaves comes from lines that are known to leak."""
        groups = grouped(leaked)
        if any(group.identity not in self._known for group in groups):
            return False
        leaking = rounds.leaking(self._take())
        if not all(group.kind in leaking for group in groups):
            return False
        for group in groups:
            known = self._known[group.identity]
            self.findings.append(replace(known, nodeid=subject.nodeid, witnesses=(subject.nodeid,)))
        return True

    def _explained(
        self, subject: Subject, rounds: Rounds, final: Census, leaked: Sequence[Leaked], cycle: Cycle | None
    ) -> Verdict | None:
        """Make a finding of each line that leaks."""
        deltas = {kind: rounds.deltas(kind, final) for kind in rounds.leaking(final)}
        kinds = list(deltas)
        series = tuple(RoundSeries(metric=f"{kind}s", deltas=deltas[kind]) for kind in kinds)
        self._on_suspect(Suspect(nodeid=subject.nodeid, metrics=tuple(kinds), rounds=series))
        lasting = self._lasting([each for each in leaked if each.kind in kinds], deltas)
        evidence = Evidence(deltas=deltas, born=self._tracer.born)
        self._confirmer.expose()
        verdict: Verdict | None = None
        for group in grouped(lasting):
            made = self._maker.make(subject, group, evidence, cycle)
            if isinstance(made, Verdict):
                verdict = verdict or made
                continue
            verdict = _LEAK
            self.findings.append(made)
            if group.identity is not None and cycle is None:
                self._known[group.identity] = made
        if verdict is _LEAK and "process" in kinds:
            self._inventory.end_processes(rounds.lasting("process", self._inventory.take()))
        return verdict


def make(
    confirmer: Confirmer,
    *,
    rootdir: str,
    children: Callable[[], Iterable[int]],
    loops: Loops,
    count_fds: Callable[[], int | None],
    used: Callable[[], float],
    fixture_of: Callable[[Any, str], str | None],
    on_suspect: Callable[[Suspect], None],
    clock: Callable[[], float],
) -> Examiner:
    """An examiner of this process. ``count_fds``: open descriptors, in about a microsecond."""
    inventory = open_inventory(children, loops)
    holding = Holding(Paths(rootdir), budget_s=_SEARCH_S, clock=clock)
    return Examiner(
        confirmer,
        inventory,
        Tracer(inventory, holding, count_fds=count_fds),
        FindingMaker(holding, fixture_of=fixture_of),
        used=used,
        on_suspect=on_suspect,
        clock=clock,
    )
