"""Compares the outputs of a run with those of plain runs: the record of all events, the terminal, the JUnit file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import normal
from benchmarks.places import BenchmarkError
from benchmarks.texts import Template
from benchmarks.varying import record_lines, texts, varying, without


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


def compare(plain: Sequence[Outputs], guarded: Outputs) -> Compared:
    """Forgiving only what two plain runs already disagree about."""
    loose = varying([run.record for run in plain])
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
