"""Whether the cost of a test stays the same in large suites, large heaps, among many fixtures and with many workers."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.pairs import CHECKING, PLAIN, WATCHING
from benchmarks.places import ROOT, BenchmarkError, cache, empty
from benchmarks.runs import run
from benchmarks.trivial import functions
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, XDIST, Venv, venv, with_plugin

PAGE = ROOT / "docs" / "reference" / "scale.md"
_SCOPES = ("function", "class", "module", "package", "session")
_TIMEOUT_S = 3600.0
_MB = 1e6
_HEAD = """\
# Large suites

`python -m benchmarks scale` measures what memguard adds to suites of two sizes. What it costs for each test must not
grow with the number of tests; what it costs for all of them may grow with the live objects (each full collection walks
through them, some at every module and for every leak), with the fixtures above function scope (each of them is checked
by itself) and with the workers (each starts its own checking), in proportion and no faster. All times are CPU time of
all processes, because the machine is shared with other work, which fills its cores: wall time says nothing here, and
CPU time is higher than on a quiet machine, too. **Peak** is the highest resident memory of a process as the report has
it. `--tests N` sets the largest suite; `python -m benchmarks bounded` measures what is kept for each test of 100,000.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """One suite: its label, its folder, how many tests it has, and the arguments of both runs."""

    label: str
    folder: Callable[[], Path]
    tests: int
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Suites that grow in one way; ``mode`` is what is compared with plain pytest."""

    name: str
    mode: tuple[str, ...]
    sizes: tuple[_Size, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks scale``."""
    parser.add_argument("--only", metavar="A,B", help=f"some of: {', '.join(part.name for part in _parts())}")
    parser.add_argument("--tests", type=int, default=100_000, help="tests of the largest suite (100000)")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name} of what was ever measured here")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """A line for each size; what is measured is kept for the page."""
    words = options.only.split(",") if options.only else [""]
    parts = [part for part in _parts(options.tests) if any(word in part.name for word in words)]
    made = with_plugin(venv("scale", options.python, (PYTEST, XDIST, *PLUGIN_NEEDS)))
    about = figures.machine(options.python, made.versions())
    rows: list[tuple[str, ...]] = []
    for part in parts:
        kept = cache("scale") / f"{_file(part.name)}.json"
        found = {"date": dt.datetime.now(dt.timezone.utc).date().isoformat(), "rows": _measured(part, made)}
        kept.write_text(json.dumps(found))
        rows += [tuple(row) for row in found["rows"]]
    head = (
        "part",
        "size",
        "tests",
        "plain CPU s",
        "with CPU s",
        "added ms a test",
        "peak MB",
        "leaks",
    )
    figures.header(f"{len(rows)} sizes", about)
    figures.say(figures.table(head, rows))
    if options.page:
        _write_page(head, about)
    result = {"rows": rows}
    figures.store(options.json, "scale", about, result)
    return result


def _file(name: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in name)


def _parts(tests: int = 100_000) -> Sequence[_Part]:
    return (
        _Part(
            name="watched tests",
            mode=WATCHING,
            sizes=tuple(
                _Size(label=f"{n:,} tests", folder=lambda n=n: functions(n), tests=n) for n in (tests // 10, tests)
            ),
        ),
        _Part(
            name="checked tests",
            mode=CHECKING,
            sizes=tuple(
                _Size(label=f"{n:,} tests", folder=lambda n=n: functions(n), tests=n)
                for n in (tests // 50, tests // 10)
            ),
        ),
        _Part(
            name="live objects",
            mode=CHECKING,
            sizes=tuple(
                _Size(label=f"{n:,} objects", folder=lambda n=n: _objects(n), tests=500) for n in (100_000, 10_000_000)
            ),
        ),
        _Part(
            name="fixtures",
            mode=CHECKING,
            sizes=tuple(
                _Size(label=f"{n} of each scope", folder=lambda n=n: _fixtures(n), tests=500) for n in (100, 500)
            ),
        ),
        _Part(
            name="workers",
            mode=CHECKING,
            sizes=tuple(
                _Size(label=f"-n {n}", folder=lambda: functions(5_000), tests=5_000, arguments=("-n", str(n)))
                for n in (2, 8)
            ),
        ),
    )


def _measured(part: _Part, made: Venv) -> list[list[str]]:
    rows = []
    for size in part.sizes:
        plain_s, _ = _run(made, size, PLAIN)
        report = cache("scale", "reports") / f"{_file(part.name)}.json"
        with_s, output = _run(made, size, (*part.mode, f"--memguard-json={report}"))
        if "memguard error" in output:
            raise BenchmarkError(f"{part.name}, {size.label}: {output[-2000:]}")
        document = json.loads(report.read_text())
        added = (with_s - plain_s) / size.tests * 1000
        peak = f"{document['session']['peak_rss_bytes'] / _MB:.0f}"
        times = (f"{plain_s:.1f}", f"{with_s:.1f}", f"{added:.2f}")
        rows.append([part.name, size.label, f"{size.tests:,}", *times, peak, str(len(document["leaks"]))])
    return rows


def _run(made: Venv, size: _Size, arguments: Sequence[str]) -> tuple[float, str]:
    """CPU seconds and the output."""
    figures.progress(f"{size.label}: {' '.join(arguments)}")
    command = [made.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *size.arguments, *arguments]
    done = run(
        command, cwd=size.folder(), output=cache("logs") / f"scale-{_file(size.label)}.log", timeout_s=_TIMEOUT_S
    )
    if done.status != 0 or f"{size.tests} passed" not in done.output:
        raise BenchmarkError(f"exit {done.status} of {' '.join(command)}:\n{done.output[-2000:]}")
    return done.cpu_s, done.output


def _objects(number: int) -> Path:
    """500 tests, one of which leaks, beside so many live objects."""
    folder = empty(cache("scale", f"objects-{number}"))
    (folder / "conftest.py").write_text(f"LIVE = [[] for _ in range({number})]\n")
    lines = ["kept = []", "def test_leak(): kept.append([1, 2])"]
    lines += [f"def test_{n}(): assert [[{n}] for _ in range(9)]" for n in range(499)]
    (folder / "test_all.py").write_text("\n".join(lines) + "\n")
    return folder


def _fixtures(number: int) -> Path:
    """So many fixtures of every scope, and 500 tests in ten modules, each of which uses one of each."""
    folder = empty(cache("scale", f"fixtures-{number}"))
    lines = ["import pytest"]
    for scope in _SCOPES:
        for n in range(number):
            lines += [f"@pytest.fixture(scope={scope!r})", f"def {scope}_{n}(): yield [{n}]"]
    (folder / "conftest.py").write_text("\n".join(lines) + "\n")
    for module in range(10):
        tests = ["kept = []"]
        for test in range(50):
            used = ", ".join(f"{scope}_{(module * 50 + test) % number}" for scope in _SCOPES)
            body = "kept.append([1, 2])" if module == test == 0 else "pass"
            tests.append(f"def test_{module}_{test}({used}): {body}")
        (folder / f"test_{module}.py").write_text("\n".join(tests) + "\n")
    return folder


def _write_page(head: Sequence[str], about: dict[str, Any]) -> None:
    """The page of what has been measured, part by part."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    text = [_HEAD, f"Python {about['python']}, {versions}, {about['cores']} cores, {about['platform']}.", ""]
    text += ["| " + " | ".join((*head, "measured")) + " |", "|---" * (len(head) + 1) + "|"]
    for part in _parts():
        kept = cache("scale") / f"{_file(part.name)}.json"
        if not kept.exists():
            raise BenchmarkError(f"{part.name} is not measured yet")
        found = json.loads(kept.read_text())
        text += ["| " + " | ".join((*row, found["date"])) + " |" for row in found["rows"]]
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")
    figures.progress(f"{PAGE} written")
