"""The pages that these tests look at, written to files."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.made import report
from benchmarks.made_history import write_history
from pytest_memguard.history.comparison import Tolerance
from pytest_memguard.history.reading import open_past
from pytest_memguard.history.trends import Trends, trends_of
from pytest_memguard.history.values import PastFinding, PastLeak
from pytest_memguard.model import MemoryRecord, RunReport
from pytest_memguard.report.pages.history import history_page
from pytest_memguard.report.pages.run import page_of_run
from tests.golden import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
# What a browser, a script or a reader could take for something else than a name.
EVIL = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "\"'><svg onload=alert(3)>",
    "`${alert(4)}`",
    "</style></title></textarea><!--<script>",
    "line\u2028paragraph\u2029end",
    "bidi \u202egnp.exe\u202c \u2066mark\u2069",
    "javascript:alert(5)",
    "&lt;b&gt; %3Cb%3E \\u003cb\\u003e",
    "{{ 7 * 7 }} {% raw %} __proto__ constructor",
    "nul \0 tab \t escape \x1b[31m",
    "w" * 400,
)


def written(folder: Path, name: str, pieces: Iterable[str]) -> Path:
    """A file of that name with all of it."""
    file = folder / name
    file.write_text("".join(pieces), "utf-8", "backslashreplace", newline="\n")
    return file


def run_page(folder: Path, made: RunReport, name: str = "report.html") -> Path:
    """The page of a run."""
    return written(folder, name, page_of_run(str(ROOT))(made))


def hostile_run() -> RunReport:
    """A run in which everything that has a name has an evil one."""
    plain = report(len(EVIL))
    tests = [
        replace(test, nodeid=f"tests/{evil}.py::test[{evil}]") for test, evil in zip(plain.tests, EVIL, strict=True)
    ]
    leaks = [
        replace(leak, nodeid=test.nodeid, witnesses=(test.nodeid,), advice=test.nodeid, reason=test.nodeid)
        for leak, test in zip(plain.leaks, tests, strict=False)
    ]
    return replace(HOSTILE, tests=[*tests, *HOSTILE.tests], leaks=[*leaks, *HOSTILE.leaks], session=plain.session)


def trends(folder: Path, *, runs: int, tests: int) -> Trends:
    """What a made-up history shows."""
    path = str(folder / f"{runs}-{tests}.db")
    write_history(path, runs=runs, tests=tests)
    with open_past(path) as past:
        found = trends_of(past, limit=100, usual_runs=10, tolerance=Tolerance(bytes=4 << 20, share=0.2))
    assert found is not None
    return found


def history(folder: Path, shown: Trends, name: str = "history.html") -> Path:
    """The page of a history."""
    return written(folder, name, history_page(shown, name="memory-history.db", version="1.2.3"))


def many(shown: Trends, *, runs: int) -> Trends:
    """As if the same runs had been made again and again, with other figures each time."""
    times = runs // len(shown.runs)
    all_runs = [replace(run, number=number + 1) for number, run in enumerate([*shown.runs] * times)]
    tracks = [
        replace(
            track,
            peak_bytes=_noisy(track.peak_bytes, times),
            retained_bytes=_noisy(track.retained_bytes, times),
            last=runs - 1,
        )
        for track in shown.tracks
    ]
    return replace(shown, runs=all_runs, listed=all_runs[::-1], tracks=tracks, kept=runs)


def _noisy(series: Sequence[int | None], times: int) -> list[int | None]:
    noise = random.Random(times)  # noqa: S311 - noise, no secret
    return [None if size is None else size + noise.randrange(1 << 16) for size in [*series] * times]


def hostile_trends(shown: Trends) -> Trends:
    """The same with evil names."""
    evil = {track.nodeid: f"tests/{name}.py::test[{name}]" for track, name in zip(shown.tracks, EVIL, strict=False)}
    renamed = lambda value: replace(value, nodeid=evil.get(value.nodeid, value.nodeid))  # noqa: E731
    runs = [
        replace(run, branch=EVIL[place % len(EVIL)], commit=EVIL[place % len(EVIL)], started=EVIL[0])
        for place, run in enumerate(shown.runs)
    ]
    finding = PastFinding(
        nodeid=evil[shown.tracks[0].nodeid],
        signature=EVIL[0],
        kind=EVIL[1],
        verdict=EVIL[2],
        gates=True,
        witnesses=1,
        bytes_per_run=5,
        blocks_per_run=1,
        count_per_run=0,
        site=EVIL[0],
        retainer=EVIL[1],
    )
    return replace(
        shown,
        runs=runs,
        listed=runs,
        tracks=[replace(renamed(track), verdict=EVIL[0], outcome=EVIL[1]) for track in shown.tracks],
        rises=list(map(renamed, shown.rises)),
        creeps=list(map(renamed, shown.creeps)),
        leaks=[PastLeak(finding=finding, places=[0, len(runs) - 1])],
    )


def ids(made: RunReport) -> list[str]:
    """The ids of the tests of a run."""
    tests: Iterable[MemoryRecord] = made.tests
    return [test.nodeid for test in tests]
