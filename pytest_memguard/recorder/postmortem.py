"""What killed a run, from its recordings: who was running, who had grown most, and whether it was the OOM killer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pytest_memguard.recorder.recording import RecordedTest, Recording
from pytest_memguard.units import format_bytes, percent
from pytest_memguard.values import dataclass

__all__ = ["Likelihood", "OutOfMemory", "Postmortem", "ProcessEnd", "examine"]

Likelihood = Literal["likely", "possible", "unlikely", "unknown"]

_SIGKILL = 9
_NEAR = 0.9
# Limits that count one process; those of groups and machines count all of a run together.
_OF_ONE = ("memory.limit", "RLIMIT_AS", "RLIMIT_DATA")
_SHOWN_TESTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfMemory:
    """Whether the kernel killed the run because memory ran out, and what speaks for and against it."""

    likelihood: Likelihood
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnd:
    """The end of one process. ``victim`` is the test that ran, or else the last that had; ``None``: it had run none.

    ``signal`` is the number of the one that ended it, where somebody has seen that.
    """

    worker: str
    role: str
    pid: int
    stage: str
    has_ended: bool
    signal: int | None
    victim: RecordedTest | None
    culprit: RecordedTest | None
    tests: tuple[RecordedTest, ...]
    path: str

    @property
    def rss(self) -> int | None:
        """Bytes that were resident at the last reading."""
        if self.victim is None:
            return None
        return self.victim.rss_before if self.victim.rss_after is None else self.victim.rss_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmortem:
    """One run that did not end in good order. ``started`` is seconds since the epoch."""

    run: str
    started: float
    rootdir: str
    python: str
    version: str
    limit_bytes: int | None
    limit_source: str | None
    processes: tuple[ProcessEnd, ...]
    culprit: RecordedTest | None
    culprit_worker: str | None
    out_of_memory: OutOfMemory
    still_running: bool

    @property
    def killed(self) -> tuple[ProcessEnd, ...]:
        """The processes with tests that were not over, or all that ran any where there is no such process."""
        at_work = tuple(each for each in self.processes if not each.has_ended and each.role != "controller")
        return at_work or tuple(each for each in self.processes if each.role != "controller")

    def to_json(self) -> dict[str, Any]:
        """Exact builtins."""
        return {
            "run": self.run,
            "started": self.started,
            "rootdir": self.rootdir,
            "python": self.python,
            "version": self.version,
            "still_running": self.still_running,
            "limit_bytes": self.limit_bytes,
            "limit_source": self.limit_source,
            "culprit": None if self.culprit is None else {"worker": self.culprit_worker, **self.culprit.to_json()},
            "victims": [
                {"worker": each.worker, **each.victim.to_json()} for each in self.killed if each.victim is not None
            ],
            "out_of_memory": {
                "likelihood": self.out_of_memory.likelihood,
                "reasons": list(self.out_of_memory.reasons),
            },
            "processes": [
                {
                    "worker": each.worker,
                    "role": each.role,
                    "pid": each.pid,
                    "stage": each.stage,
                    "ended": each.has_ended,
                    "signal": each.signal,
                    "rss_last_bytes": each.rss,
                    "file": each.path,
                    "tests": [test.to_json() for test in each.tests],
                }
                for each in self.processes
            ],
        }


def examine(run: Sequence[Recording], *, kills_now: Mapping[str, Any], still_running: bool = False) -> Postmortem:
    """What the recordings of one run, of which there is at least one, say.

    *kills_now* are the kernel's counters as they are now; those that were read when the run was found dead count
    more.
    """
    ordered = sorted(run, key=lambda each: (each.role != "controller", each.started, each.worker))
    processes = tuple(map(_process, ordered))
    candidates = [(each.culprit, each.worker) for each in processes if each.culprit is not None]
    culprit, worker = max(candidates, key=lambda pair: pair[0].growth or 0, default=(None, None))
    first = ordered[0]
    limit = next((each for each in ordered if each.limit_bytes is not None), first)
    return Postmortem(
        run=first.run,
        started=first.started,
        rootdir=first.rootdir,
        python=first.python,
        version=first.version,
        limit_bytes=limit.limit_bytes,
        limit_source=limit.limit_source,
        processes=processes,
        culprit=culprit,
        culprit_worker=worker,
        out_of_memory=_out_of_memory(ordered, processes, limit, kills_now),
        still_running=still_running,
    )


def _process(recording: Recording) -> ProcessEnd:
    signal = recording.afterwards.get("signal")
    return ProcessEnd(
        worker=recording.worker,
        role=recording.role,
        pid=recording.process.pid,
        stage=recording.stage,
        has_ended=recording.has_ended,
        signal=signal if isinstance(signal, int) else None,
        victim=recording.tests[-1] if recording.tests else None,
        culprit=_culprit(recording),
        tests=recording.tests[-_SHOWN_TESTS:],
        path=recording.path,
    )


def _culprit(recording: Recording) -> RecordedTest | None:
    """The test that grew most: all its runs together, of the last tests and of those that had grown most before."""
    known = {test.number: test for test in (*recording.grown, *recording.tests)}
    by_test: dict[str, list[RecordedTest]] = defaultdict(list)
    for test in known.values():
        by_test[test.nodeid].append(test)
    grown = [_together(tests) for tests in by_test.values()]
    largest = max(grown, key=lambda test: test.growth or 0, default=None)
    return largest if largest is not None and (largest.growth or 0) > 0 else None


def _together(tests: Iterable[RecordedTest]) -> RecordedTest:
    """All recorded runs of one test as one: what each has grown, from what was resident before the first."""
    ordered = sorted(tests, key=lambda test: test.number)
    last = ordered[-1]
    if len(ordered) == 1:
        return last
    start = next((test.rss_before for test in ordered if test.rss_before is not None), None)
    grown = sum(test.growth or 0 for test in ordered)
    return replace(
        last,
        runs=sum(test.runs for test in ordered),
        rss_before=start,
        rss_after=None if start is None else start + grown,
        started_s=ordered[0].started_s,
    )


def _out_of_memory(
    run: Sequence[Recording], processes: Sequence[ProcessEnd], limit: Recording, kills_now: Mapping[str, Any]
) -> OutOfMemory:
    reasons: list[str] = []
    signals = {each.signal for each in processes if each.signal is not None}
    if signals and _SIGKILL not in signals:
        return OutOfMemory(likelihood="unlikely", reasons=(f"it was ended by signal {min(signals)}, not by SIGKILL",))
    before, after = limit.kills, _kills_after(run) or kills_now
    same_boot = bool(before.get("boot")) and before.get("boot") == after.get("boot")
    same_group = same_boot and bool(before.get("group")) and before.get("group") == after.get("group")
    killed = _risen(before, after, "kills") if same_group else None
    hits = _risen(before, after, "hits") if same_group else None
    elsewhere = _risen(before, after, "machine_kills") if same_boot else None
    share = _share(processes, limit)
    if killed:
        reasons.append(f"the kernel has killed {_times(killed, 'process')} of its control group for memory since")
    elif elsewhere:
        reasons.append(f"the kernel has killed {_times(elsewhere, 'process')} of this machine for memory since")
    if hits:
        reasons.append(f"its control group has come to its limit {_times(hits, 'time')} since")
    if share is not None and limit.limit_bytes is not None:
        known = format_bytes(limit.limit_bytes)
        reasons.append(f"at the last reading it had {percent(share)} of {known} ({limit.limit_source or 'limit'})")
    if _SIGKILL in signals:
        reasons.append("it was ended by SIGKILL")
    near = share is not None and share >= _NEAR
    if killed or (elsewhere and (near or hits)):
        return OutOfMemory(likelihood="likely", reasons=tuple(reasons))
    if near or hits or elsewhere:
        return OutOfMemory(likelihood="possible", reasons=tuple(reasons))
    told = killed == 0 or elsewhere == 0
    if told:
        reasons.insert(0, "the kernel has killed no process for memory since it began")
    return OutOfMemory(likelihood="unlikely" if told else "unknown", reasons=tuple(reasons))


def _kills_after(run: Iterable[Recording]) -> Mapping[str, Any] | None:
    found = (each.afterwards.get("kills") for each in run)
    return next((kills for kills in found if isinstance(kills, dict)), None)


def _risen(before: Mapping[str, Any], after: Mapping[str, Any], key: str) -> int | None:
    """By how much a counter has risen; ``None`` where it is not known, or another one."""
    first, last = before.get(key), after.get(key)
    if not isinstance(first, int) or not isinstance(last, int) or last < first:
        return None
    return last - first


def _share(processes: Sequence[ProcessEnd], limit: Recording) -> float | None:
    """How much of the limit the processes had together at their last readings."""
    known = [each.rss for each in processes if each.rss is not None and not each.has_ended]
    if not known or not limit.limit_bytes:
        return None
    used = max(known) if limit.limit_source in _OF_ONE else sum(known)
    return used / limit.limit_bytes


def _times(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun.endswith('s') else 's'}"
