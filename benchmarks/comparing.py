"""Compares the outputs of a run with those of plain runs: the record of all events, the terminal, the JUnit file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks import normal
from benchmarks.places import BenchmarkError
from benchmarks.texts import Template
from benchmarks.varying import record_lines, shape, steady, texts, varying, without

# What is said of the worker: its name, in a path as well, and how much of the suite, or of its part, was done by then.
_WORKER = re.compile(r"\bgw\d+\b")
_SHARE = re.compile(r"(?<=^\[gw\]) \[ *\d+%\]| +\[ *\d+%\]$")
_IN_ORDER = frozenset({"start", "finish", "collected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """One run's exit status, its record, and its other outputs as comparable lines; ``others`` by name."""

    status: int
    record: dict[normal.Key, normal.Event]
    terminal: list[str]
    junit: list[str]
    others: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What differs, block by block; how many lines were compared, and how many vary between plain runs, too."""

    blocks: list[str]
    lines: int
    unstable: int
    loose: int


def read(status: int, *, record: Path, output: str, junit: Path) -> Outputs:
    """The outputs of a run that has just ended; its JUnit file is kept beside its record.

    Raises BenchmarkError where one of the files is not there.
    """
    if not record.exists() or not junit.exists():
        raise BenchmarkError(f"exit {status} without a record: {output[-2000:]}")
    kept = junit.replace(record.with_suffix(".xml"))
    return Outputs(
        status=status,
        record=normal.record(record),
        terminal=normal.terminal(output),
        junit=normal.junit(kept.read_text(errors="replace")),
    )


def without_order(found: Outputs) -> Outputs:
    """The same outputs as a run with workers has them: in no order, as tests end when they happen to, on any worker."""
    events = {key: _anywhere(event) for key, event in sorted(found.record.items()) if key[0] not in _IN_ORDER}
    return replace(found, record=events, terminal=_sorted(found.terminal), junit=_sorted(found.junit))


def compare(plain: Sequence[Outputs], guarded: Outputs) -> Compared:
    """Forgiving only what two plain runs already disagree about."""
    records = steady([run.record for run in (*plain, guarded)], plain=len(plain))
    *plain, guarded = (replace(run, record=record) for run, record in zip((*plain, guarded), records, strict=True))
    loose = varying(records[:-1])
    blocks: list[str] = []
    unstable = 0
    shared = [_lines(run, loose, [*plain, guarded]) for run in (*plain, guarded)]
    for part, lines in shared[-1].items():
        template = Template(shared[0].get(part, []))
        for other in shared[1:-1]:
            template.learn(other.get(part, []))
        unstable += template.unstable
        blocks += [_block(part, *both) for both in template.differences(lines)]
    statuses = {outputs.status for outputs in plain}
    if guarded.status not in statuses:
        blocks.append(f"exit status {guarded.status}, plain {statuses}")
    lines_compared = sum(len(lines) for lines in shared[-1].values())
    return Compared(blocks=blocks, lines=lines_compared, unstable=unstable, loose=len(loose))


def _anywhere(event: normal.Event) -> normal.Event:
    return normal.Event(facts=tuple(map(_any_worker, event.facts)), texts=tuple(map(_any_worker, event.texts)))


def _any_worker(line: str) -> str:
    return _SHARE.sub("", _WORKER.sub("gw", line))


def _sorted(lines: Iterable[str]) -> list[str]:
    """By what a line says but for its numbers: one that varies by itself stays in its place."""
    return sorted(map(_any_worker, lines), key=lambda line: (shape(line), line))


def _lines(run: Outputs, loose: set[normal.Key], runs: Sequence[Outputs]) -> dict[str, list[str]]:
    """A run's outputs without the texts of the reports that vary by themselves."""
    records = [one.record for one in runs]
    shapes = texts(records, loose)
    everywhere = set(records[0]).intersection(*records[1:])
    return {
        "record": record_lines(run.record, loose, everywhere),
        "terminal": without(run.terminal, shapes),
        "junit": without(run.junit, shapes),
        **run.others,
    }


def _block(part: str, plain: Sequence[str], guarded: Sequence[str]) -> str:
    return "\n".join([f"in the {part}:", *(f"- {line}" for line in plain), *(f"+ {line}" for line in guarded)])
