"""Whether the plugin changes what a suite reports: outcomes, order, warnings, captured output, line by line."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.comparing import Outputs, compare, read
from benchmarks.pairs import CHECKING, PLAIN
from benchmarks.places import BenchmarkError, cache, empty
from benchmarks.real import SuiteRun, prepared
from benchmarks.runs import run
from benchmarks.suites import chosen
from benchmarks.venvs import with_plugin

_VARIANTS: dict[str, tuple[str, ...]] = {"as it is": (), "-W error": ("-W", "error")}
# Where a forgotten file fails the test in which the garbage collector finds it, all runs collect at the same moments.
_COLLECT = {"-W error": "file"}
_SHOWN = 8
_CUT = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks neutral``."""
    parser.add_argument("--only", metavar="A,B", help="some of the suites")
    parser.add_argument("--plain-runs", type=int, default=3, help="plain runs, to learn what varies by itself (3)")
    parser.add_argument("--control", action="store_true", help="compare one more plain run: the comparison's own noise")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """A row for each suite and variant; ``failed`` where there is a difference."""
    try:
        suites = chosen(options.only)
    except ValueError as error:
        raise BenchmarkError(str(error)) from error
    rows: list[tuple[str, ...]] = []
    results: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    for suite in suites:
        one = prepared(suite, options.python)
        if one.left_out or one.made is None:
            results.append({"suite": suite.name, "left_out": one.left_out})
            continue
        versions = versions or one.made.versions()
        for variant in _VARIANTS:
            result = _compared(one, variant, options)
            results.append(result)
            rows.append(_row(result))
    about = figures.machine(options.python, versions)
    figures.header(f"outcome-neutral: {options.plain_runs} plain runs against one with everything checked", about)
    head = (
        "suite",
        "variant",
        "tests",
        "lines compared",
        "vary by themselves",
        "texts that vary",
        "differences",
        "exit",
    )
    figures.say(figures.table(head, rows))
    failed = any(result.get("differences") for result in results)
    result = {"suites": results, "failed": failed}
    figures.store(options.json, "neutral", about, result)
    return result


def _compared(one: SuiteRun, variant: str, options: argparse.Namespace) -> dict[str, Any]:
    name = one.suite.name
    folder = empty(cache("neutral", name, variant.replace(" ", "-")))
    result: dict[str, Any] = {"suite": name, "variant": variant, "tests": one.tests}
    try:
        plain = [_outputs(one, variant, PLAIN, folder / f"plain{n}") for n in range(1, options.plain_runs + 1)]
        if one.made is not None and not options.control:
            with_plugin(one.made)
        guarded = _outputs(one, variant, PLAIN if options.control else CHECKING, folder / "guarded")
    except BenchmarkError as error:
        figures.say(f"FAILED {name} {variant}: {error}")
        return result | {"differences": 1, "error": str(error), "lines": 0, "unstable": 0, "loose": 0, "exit": "-"}
    compared = compare(plain, guarded)
    blocks = compared.blocks
    (folder / "differences.txt").write_text("\n\n".join(blocks) + "\n")
    _show(name, variant, blocks, folder)
    figures_of = {
        "lines": compared.lines,
        "unstable": compared.unstable,
        "loose": compared.loose,
        "differences": len(blocks),
        "exit": guarded.status,
    }
    return result | figures_of


def _outputs(one: SuiteRun, variant: str, arguments: Sequence[str], stem: Path) -> Outputs:
    """One verbose run with the recorder and JUnit on."""
    if one.made is None or one.folder is None:
        raise BenchmarkError(f"{one.suite.name} was not prepared")
    figures.progress(f"{one.suite.name} {variant}: {stem.name}")
    base = cache("tmp") / one.suite.name
    shutil.rmtree(base, ignore_errors=True)
    record, xml = stem.with_suffix(".jsonl"), stem.parent / "junit.xml"
    command = [one.made.python, "-m", "pytest", "-v", "-rA", "-p", "no:cacheprovider", "-p", "memguard_bench_recorder"]
    command += [f"--basetemp={base}", f"--junitxml={xml}", *_VARIANTS[variant], *arguments]
    done = run(
        [*command, *one.suite.pytest_arguments],
        cwd=one.folder,
        output=stem.with_suffix(".txt"),
        extra={"RECORD_TO": str(record), "RECORD_GC": _COLLECT.get(variant, "")},
    )
    return read(done.status, record=record, output=done.output, junit=xml)


def _show(name: str, variant: str, blocks: Sequence[str], folder: Path) -> None:
    if not blocks:
        return
    figures.say(f"{name} {variant}: {len(blocks)} differences, all of them in {folder / 'differences.txt'}")
    for block in blocks[:_SHOWN]:
        lines = block.splitlines()
        for line in lines[:_SHOWN]:
            figures.say(f"    {line[:_CUT]}")
        if len(lines) > _SHOWN:
            figures.say(f"    ... {len(lines) - _SHOWN} more lines")


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    names = ("suite", "variant", "tests", "lines", "unstable", "loose", "differences", "exit")
    return tuple(str(result[name]) for name in names)
