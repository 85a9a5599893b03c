"""Where it happens, by what grows: the phase and the fixture, and where no allocation tells, the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from pytest_memguard.diagnosis import gcstate
from pytest_memguard.diagnosis.lines import Lines, Place, can_trace
from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.diagnosis.scenario import Scenario, Watched
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.stacks import Stacks
from pytest_memguard.model import AllocationSite, Origin
from pytest_memguard.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A number that grows with each repetition, and by how much.

    ``in_bytes``: it is a size, not a count. ``warm_up``: repetitions before every one shows: glibc hands out up to
    seven chunks of a size without a trace. ``meaning``: what its growth says.
    """

    read: Callable[[], int]
    per_run: int
    in_bytes: bool = False
    warm_up: int = 0
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """The line that makes a gauge grow, if it is certain, and from where; the code that ran, with its globals."""

    site: AllocationSite | None = None
    origin: Origin | None = None
    codes: Mapping[CodeType, Mapping[str, Any]]


def by_phases(scenario: Scenario, gauge: Gauge | None) -> tuple[Origin | None, bool]:
    """Where in one more repetition the gauge grows most, and whether it grows nowhere else, nor shrinks."""
    if gauge is None or scenario.watched is None:
        return None, False
    with scenario.watched(gauge.read) as grown:
        scenario.repeat()
    most = max(grown, key=grown.__getitem__, default=None)
    if most is None or grown[most] < 1:
        return None, False
    return most, len(grown) == 1


def by_both(
    watched: Watched, read: Callable[[], int], repeat: Callable[[], None], paths: Paths | None
) -> tuple[Mapping[Origin, int], Place | None]:
    """Where in one repetition something grows, and the file and line (None: not certain) that make it.

    Without ``paths`` lines are not traced.
    """
    if paths is None or not can_trace():
        with watched(read) as grown:
            repeat()
        return grown, None
    lines = Lines(paths, read)
    with watched(read) as grown:
        lines.run(repeat)
    found = lines.most(sum(grown.values()))
    return grown, None if found is None else (paths.relative(found.place[0]), found.place[1])


def by_lines(scenario: Scenario, gauge: Gauge, paths: Paths, sources: Sources) -> Traced:
    """The line in two more repetitions, the first of which makes room for what is noted in the second."""
    if not can_trace():
        return Traced(codes={})
    lines = Lines(paths, gauge.read)
    for _ in range(gauge.warm_up):
        scenario.repeat()
    with gcstate.frozen():
        for _ in range(2):
            lines.run(scenario.repeat)
        scenario.settle()
    grown = lines.most(gauge.per_run)
    if grown is None:
        return Traced(codes=lines.codes)
    file, line = grown.place
    site = AllocationSite(
        file=paths.relative(file),
        line=line,
        function=sources.function(file, line),
        bytes=grown.by if gauge.in_bytes else 0,
        count=0,
        source=sources.line(file, line),
    )
    return Traced(site=site, origin=Stacks(paths, sources).origin(grown.frames), codes=lines.codes)
