"""What the history costs: writing, comparing, bytes of the file; whether writers at once, or killed, lose a run."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import figures
from benchmarks.places import cache, empty
from pytest_memguard import __version__
from pytest_memguard.history.database import Patience
from pytest_memguard.history.logbook import Logbook
from pytest_memguard.history.reading import open_past
from pytest_memguard.history.revision import Revision
from pytest_memguard.history.values import EnvironmentKey
from pytest_memguard.model import Environment, MemoryRecord, RunReport, SessionSummary
from pytest_memguard.settings import Settings

_WANTED_S = 1.0  # for 10,000 tests
_MB = 1e6
_MIB = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks histories``."""
    parser.add_argument("--tests", type=int, default=10_000, help="tests of a run (10000)")
    parser.add_argument("--runs", type=int, default=20, help="runs written one after the other (20)")
    parser.add_argument("--keep", type=int, default=10, help="runs that the file keeps (10)")
    parser.add_argument("--writers", type=int, default=8, help="processes that write at once (8)")
    parser.add_argument("--each", type=int, default=5, help="runs that each of them writes (5)")
    parser.add_argument("--kills", type=int, default=50, help="writers that are killed at random moments (50)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Write, compare, write at once; fails where a run is lost, or writing 10,000 tests takes a second."""
    folder = empty(Path(cache("histories")))
    about = figures.machine(options.python, {"pytest-memguard": __version__})
    alone = _alone(folder / "alone.db", options)
    at_once = _at_once(folder / "at_once.db", options)
    killed = _killed(folder / "killed.db", options)
    figures.header(f"histories: {options.tests} tests a run, SQLite {sqlite3.sqlite_version}", about)
    rows = [
        ("writing a run, s", alone["write_s"].text(3)),
        ("comparing a run with 10 before it, s", alone["compare_s"].text(3)),
        (f"file with {options.keep} runs, MB", f"{alone['bytes'] / _MB:.1f}"),
        ("bytes for each test of a run", f"{alone['bytes'] / options.keep / options.tests:.1f}"),
        (f"runs of {options.writers} writers at once", f"{at_once['found']} of {at_once['written']}"),
        ("longest wait of a writer for one run, s", f"{at_once['longest_s']:.2f}"),
        ("integrity check", at_once["integrity"]),
        (f"broken after {killed['kills']} writers were killed", str(killed["broken"])),
    ]
    figures.say(figures.table(("", "median (range)"), rows))
    allowed_s = _WANTED_S * max(options.tests / 10_000, 1.0)
    lost = at_once["found"] != at_once["written"] or at_once["integrity"] != "ok" or killed["broken"]
    failed = bool(lost) or alone["write_s"].median > allowed_s
    figures.say(f"wanted: no run lost, a run of {options.tests} tests written in {allowed_s:g} s")
    result = {
        "write_s": alone["write_s"].to_json(),
        "compare_s": alone["compare_s"].to_json(),
        "bytes": alone["bytes"],
        "at_once": at_once,
        "killed": killed,
        "failed": failed,
    }
    figures.store(options.json, "histories", about, result)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tests:
    """The tests of a made-up run, made one at a time as a real run makes them."""

    number: int
    seed: int

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[MemoryRecord]:
        random = Random(self.seed)  # noqa: S311 - figures, not secrets
        start = 100 * _MIB
        for number in range(self.number):
            # One in ten is large enough to be compared.
            peak = random.randrange(8, 30) * _MIB if number % 10 == 0 else random.randrange(4) * 4096
            yield MemoryRecord(
                nodeid=f"tests/package_{number % 50}/test_module_{number % 500}.py::TestCase::test_case[{number}]",
                worker="main",
                outcome="passed",
                duration_s=random.random(),
                rss_before_bytes=start,
                rss_after_bytes=start + 4096,
                peak_rss_bytes=start + peak,
                retained_bytes=random.randrange(-4096, 4096),
                retained_blocks=None,
                verdict="clean",
            )
            start += 4096


def _report(tests: _Tests) -> RunReport:
    session = SessionSummary(
        started="2026-01-31T12:00:00+00:00",
        duration_s=1.0,
        tests=len(tests),
        exit_status=0,
        peak_rss_bytes=130 * _MIB,
        peak_nodeid=None,
        rss_start_bytes=None,
        rss_end_bytes=None,
        watching_cost_s=0.0,
        checking_cost_s=0.0,
        repetitions=0,
        checked=0,
    )
    environment = Environment(python="3.11.7", platform="linux", probes={})
    return RunReport(version=__version__, environment=environment, session=session, tests=tests)


def _logbook(path: Path, keep: int, branch: str = "main") -> Logbook:
    return Logbook(
        str(path),
        Settings(history_keep=max(keep, 10)),
        revision=Revision(commit="0" * 40, branch=branch),
        environment=EnvironmentKey(python="3.11.7", platform="linux", version=__version__, distributed=False),
        patience=Patience(seconds=600.0),
    )


def _alone(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    written: list[float] = []
    compared: list[float] = []
    for number in range(options.runs):
        figures.progress(f"run {number + 1} of {options.runs}")
        tests = _Tests(number=options.tests, seed=number)
        book = _logbook(path, options.keep)
        compared.append(_timed(lambda book=book, tests=tests: book.grown(tests)))
        written.append(_timed(lambda book=book, tests=tests: book.write(_report(tests))))
    return {
        "write_s": figures.Spread.of(written),
        "compare_s": figures.Spread.of(compared[len(compared) // 2 :]),
        "bytes": path.stat().st_size,
    }


def _timed(action: Any) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _at_once(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    figures.progress(f"{options.writers} writers at once")
    context = multiprocessing.get_context("spawn")
    total = options.writers * options.each
    jobs = [(str(path), f"writer-{number}", options.each, options.tests, total) for number in range(options.writers)]
    with context.Pool(options.writers) as pool:
        longest = pool.map(_write_some, jobs, chunksize=1)
    with open_past(str(path)) as past:
        found = {(run.branch, run.number): run.tests for run in past.runs(10 * total)}
    whole = sum(tests == options.tests for tests in found.values())
    with closing(sqlite3.connect(path)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM figures").fetchone()
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
    found_all = whole if rows == total * options.tests else -1
    return {"written": total, "found": found_all, "integrity": integrity, "longest_s": max(longest)}


def _killed(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Kill writers at random moments; what is left must be whole, and the next one must be able to write."""
    context = multiprocessing.get_context("spawn")
    random = Random(options.kills)  # noqa: S311 - moments, not secrets
    broken = 0
    for number in range(options.kills):
        figures.progress(f"kill {number + 1} of {options.kills}")
        began = context.Event()
        job = (str(path), f"killed-{number}", 1000, options.tests // 5, 20)
        writer = context.Process(target=_write_until_killed, args=(began, job))
        writer.start()
        began.wait()
        time.sleep(random.random() * 0.5)
        writer.kill()
        writer.join()
        broken += not _is_whole(path)
    book = _logbook(path, 20)
    book.write(_report(_Tests(number=10, seed=0)))
    return {"kills": options.kills, "broken": broken + len(book.warnings) + (not _is_whole(path))}


def _is_whole(path: Path) -> bool:
    """Whether a file is in order, and every run in it has all of its tests."""
    with closing(sqlite3.connect(path)) as connection:
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return bool(integrity == "ok")  # killed before the tables were there
        query = "SELECT count(*) FROM runs WHERE tests != (SELECT count(*) FROM figures WHERE run = id)"
        (partial,) = connection.execute(query).fetchone()
    return integrity == "ok" and not partial


def _write_until_killed(began: Any, job: Sequence[Any]) -> None:
    began.set()
    _write_some(job)


def _write_some(job: Sequence[Any]) -> float:
    """Write runs as one process; gives the longest that one has taken."""
    path, name, each, tests, keep = job
    longest = 0.0
    for number in range(each):
        book = _logbook(Path(path), keep, branch=name)
        seed = os.getpid() + number
        longest = max(
            longest, _timed(lambda book=book, seed=seed: book.write(_report(_Tests(number=tests, seed=seed))))
        )
        if book.warnings:
            figures.progress(f"{name}: {book.warnings[0]}")
    return longest
