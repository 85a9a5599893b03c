"""What the runs of a history show together: tests that rose, tests that creep, leaks that came and went.

A test that takes a little more with every run is never above what was usual: each run is compared with runs that had
grown nearly as much. Such a creep shows in the runs as a whole. They are cut into at most eight parts, and the median
of each part is its level, so that no single run counts; a creep goes up from part to part, by more than the tolerance
in all, by more than the noise of its parts, and not in one step, which is a rise and told as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pytest_memguard.history.comparison import METRICS, Tolerance, median, rises, worth_comparing
from pytest_memguard.history.reading import Past
from pytest_memguard.history.values import Creep, PastFinding, PastLeak, PastRun, Rise, Track

__all__ = ["Trends", "change", "creep_of", "sizes", "trends_of"]

_PARTS = 8
_LEAST_OF_PART = 2
_LEAST_PARTS = 4
_CONSISTENT = 0.8
_ONE_STEP = 0.5
_DEVIATIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """The newest run and those that can be compared with it, oldest first, and what they show.

    ``kept`` counts all runs of the file and ``listed`` has the last of them, newest first, whatever they were run with.
    ``usual_runs``: how many runs before the newest ``rises`` are measured against.
    """

    kept: int
    listed: Sequence[PastRun]
    runs: Sequence[PastRun]
    tracks: Sequence[Track]
    rises: Sequence[Rise]
    creeps: Sequence[Creep]
    leaks: Sequence[PastLeak]
    usual_runs: int
    tolerance: Tolerance


def trends_of(past: Past, *, limit: int, usual_runs: int, tolerance: Tolerance) -> Trends | None:
    """What the last *limit* runs show that are alike the newest; None of a history without runs."""
    listed = past.runs(limit)
    if not listed:
        return None
    newest = listed[0]
    numbers = past.comparable(newest.environment, newest.branch, limit - 1, before=newest.number) if limit > 1 else []
    runs = past.named([*reversed(numbers), newest.number])
    tracks = past.tracks([run.number for run in runs])
    return Trends(
        kept=past.count(),
        listed=listed,
        runs=runs,
        tracks=tracks,
        rises=_rises(past, newest, numbers[:usual_runs], tolerance),
        creeps=_creeps(tracks, tolerance),
        leaks=list(_leaks([past.findings(run.number) for run in runs])),
        usual_runs=usual_runs,
        tolerance=tolerance,
    )


def sizes(track: Track, metric: str) -> Sequence[int | None]:
    """The series of one metric, ``retained`` or ``peak``."""
    return track.peak_bytes if metric == "peak" else track.retained_bytes


def creep_of(track: Track, metric: str, tolerance: Tolerance) -> Creep | None:
    """The slow growth of one metric, None where there is none, or too few runs to tell."""
    known = [size for size in sizes(track, metric) if size is not None]
    count = min(_PARTS, len(known) // _LEAST_OF_PART)
    # Most tests are as small as ever; these need not be looked at.
    if count < _LEAST_PARTS or max(known) - min(known) <= tolerance.bytes:
        return None
    parts = [known[len(known) * part // count : len(known) * (part + 1) // count] for part in range(count)]
    levels = [median(part) for part in parts]
    first, last = levels[0], levels[-1]
    noise = median([abs(size - level) for part, level in zip(parts, levels, strict=True) for size in part])
    if last - first <= max(tolerance.bytes, tolerance.share * max(first, 0), _DEVIATIONS * noise):
        return None
    steps = [later - earlier for earlier, later in pairwise(levels)]
    up = sum(step > 0 for step in steps)
    if up < _CONSISTENT * len(steps) or max(steps) > _ONE_STEP * (last - first):
        return None
    return Creep(nodeid=track.nodeid, metric=metric, first_bytes=first, last_bytes=last, runs=len(known))


def change(track: Track, metric: str) -> int | None:
    """By how much a test takes more in the newest run than in the middle of those before; None where not known."""
    *before, now = sizes(track, metric)
    known = [size for size in before if size is not None]
    return None if now is None or not known else now - median(known)


def _rises(past: Past, newest: PastRun, before: Sequence[int], tolerance: Tolerance) -> list[Rise]:
    candidates = [now for now in past.tests(newest.number) if worth_comparing(now, tolerance)] if before else []
    found = [rise for now in candidates for rise in rises(now, past.figures(now.nodeid, before), tolerance)]
    return sorted(found, key=lambda rise: (-rise.rise_bytes, rise.nodeid))


def _creeps(tracks: Iterable[Track], tolerance: Tolerance) -> list[Creep]:
    candidates = (creep_of(track, metric, tolerance) for track in tracks for metric in METRICS)
    found = [creep for creep in candidates if creep is not None]
    return sorted(found, key=lambda creep: (-creep.gained_bytes, creep.nodeid))


def _leaks(findings: Sequence[Sequence[PastFinding]]) -> Iterator[PastLeak]:
    """Each leak once: those of the newest run first, then the others, by when they were last seen."""
    places: dict[tuple[str, str], list[int]] = {}
    newest: dict[tuple[str, str], PastFinding] = {}
    for place, found in enumerate(findings):
        for finding in found:
            key = (finding.signature, finding.nodeid)
            newest[key] = finding
            seen = places.setdefault(key, [])
            if place not in seen[-1:]:
                seen.append(place)
    for key in sorted(newest, key=lambda key: (-places[key][-1], not newest[key].gates, key)):
        yield PastLeak(finding=newest[key], places=places[key])
