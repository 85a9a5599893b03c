"""Why a confirmed leak stays: what types, allocated where, kept by whom, under which signature.

:func:`diagnose` repeats the leaking scenario a few times more. It knows nothing of pytest; what it repeats is a
callable. :class:`KnownCauses` recognises a diagnosed cause in other tests.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_memguard.diagnosis import gcstate
from pytest_memguard.diagnosis.causes import Cause, KnownCauses
from pytest_memguard.diagnosis.evidence import Evidence
from pytest_memguard.diagnosis.examination import Examination
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.holding import Holding, addresses, stacks_of_locks
from pytest_memguard.diagnosis.origins import Gauge, by_both
from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.diagnosis.scenario import Scenario, Watched
from pytest_memguard.diagnosis.share import Share, shares
from pytest_memguard.diagnosis.signature import sign
from pytest_memguard.diagnosis.sites import tracing
from pytest_memguard.diagnosis.survivors import new_types
from pytest_memguard.diagnosis.traces import Stack, stack_of

__all__ = [
    "Cause",
    "Evidence",
    "Gauge",
    "Held",
    "Holding",
    "KnownCauses",
    "Paths",
    "Scenario",
    "Share",
    "Stack",
    "Watched",
    "addresses",
    "by_both",
    "diagnose",
    "new_types",
    "shares",
    "sign",
    "stack_of",
    "stacks_of_locks",
    "tracing",
]


def diagnose(
    scenario: Scenario,
    *,
    rounds: int = 3,
    paths: Paths,
    native: bool,
    heap: Gauge | None = None,
    budget_s: float = 2.0,
    clock: Callable[[], float],
) -> Evidence:
    """Find types, allocation sites and a retainer path of a confirmed leak.

    ``rounds``: repetitions of each of the two phases (survivors; allocations, which takes one more). ``native``: only
    the malloc heap grew, so that there are no objects to look for; ``heap`` reads it. ``budget_s`` bounds our own work,
    in seconds of ``clock``; where it is spent, each phase makes do with two rounds and searches give up, and a note
    says so.

    Leaves the collector's flag, thresholds and debug flags as they were and nothing frozen, and tracemalloc as it was,
    also when the scenario raises, which is passed on.
    """
    scenario.settle()  # cheap if the caller has frozen the heap
    with gcstate.restored():
        examination = Examination(scenario, rounds=rounds, paths=paths, heap=heap, budget_s=budget_s, clock=clock)
        return examination.evidence(native=native)
