"""The shards of a run: what each is called, and what they should have in common and have not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from pytest_memguard.model import RunReport
from pytest_memguard.values import dataclass

__all__ = ["Shard", "differences", "labelled", "labels_of"]

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The report of one part of a run; ``label`` tells its parts from those of the others, empty for the only one."""

    label: str
    run: RunReport

    def worker(self, name: str) -> str:
        """What a process of this shard is called beside those of the others."""
        if not self.label:
            return name
        return self.label if name in ("main", "") else f"{self.label}:{name}"

    def of_this(self, text: str) -> str:
        """A *text* that another shard may say as well."""
        return f"{self.label}: {text}" if self.label else text


def labelled(paths: Sequence[str], runs: Sequence[RunReport]) -> list[Shard]:
    """The shards in order."""
    names = labels_of(paths) if len(runs) > 1 else [""] * len(runs)
    return [Shard(label=name, run=run) for name, run in zip(names, runs, strict=True)]


def labels_of(paths: Sequence[str]) -> list[str]:
    """The shortest names that tell the files apart: theirs, those of their folders too, or else numbers."""
    stems = [os.path.splitext(os.path.abspath(path))[0].split(os.sep) for path in paths]
    for parts in (1, 2, 3):
        names = ["/".join(stem[-parts:]) for stem in stems]
        if len(set(names)) == len(names):
            return names
    return [f"shard{number}" for number in range(1, len(paths) + 1)]


def differences(shards: Sequence[Shard]) -> Iterator[str]:
    """What the shards did not have in common, one sentence each; one run would have had one of each."""
    facts: dict[str, Callable[[RunReport], str]] = {
        "pytest-memguard": lambda run: run.version,
        "Python": lambda run: run.environment.python,
        "the platform": lambda run: run.environment.platform,
    }
    for name, fact in facts.items():
        found: dict[str, list[str]] = {}
        for shard in shards:
            found.setdefault(fact(shard.run) or "unknown", []).append(shard.label)
        if len(found) > 1:
            told = "; ".join(f"{value} in {_named(labels)}" for value, labels in found.items())
            yield f"the merged reports differ in {name}: {told}; what leaks in one of them need not leak in another"


def _named(labels: Sequence[str]) -> str:
    more = len(labels) - _MOST_NAMED
    return ", ".join(labels[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
