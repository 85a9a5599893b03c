"""What a diagnosis costs in a large heap: CPU seconds and memory of its own, for leaks of several shapes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import figures
from benchmarks.places import BenchmarkError, cache
from benchmarks.runs import run
from benchmarks.trivial import functions
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, venv, with_plugin

_PROGRAM = Path(__file__).parent / "plugins" / "memguard_bench_diagnosis.py"
_WANTED_S = 2.0
_WANTED_BYTES = 50_000_000
_MB = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks diagnosis``."""
    parser.add_argument("--objects", type=int, default=1_000_000, help="live objects in the heap (1000000)")
    parser.add_argument("--runs", type=int, default=3, help="processes to take the median of (3)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Diagnose each leak in a process with so many objects; fails where one takes longer, or more, than is wanted."""
    made = with_plugin(venv("trivial", options.python, (PYTEST, *PLUGIN_NEEDS)))
    runs = [_run(made, options.objects, number, options.runs) for number in range(options.runs)]
    leaks = [_merged([each["leaks"][place] for each in runs]) for place in range(len(runs[0]["leaks"]))]
    about = figures.machine(options.python, made.versions())
    title = f"diagnosis: {runs[0]['objects']} live objects, {options.runs} runs, medians"
    figures.header(title, about)
    rows = [
        (leak["leak"], f"{leak['seconds']:.2f}", f"{leak['bytes'] / _MB:.1f}", leak["found"] or "nothing")
        for leak in leaks
    ]
    figures.say(figures.table(("leak", "CPU s", "MB", "found"), rows))
    figures.say(f"wanted: at most {_WANTED_S} s and {_WANTED_BYTES / _MB:.0f} MB for each, and something found")
    failed = [
        leak["leak"]
        for leak in leaks
        if leak["seconds"] > _WANTED_S or leak["bytes"] > _WANTED_BYTES or leak["found"] is None
    ]
    if failed:
        figures.say(f"more, or nothing: {', '.join(failed)}")
    result = {"objects": runs[0]["objects"], "leaks": leaks, "failed": failed}
    figures.store(options.json, "diagnosis", about, result)
    return result


def _run(made: Venv, objects: int, number: int, runs: int) -> dict[str, Any]:
    figures.progress(f"{objects} objects: run {number + 1} of {runs}")
    command = [made.python, str(_PROGRAM), str(objects)]
    once = run(command, cwd=functions(1), output=cache("logs") / "diagnosis.log", extra={})
    try:
        found: dict[str, Any] = json.loads(once.output)
    except ValueError:
        raise BenchmarkError(f"exit {once.status} of {' '.join(command)}:\n{once.output[-2000:]}") from None
    return found


def _merged(same: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of one leak over all runs; found only if found in all."""
    found = {each["found"] for each in same}
    return {
        "leak": same[0]["leak"],
        "seconds": median(each["seconds"] for each in same),
        "bytes": median(each["bytes"] for each in same),
        "found": found.pop() if len(found) == 1 else None,
    }
