"""A history made up for its page: tests that stay as they are, that rose, that creep, that came and went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from benchmarks.made import MIB, SEED, nodeid, report
from pytest_memguard import __version__
from pytest_memguard.history.database import transaction
from pytest_memguard.history.recording import record
from pytest_memguard.history.revision import Revision
from pytest_memguard.history.values import EnvironmentKey
from pytest_memguard.model import Finding, MemoryRecord, RunReport

__all__ = ["CREEPS", "ENVIRONMENT", "FELL", "GONE", "NEW", "ROSE", "run_of", "write_history"]

ENVIRONMENT = EnvironmentKey(python="3.11.7", platform="linux x86_64", version=__version__, distributed=False)
# What becomes of the tests with these numbers; all others stay as they are.
ROSE, CREEPS, FELL, NEW, GONE = range(1, 6)
_RISEN_RUNS = 2
_LEAKS_FROM = 0.6
_COMMITS_A_DAY = 3
_START = 96 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tests:
    """The tests of one of many runs; ``at`` is how far of them it is, from 0 to 1, ``late`` one of the last."""

    number: int
    at: float
    late: bool
    seed: int

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[MemoryRecord]:
        random = Random(self.seed)  # noqa: S311 - figures, not secrets
        level = _START + (40 * MIB if self.late else 0)
        for number in range(self.number):
            usual = (number * 7919 % 640) << 14 if number % 5 else (number * 31 % 48 + 4) * MIB
            peak = usual + random.randrange(-8, 9) * (4096 if number % 5 else 16384)
            kept = random.randrange(-3, 4) * 4096
            if (number == NEW and self.at < 0.5) or (number == GONE and self.at > 0.5):  # noqa: PLR2004 - half way
                continue
            if number == ROSE:
                peak = (64 if self.late else 21) * MIB + random.randrange(64) * 4096
            elif number == CREEPS:
                peak, kept = round((20 + 24 * self.at) * MIB) + random.randrange(64) * 4096, round(8 * self.at * MIB)
            elif number == FELL:
                peak = (48 if self.at < _LEAKS_FROM else 9) * MIB + random.randrange(64) * 4096
            yield MemoryRecord(
                nodeid=nodeid(number),
                worker="main",
                outcome="passed",
                duration_s=random.random(),
                rss_before_bytes=level,
                rss_after_bytes=level + kept,
                peak_rss_bytes=level + max(peak, 0),
                retained_bytes=kept + random.randrange(64),
                retained_blocks=None,
                verdict="leak" if number == 0 and self.at >= _LEAKS_FROM else "clean",
            )


def run_of(tests: int, *, place: int, runs: int) -> RunReport:
    """The run at one *place*, from 0, of so many."""
    at, late = place / max(runs - 1, 1), place >= runs - _RISEN_RUNS
    whole = report(5, seed=SEED + place)
    day, hour = divmod(place, _COMMITS_A_DAY)
    session = replace(
        whole.session,
        started=f"2026-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}T{8 + 4 * hour:02}:00:00+00:00",
        tests=tests,
        duration_s=80.0 + place % 7,
        peak_rss_bytes=_START + round((150 + 30 * at + (40 if late else 0) + place % 5) * MIB),
        peak_nodeid=nodeid(ROSE),
        exit_status=1 if at >= _LEAKS_FROM else 0,
    )
    made = _Tests(number=tests, at=at, late=late, seed=SEED + place)
    return replace(whole, session=session, tests=made, leaks=_leaks(whole.leaks, at))


def write_history(path: str, *, runs: int, tests: int) -> None:
    """So many runs of so many tests, as a run writes each."""
    for place in range(runs):
        revision = Revision(commit=f"{(place + 1) * 0x9E3779B1 & 0xFFFFFFFF:08x}" * 5, branch="main")
        made = run_of(tests, place=place, runs=runs)
        transaction(
            path,
            lambda connection, made=made, revision=revision: record(  # type: ignore[misc]  # bound in the loop
                connection, made, environment=ENVIRONMENT, revision=revision, keep=max(runs, 10)
            ),
        )


def _leaks(leaks: object, at: float) -> tuple[Finding, ...]:
    """One leak that is there since some runs, one that was cured, one that is accepted."""
    python, thread, _native, accepted = leaks  # type: ignore[misc]  # made.report has four
    return (*((python,) if at >= _LEAKS_FROM else ()), *((thread,) if at < 0.3 else ()), accepted)  # noqa: PLR2004
