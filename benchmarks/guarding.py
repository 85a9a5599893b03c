"""What guarding costs: trivial tests watched alone, and with pressure, sampler and a cleanup after every test."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.pairs import WATCHING, Comparison, compare
from benchmarks.places import cache, empty
from benchmarks.trivial import parametrized, runner
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, venv, with_plugin

_US = 1e6
_WANTED_US = 60.0
_SETTINGS = {
    "watching": "memory:\n  monitoring: {enabled: false}\n",
    "pressure": "memory:\n  monitoring: {enabled: true}\n",
    "pressure and a gentle cleanup after every test": "memory:\n  strategies: {between_tests: gentle}\n",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks guarding``."""
    parser.add_argument("--tests", type=int, default=5000, help="trivial tests in the suite (5000)")
    parser.add_argument("--control", action="store_true", help="watching against watching: the noise of the machine")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """CPU per test that guarding adds to watching, start-up apart."""
    made = with_plugin(venv("trivial", options.python, (PYTEST, *PLUGIN_NEEDS)))
    folder = empty(cache("guarding"))
    files = {name: folder / f"{number}.yaml" for number, name in enumerate(_SETTINGS)}
    for name, file in files.items():
        file.write_text(_SETTINGS[name])
    plain, *others = files
    if options.control:
        others = [plain]
    rows, results = [], {}
    for name in others:
        whole = _compared(made, options.tests, options.pairs, files[plain], files[name])
        start = _compared(made, 1, options.pairs, files[plain], files[name])
        added = (whole.added_s.median - start.added_s.median) / options.tests * _US
        rows.append(
            (
                name,
                whole.plain_s.text(),
                whole.other_s.text(),
                f"{whole.added_s.low / options.tests * _US:.1f}..{whole.added_s.high / options.tests * _US:.1f}",
                f"{start.added_s.median * 1e3:.1f}",
                f"{added:.1f}",
            )
        )
        results[name] = {
            "whole": whole.to_json(),
            "start": start.to_json(),
            "added_us_per_test_without_start": added,
        }
    about = figures.machine(options.python, made.versions())
    title = f"guarding {options.tests} trivial tests, {options.pairs} pairs, CPU seconds: median (ends)"
    figures.header(title, about)
    head = ("", "watching", "with", "ends, us/test", "start-up ms", "us/test without it")
    figures.say(figures.table(head, rows))
    figures.say(f"wanted: at most {_WANTED_US:.0f} us of CPU a test over watching alone")
    result = {"tests": options.tests, "control": options.control, "results": results}
    figures.store(options.json, "guarding", about, result)
    return result


def _compared(made: Venv, tests: int, pairs: int, plain: Path, other: Path) -> Comparison:
    folder = parametrized(tests)
    once = [runner(made, folder, (*WATCHING, f"--memguard-config={file}"), tests) for file in (plain, other)]
    return compare(f"{tests} trivial tests", pairs, *once)
