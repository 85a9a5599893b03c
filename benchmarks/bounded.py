"""Whether the plugin's own memory stays small: bytes for each test that it keeps, report included."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import figures
from benchmarks.pairs import MODES, PLAIN
from benchmarks.places import BenchmarkError, cache
from benchmarks.runs import run
from benchmarks.trivial import functions
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, venv, with_plugin

_WANTED_BYTES = 500
_MARKS = {"last test": "kept after the last test", "peak:end": "peak while reporting", "end": "kept at the end"}
_MB = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks bounded``."""
    parser.add_argument("--tests", type=int, default=100_000, help="tests of the larger suite (100000)")
    parser.add_argument("--base", type=int, default=20_000, help="tests of the smaller suite (20000)")
    parser.add_argument("--runs", type=int, default=1, help="runs of each configuration and size (1)")
    parser.add_argument("--mode", choices=["watching", "checking", "control"], default="watching")
    parser.add_argument("--budget", default="30s", help="time for repeating with --mode checking (30s)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Resident memory at two sizes, plain and with the plugin: what grows with the number of tests is its own."""
    if options.tests <= options.base:
        raise BenchmarkError(f"--tests {options.tests} must be larger than --base {options.base}")
    made = venv("trivial", options.python, (PYTEST, *PLUGIN_NEEDS))
    if options.mode != "control":
        with_plugin(made)
    report = cache("reports") / "bounded.json"
    more = () if options.mode == "control" else (f"--memguard-json={report}",)
    if options.mode == "checking":
        more = (*more, f"--memguard-budget={options.budget}")
    other = (*MODES[options.mode], *more)
    sizes = (options.base, options.tests)
    plain = {size: _readings(made, size, PLAIN, options.runs) for size in sizes}
    guarded = {size: _readings(made, size, other, options.runs) for size in sizes}
    tests = options.tests - options.base
    per_test = {
        mark: ((guarded[sizes[1]][mark] - guarded[sizes[0]][mark]) - (plain[sizes[1]][mark] - plain[sizes[0]][mark]))
        / tests
        for mark in _MARKS
    }
    about = figures.machine(options.python, made.versions())
    title = f"bounded: {options.mode}, {sizes[0]} and {sizes[1]} tests, {options.runs} runs each, resident MB"
    figures.header(title, about)
    rows = [_row(mark, sizes, plain, guarded, per_test[mark]) for mark in _MARKS]
    head = ("", f"plain {sizes[0]}", f"with {sizes[0]}", f"plain {sizes[1]}", f"with {sizes[1]}", "bytes/test")
    figures.say(figures.table(head, rows))
    figures.say(f"wanted: at most {_WANTED_BYTES} bytes a test")
    if report.exists() and options.mode != "control":
        figures.say(f"the report of {sizes[1]} tests: {report.stat().st_size / _MB:.1f} MB")
    result = {"mode": options.mode, "sizes": sizes, "plain": plain, "with": guarded, "bytes_per_test": per_test}
    figures.store(options.json, "bounded", about, result)
    return result


def _readings(made: Venv, size: int, arguments: Sequence[str], runs: int) -> dict[str, float]:
    """Medians over the runs of every mark, in bytes."""
    folder = functions(size)
    file = Path(cache("reports") / "memory.json")
    command = [made.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "memguard_bench_memory", *arguments]
    done: list[dict[str, int]] = []
    for number in range(runs):
        figures.progress(f"{size} tests, {' '.join(arguments)}: run {number + 1} of {runs}")
        file.unlink(missing_ok=True)
        once = run(command, cwd=folder, output=cache("logs") / "bounded.log", extra={"MEMORY_TO": str(file)})
        if once.status != 0 or not file.exists() or f"{size} passed" not in once.output:
            raise BenchmarkError(f"exit {once.status} of {' '.join(command)}:\n{once.output[-2000:]}")
        done.append(json.loads(file.read_text()))
    return {mark: median(one[mark] for one in done) for mark in _MARKS}


def _row(
    mark: str,
    sizes: Sequence[int],
    plain: dict[int, dict[str, float]],
    guarded: dict[int, dict[str, float]],
    per_test: float,
) -> tuple[str, ...]:
    readings = [side[size][mark] for size in sizes for side in (plain, guarded)]
    return (_MARKS[mark], *(f"{r / _MB:.1f}" for r in readings), f"{per_test:.0f}")
