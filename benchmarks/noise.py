"""How much the memory of tests varies between runs of the same code, and what of that would be told as growth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.places import ROOT, BenchmarkError, cache, empty
from benchmarks.runs import run
from pytest_memguard import __version__
from pytest_memguard.history.comparison import LEAST_RUNS, Tolerance, rises
from pytest_memguard.history.reading import open_past
from pytest_memguard.history.values import Figures
from pytest_memguard.settings import Settings
from pytest_memguard.units import format_bytes

_SUITE = (
    *("bounds_code", "census", "cleanup_strategies", "components_measuring", "diagnosis_shapes", "model"),
    *("report_jsonfile", "report_terminal", "settings_yaml", "units"),
)
_KINDS = {"same order": (), "other orders": (), "two workers": ("-n2",)}
_TOLERANCES = (1 << 16, 1 << 18, 1 << 20, 1 << 21, Settings().history_tolerance_bytes)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks noise``."""
    parser.add_argument("--runs", type=int, default=14, help="runs of each kind (14)")
    parser.add_argument("--suite", nargs="*", metavar="FILE", help="tests to run (some 700 of this project)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run unchanged tests again and again, and compare; fails where the default tolerance tells any growth."""
    folder = empty(cache("noise"))
    suite = options.suite or [str(ROOT / "tests" / "unit" / f"test_{name}.py") for name in _SUITE]
    counted: dict[str, dict[str, int]] = {}
    for kind, arguments in _KINDS.items():
        path = folder / f"{kind.replace(' ', '_')}.db"
        for number in range(options.runs):
            figures.progress(f"{kind}: run {number + 1} of {options.runs}")
            _run(path, [*arguments, *suite], order=str(number + 1) if kind == "other orders" else "")
        counted[kind] = _count(path)
    about = figures.machine(options.python, {"pytest-memguard": __version__})
    figures.header(f"noise: {options.runs} runs of each kind, growth told of tests that have not changed", about)
    head = ("", "comparisons", *(format_bytes(size) for size in _TOLERANCES))
    rows = [(kind, *map(str, found.values())) for kind, found in counted.items()]
    figures.say(figures.table(head, rows))
    figures.say(f"wanted: none at {format_bytes(_TOLERANCES[-1])}, the default")
    failed = any(found[str(_TOLERANCES[-1])] for found in counted.values())
    result = {"runs": options.runs, "counted": counted, "failed": failed}
    figures.store(options.json, "noise", about, result)
    return result


def _run(path: Path, arguments: Sequence[str], *, order: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "memguard_bench_shuffle"]
    command += ["--memguard", "--memguard-confirm=none", f"--memguard-history={path}", "--memguard-fail-on=never"]
    once = run([*command, *arguments], cwd=ROOT, output=cache("logs") / "noise.log", extra={"SHUFFLE": order})
    if once.status != 0:
        raise BenchmarkError(f"exit {once.status} of {' '.join(command)}:\n{once.output[-2000:]}")


def _count(path: Path) -> dict[str, int]:
    """Comparisons, and by tolerance the number of rises that they would have told."""
    before: list[dict[str, Figures]] = []
    found = dict.fromkeys(["comparisons", *map(str, _TOLERANCES)], 0)
    with open_past(str(path)) as past:
        for number in sorted(run.number for run in past.runs(1000)):
            now = {figures.nodeid: figures for figures in past.tests(number)}
            earlier = before[-Settings().history_runs :]
            before.append(now)
            for nodeid, test in now.items() if len(earlier) >= LEAST_RUNS else ():
                known = [run[nodeid] for run in earlier if nodeid in run]
                found["comparisons"] += 1
                for size in _TOLERANCES:
                    tolerance = Tolerance(bytes=size, share=Settings().history_tolerance)
                    found[str(size)] += sum(1 for _ in rises(test, known, tolerance))
    return found
