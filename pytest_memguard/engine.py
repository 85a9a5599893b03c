"""Pass 2 put together from its parts. Loaded only when something is to be repeated."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_memguard.check import Checker
from pytest_memguard.confirm import Confirmation, Confirmer
from pytest_memguard.grace import Grace
from pytest_memguard.judge import Floors, Metric, NoiseMeter, Policy
from pytest_memguard.meter import Meter
from pytest_memguard.model import Finding, Suspect
from pytest_memguard.probes import (
    Probes,
    open_children,
    share_of_descriptors,
    spare_memory,
    without_arenas,
    without_cached_chunks,
    without_frames,
)
from pytest_memguard.resource_check import ResourceCheck
from pytest_memguard.resources.loops import Loops
from pytest_memguard.resources.signals import open_signals
from pytest_memguard.room import Room
from pytest_memguard.screen import MOST_READINGS
from pytest_memguard.settings import Settings
from pytest_memguard.settle import Settler, native_threads
from pytest_memguard.subjects import Cycle, Pressure, Repetitions, Subject, Tally

if TYPE_CHECKING:
    from pytest_memguard.census import ContainerCensus
    from pytest_memguard.model import Verdict
    from pytest_memguard.prove import Prover
    from pytest_memguard.resource_check.examiner import Examiner

_MOST_GROWTH = 4 << 30
# Of rounds, until a leak is proved: each may retain that part of what all may.
_SERIES = 6


class Engine:
    """One pass 2; single use. What it has found can be asked for at any time, also after it was stopped.

    ``processes``: how many do this side by side. What repetitions retain may take half of the spare memory, and of what
    is left of the limit that is followed, at most 4 GiB.
    """

    def __init__(
        self,
        settings: Settings,
        probes: Probes | None,
        repetitions: Repetitions,
        *,
        rootdir: str,
        processes: int,
        grace: Grace,
        pressure: Pressure | None,
        until: float,
        clock: Callable[[], float],
        progress: Callable[[int], None],
        on_suspect: Callable[[Suspect], None],
        on_proved: Callable[[list[Finding]], None] | None,
        on_fault: Callable[[str, Exception], None],
    ) -> None:
        self._on_proved = on_proved
        self._progress = progress
        self._proved = 0
        noise = NoiseMeter()
        growth = _growth(processes, pressure)
        # Evidence that is given by time must not be weaker on a busy machine; the budget is what people wait for.
        own_time = clock if probes is None else probes.own_time(clock)
        confirmer = _confirmer(settings, probes, own_time, growth)

        def make_prover() -> Prover:
            from pytest_memguard.diagnosis import Paths  # noqa: PLC0415
            from pytest_memguard.prove import Prover  # noqa: PLC0415

            return Prover(
                confirmer,
                paths=Paths(rootdir),
                noise=noise,
                on_suspect=on_suspect,
                on_fault=on_fault,
                fixture_of=repetitions.fixture_of,
                watched=repetitions.watched,
                clock=own_time,
            )

        fds = None if probes is None else probes.reader("fds")
        children, loops = open_children().read, Loops()

        def make_examiner() -> Examiner:
            from pytest_memguard.resource_check import examiner  # noqa: PLC0415

            return examiner.make(
                confirmer,
                rootdir=rootdir,
                children=children,
                loops=loops,
                count_fds=fds or (lambda: None),
                used=share_of_descriptors(fds or (lambda: None)),
                fixture_of=repetitions.fixture_of,
                on_suspect=on_suspect,
                clock=own_time,
            )

        signals = open_signals(fds, native_threads, children)
        self._resources = ResourceCheck(signals, loops, confirmer, make_examiner, on_fault=on_fault)
        self._modules: Sequence[Sequence[Subject]] = ()
        self._prover = _LateProver(make_prover)
        self._checker = Checker(
            repetitions,
            confirmer,
            self._prover,
            self._resources,
            read_blocks=without_frames(sys.getallocatedblocks),
            until=until,
            room=Room(None if probes is None else probes.reader("rss"), most_growth=growth, pressure=pressure),
            noise=noise,
            progress=progress if on_proved is None else self._told,
            clock=clock,
            grace=grace,
        )

    @property
    def tally(self) -> Tally:
        """Verdicts and counts so far."""
        return self._checker.tally

    def _told(self, done: int) -> None:
        """So many tests are done: let people know, and whoever wants to know of leaks as they are proved."""
        self._progress(done)
        proved = len(self._resources.findings) + (0 if self._prover.made is None else len(self._prover.made.proofs.all))
        if proved != self._proved and self._on_proved is not None:
            self._proved = proved
            self._on_proved(self.findings())

    def run(self, modules: Sequence[Sequence[Subject]]) -> None:
        """Check the subjects, module by module."""
        self._modules = modules
        self._checker.run(modules)

    def findings(self) -> list[Finding]:
        """The leaks so far, each with all its witnesses in the order of the run."""
        resources = list(self._resources.findings)
        prover = self._prover.made
        if prover is None:
            return resources
        position = {s.nodeid: s.index for subjects in self._modules for s in subjects} if prover.proofs.all else {}
        found = [
            replace(
                proof.finding,
                witnesses=tuple(sorted(dict.fromkeys(proof.witnesses), key=lambda w: position.get(w, -1))),
            )
            for proof in prover.proofs.all
        ]
        return [*resources, *(_accepted(finding, prover.accepted) for finding in found)]


class _LateProver:
    """The prover, made when something has grown in every round: a third of the package is for nothing in most runs.

    What loading it leaves behind is measured by nobody: a suspect is repeated, and a new baseline taken, before the
    first reading that counts.
    """

    def __init__(self, make: Callable[[], Prover]) -> None:
        self.made: Prover | None = None
        self._make = make

    def mark(self) -> None:
        if self.made is not None:
            self.made.mark()

    def knows_causes(self) -> bool:
        return self.made is not None and self.made.knows_causes()

    def witness(self, subject: Subject, blocks: int) -> bool:
        return self.made is not None and self.made.witness(subject, blocks)

    def watch_caches(self) -> None:
        self._prover().watch_caches()

    def prove_cache(self, repeat: Callable[[], bool], repetitions: int) -> Verdict | None:
        return self._prover().prove_cache(repeat, repetitions)

    def recognise(self, subject: Subject, shown: Confirmation) -> Verdict | None:
        return None if self.made is None else self.made.recognise(subject, shown)

    def place(self, repeat: Callable[[Subject], bool], spent: Callable[[], bool]) -> bool:
        return self.made is not None and self.made.place(repeat, spent)

    def prove(self, subject: Subject, repeat: Callable[[], bool], shown: Confirmation, cycle: Cycle | None) -> Verdict:
        return self._prover().prove(subject, repeat, shown, cycle)

    def prove_steps(
        self, subject: Subject, repeat: Callable[[], bool], census: ContainerCensus, container: object
    ) -> Verdict:
        return self._prover().prove_steps(subject, repeat, census, container)

    def _prover(self) -> Prover:
        if self.made is None:
            self.made = self._make()
        return self.made


def _accepted(finding: Finding, accepted: Mapping[str, tuple[int, str]]) -> Finding:
    """A leak that every test showing it has been allowed by its marker is suppressed, with the reason of the first."""
    tests = [witness for witness in finding.witnesses if not witness.startswith("fixture:")]
    if tests and all(accepted.get(test, (-1, ""))[0] >= finding.bytes_per_run for test in tests):
        return replace(finding, verdict="suppressed", reason=accepted[tests[0]][1], suppressed_by="marker")
    return finding


def _confirmer(settings: Settings, probes: Probes | None, clock: Callable[[], float], growth: int) -> Confirmer:
    readers: dict[Metric, Callable[[], int | None]] = {"blocks": without_frames(sys.getallocatedblocks)}
    rss: Callable[[], int | None] | None = None
    saturates = True
    if probes is not None:
        heap, mapped, rss = probes.reader("heap"), probes.reader("vms"), probes.reader("rss")
        if heap is not None:
            exact = without_cached_chunks(heap)
            readers["heap"] = exact or heap
            saturates = exact is None
            if mapped is not None:
                readers["mapped"] = without_arenas(mapped, knows_heap=exact is not None)
        elif rss is not None:
            readers["rss"] = rss
    policy = Policy(
        floors=Floors(blocks=settings.floor_blocks, heap=settings.floor_heap_bytes),
        rounds=settings.rounds,
        escalation=settings.escalation_rounds,
        seconds=settings.escalation_s,
        most_bytes=min(Policy().most_bytes, growth // _SERIES),
    )
    meter = Meter(readers, capacity=max(policy.escalation, MOST_READINGS) + 2, resident=rss)
    return Confirmer(Settler(saturates=saturates), meter, policy, clock=clock, threads=_thread_count)


def _growth(processes: int, pressure: Pressure | None) -> int:
    """Bytes that repetitions may retain in all."""
    spare, headroom = spare_memory(), None if pressure is None else pressure.headroom()
    shares = (None if spare is None else spare // (2 * processes), None if headroom is None else headroom // 2)
    return min((_MOST_GROWTH, *(share for share in shares if share is not None)))


def _thread_count() -> int:
    """Threads of this process, native ones included where the system lists them."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()
