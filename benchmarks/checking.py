"""What checking every test costs: trivial tests with plain pytest and with each one repeated, no budget in the way."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks import figures, summary
from benchmarks.pairs import CHECKING, PLAIN, compare
from benchmarks.places import cache
from benchmarks.trivial import parametrized, runner
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, venv, with_plugin

_WANTED_RATIO = 2.2
_WANTED_REPETITIONS = 1.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks checking``."""
    parser.add_argument("--tests", type=int, default=5000, help="trivial tests in the suite (5000)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """CPU ratio over plain pytest, and repetitions per test."""
    made = with_plugin(venv("trivial", options.python, (PYTEST, *PLUGIN_NEEDS)))
    folder = parametrized(options.tests)
    report = Path(cache("reports") / "checking.json")
    compared = compare(
        f"{options.tests} trivial tests",
        options.pairs,
        runner(made, folder, PLAIN, options.tests),
        runner(made, folder, (*CHECKING, f"--memguard-json={report}"), options.tests),
    )
    seen = summary.read(report)
    about = figures.machine(options.python, made.versions())
    figures.header(f"checking {options.tests} trivial tests, {options.pairs} pairs, CPU seconds: median (ends)", about)
    row = (
        "memguard",
        str(options.tests),
        compared.plain_s.text(),
        compared.other_s.text(),
        compared.ratio.text(),
        f"{seen.repetitions_per_clean_test:.2f}",
        str(len(seen.findings)),
    )
    head = ("", "tests", "plain", "checking", "ratio", "repetitions/clean test", "findings")
    figures.say(figures.table(head, [row]))
    figures.say(f"verdicts: {', '.join(f'{n} {name}' for name, n in seen.verdicts.items())}")
    for error in seen.errors:
        figures.say(f"ERROR inside the plugin: {error}")
    figures.say(f"wanted: ratio at most {_WANTED_RATIO}, at most {_WANTED_REPETITIONS} repetitions per clean test")
    result = {"tests": options.tests, **compared.to_json(), "report": seen.to_json()}
    figures.store(options.json, "checking", about, result)
    return result
