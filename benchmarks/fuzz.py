"""Whatever comes from outside, changed at random: settings, markers, baselines, histories, reports, messages."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import importlib.metadata
import time
from typing import Any

from benchmarks import figures
from benchmarks.places import ROOT, BenchmarkError

PAGE = ROOT / "docs" / "reference" / "fuzzing.md"
_SHOWN = 300
_HEAD = """\
# Input that is not what it should be

`python -m benchmarks fuzz --examples N` changes what memguard reads at random: bytes put in, cut out, turned over and
repeated, files that end early, values of any kind in the place of others. Everything has to be read, or refused with a
message: never a traceback, nothing that takes longer than 30 seconds, and no file lost (a command leaves what it reads
as it is; a damaged history is set aside whole before a new one is begun; an edited baseline keeps its entries).
The tests run a few examples of each with every change.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks fuzz``."""
    parser.add_argument("--examples", type=int, default=1000, help="examples of each (1000)")
    parser.add_argument("--only", metavar="A,B", help="those whose name has one of these in it")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name}")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """A line for each kind of input; ``failed`` where an example was not read or refused as it should be."""
    try:
        fuzzing = importlib.import_module("tests.fuzzing")
    except ImportError as error:
        raise BenchmarkError(
            f"needs a checkout with what its tests need (pip install -e '.[test]'): {error}"
        ) from error
    words = options.only.split(",") if options.only else [""]
    targets = [target for target in fuzzing.TARGETS if any(word in target.name for word in words)]
    results = [_fuzzed(target, options.examples) for target in targets]
    names = ("pytest-memguard", "hypothesis")
    about = figures.machine(options.python, {name: importlib.metadata.version(name) for name in names})
    figures.header(f"{len(results)} kinds of input, {options.examples} examples of each", about)
    rows = [(r["input"], str(r["examples"]), f"{r['cpu_s']:.1f}", r["fault"] or "none") for r in results]
    head = ("input", "examples", "CPU s", "faults")
    figures.say(figures.table(head, rows))
    if options.page and not options.only:
        today = dt.datetime.now(dt.timezone.utc).date().isoformat()
        text = [
            _HEAD,
            f"Measured {today}, Python {options.python}, Hypothesis {importlib.metadata.version('hypothesis')}.",
        ]
        text += ["", "| " + " | ".join(head) + " |", "|---|---|---|---|"]
        text += ["| " + " | ".join(row) + " |" for row in rows]
        PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")
    result = {"inputs": results, "failed": any(r["fault"] for r in results)}
    figures.store(options.json, "fuzz", about, result)
    return result


def _fuzzed(target: Any, examples: int) -> dict[str, Any]:
    hypothesis = importlib.import_module("hypothesis")
    figures.progress(target.name)
    run = 0

    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(target.examples)
    def each(example: Any) -> None:
        nonlocal run
        run += 1
        target.run(example)

    fault = None
    started = time.process_time()
    try:
        each()
    except BaseException as error:  # whatever comes through is what is looked for
        if isinstance(error, KeyboardInterrupt):
            raise
        fault = f"{type(error).__name__}: {error}"[:_SHOWN]
    return {"input": target.name, "examples": run, "cpu_s": time.process_time() - started, "fault": fault}
