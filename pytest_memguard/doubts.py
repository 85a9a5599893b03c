"""Growth whose code may put an end to it: followed until that is unlikely, or left open with the reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from os.path import basename

from pytest_memguard.bounds import Reading, read_code
from pytest_memguard.confirm import Confirmation, Confirmer
from pytest_memguard.diagnosis import Evidence
from pytest_memguard.judge import settled_after
from pytest_memguard.model import Verdict

_PATIENCE = 5  #: times what an escalation may take


def read_evidence(evidence: Evidence) -> Reading:
    """What the code says that reaches what holds the objects of a diagnosis."""
    retainers = evidence.diagnosis.retainers
    if not retainers:
        return Reading(says="open")
    at = {(basename(site.file), site.line) for site in evidence.diagnosis.retained_at}
    return read_code(evidence.chain, evidence.holder, retainers[0].path, at=at)


def settle_doubt(
    confirmer: Confirmer,
    repeat: Callable[[], bool],
    confirmed: Confirmation,
    reading: Reading,
    *,
    runs: int,
    clock: Callable[[], float],
) -> Confirmation | Verdict:
    """Makes the repetitions that are missing (:func:`settled_after`), if there is time for all of them.

    Those that retain the policy's ``most_bytes`` are enough: a bound beyond that is none that anybody wants.
    ``confirmed``: what grew so far, returned as it is unless the code is doubtful, or with the repetitions that were
    added; a verdict where it stopped, or where nobody can know. ``runs``: repetitions in one round.
    """
    if reading.says != "doubtful":
        return confirmed
    seconds = _PATIENCE * confirmer.policy.seconds
    started = clock()
    goes_on, done = _few(confirmer, repeat, confirmed, seconds)
    pace = (clock() - started) / max(done, 1)
    followed = confirmed.repetitions + done
    wanted = max(0, math.ceil(settled_after() / runs) - followed)
    missing = min(wanted, confirmer.policy.most_bytes // max(confirmed.bytes_per_run, 1))
    if goes_on and missing * pace <= seconds:
        goes_on, done = confirmer.burst(repeat, confirmed, seconds=seconds, most=missing)
        followed += done
        missing = 0 if confirmer.retained_much() else missing - done
        if goes_on:  # the sum may be that of the first half
            goes_on, _ = _few(confirmer, repeat, confirmed, seconds)
    if not goes_on:
        return Verdict(name="saturating", reason=f"it grew, and stopped within {followed * runs:,} repetitions")
    if missing > 0:
        return Verdict(name="inconclusive", reason=_why(followed * runs, reading.sign, pace / runs))
    return replace(confirmed, repetitions=followed)


def _few(confirmer: Confirmer, repeat: Callable[[], bool], confirmed: Confirmation, seconds: float) -> tuple[bool, int]:
    """Whether it goes on, asked twice: what came before may free something in the first; and repetitions made."""
    made = 0
    for _ in range(2):
        goes_on, done = confirmer.burst(repeat, confirmed, seconds=seconds, most=confirmer.policy.rounds)
        made += done
        if goes_on:
            return True, made
    return False, made


def _why(followed: int, sign: str, pace: float) -> str:
    needed = settled_after()
    enough = math.ceil(needed * pace / _PATIENCE) + 1
    return (
        f"it grew in each of {followed:,} repetitions, but may stop: {sign}; "
        f"{needed:,} would tell, for which confirm.escalation.time has to be {enough}s"
    )
