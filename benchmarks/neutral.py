"""Whether the plugin changes what a suite reports: outcomes, order, warnings, captured output, line by line."""

from __future__ import annotations

import argparse
import functools
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import figures, kept, neutral_page, summary
from benchmarks.comparing import Outputs, compare, read, without_order
from benchmarks.pairs import CHECKING, PLAIN
from benchmarks.places import BenchmarkError, cache, empty
from benchmarks.real import SuiteRun, prepared
from benchmarks.runs import run
from benchmarks.suites import SUITES, Suite, chosen
from benchmarks.venvs import XDIST, plugin_wheel, with_plugin

_FINISHED = frozenset({0, 1})
_SHOWN = 8
_CUT = 200
_TAIL = 400
# Said by pytest-xdist where ids have the time in them and workers collect in different seconds: no test is run then.
_REFUSED = "Different tests were collected between"
_ATTEMPTS = 5
# Objects that each test of a second plain run leaves alive, of a third twice as many: what a suite shows of the moment
# at which the garbage collector comes, which every allocation of anybody shifts, then varies between the plain runs.
_SHIFT = 10
# Suites in which a file changes what the files after it show, and which these are depends on how long each takes: the
# logger that urllib3's test_util.py leaves at another level decides whether test_poolmanager.py logs.
_COUPLED = frozenset({"urllib3"})
_HALVES = ("-p", "memguard_bench_halves")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variant:
    """One way to run a suite, the same for its plain runs and the one with the plugin."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = True


_VARIANTS = {
    "as it is": _Variant(arguments=("-p", "no:xdist")),
    # A forgotten file fails the test in which the garbage collector finds it: all runs collect at the same moments.
    "-W error": _Variant(arguments=("-p", "no:xdist", "-W", "error"), environment={"RECORD_GC": "file"}),
    "random order": _Variant(
        arguments=("-p", "no:xdist", "-p", "memguard_bench_shuffle"), environment={"SHUFFLE": "7"}
    ),
    "-n 2": _Variant(arguments=("-n", "2", "--dist", "loadfile"), ordered=False),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks neutral``."""
    parser.add_argument("--only", metavar="A,B", help="some of the suites")
    parser.add_argument("--variants", metavar="A,B", help=f"some of {', '.join(_VARIANTS)} (all)")
    parser.add_argument("--plain-runs", type=int, default=3, help="plain runs, to learn what varies by itself (3)")
    parser.add_argument("--control", action="store_true", help="compare one more plain run: the comparison's own noise")
    parser.add_argument("--again", action="store_true", help="compare again what was compared with this state")
    parser.add_argument(
        "--page", action="store_true", help=f"write all that was ever compared into {neutral_page.PAGE.name}"
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """A row for each suite and variant; ``failed`` where there is a difference, or a suite could not be had."""
    try:
        suites = chosen(options.only)
    except ValueError as error:
        raise BenchmarkError(str(error)) from error
    results: list[dict[str, Any]] = []
    without: list[str] = []
    for suite in suites:
        for variant in _chosen(options.variants):
            try:
                results.append(_compared(suite, variant, options))
            except BenchmarkError as error:
                figures.say(f"FAILED {suite.name} {variant}: {error}")
                without.append(f"{suite.name} {variant}")
    about = figures.machine(options.python, results[-1]["versions"] if results else {})
    figures.header(f"outcome-neutral: {options.plain_runs} plain runs against one with everything checked", about)
    figures.say(figures.table(neutral_page.HEAD, [neutral_page.row(result) for result in results]))
    if options.page:
        every = [kept.load("neutral", _name(s, v, options)) for s in SUITES for v in _VARIANTS]
        neutral_page.write([result for result in every if result is not None])
    failed = bool(without) or any(result["differences"] or result["errors"] for result in results)
    result = {"suites": results, "failed": failed}
    figures.store(options.json, "neutral", about, result)
    return result


def _chosen(names: str | None) -> list[str]:
    wanted = [name.strip() for name in names.split(",")] if names else list(_VARIANTS)
    unknown = [name for name in wanted if name not in _VARIANTS]
    if unknown:
        raise BenchmarkError(f"no variant called {', '.join(unknown)}; there are {', '.join(_VARIANTS)}")
    return wanted


def _name(suite: Suite, variant: str, options: argparse.Namespace) -> str:
    kind = "control-" if options.control else ""
    return f"{kind}{suite.name}-{variant}-{options.python}".replace(" ", "-")


def _compared(suite: Suite, variant: str, options: argparse.Namespace) -> dict[str, Any]:
    """What was kept of this suite and variant, or a new comparison."""
    how = _VARIANTS[variant]
    settings = {
        "suite": suite.project,
        "arguments": [*_arguments(suite, variant), *suite.pytest_arguments],
        "environment": dict(how.environment),
        "requirements": [*suite.requirements, XDIST],
        "plain_runs": options.plain_runs,
        "plugin": plugin_wheel().parent.name,
    }
    measure_it = functools.partial(_runs, suite, variant, options)
    return kept.measured("neutral", _name(suite, variant, options), settings, measure_it, again=options.again)


def _arguments(suite: Suite, variant: str) -> tuple[str, ...]:
    how = _VARIANTS[variant]
    return how.arguments if how.ordered or suite.name not in _COUPLED else (*how.arguments, *_HALVES)


@functools.cache
def _prepared(suite: Suite, python: str) -> SuiteRun:
    return prepared(suite, python, (XDIST,))


def _runs(suite: Suite, variant: str, options: argparse.Namespace) -> dict[str, Any]:
    """The plain runs and the one with everything checked. Raises BenchmarkError where that one breaks off."""
    one = _prepared(suite, options.python)
    if one.left_out or one.made is None:
        raise BenchmarkError(one.left_out or "was not prepared")
    folder = empty(cache("neutral", suite.name, variant.replace(" ", "-")))
    result: dict[str, Any] = {"name": suite.name, "version": suite.version, "variant": variant}
    result |= {"python": options.python, "plain_runs": options.plain_runs, "versions": one.made.versions()}
    result |= {"differences": 0, "errors": []}
    plain: list[Outputs] = []
    for number in range(1, options.plain_runs + 1):
        broken = _plain(one, variant, folder / f"plain{number}", into=plain)
        if broken:
            return result | {"cannot": broken}
    if options.control:
        return result | _figures(plain, _outputs(one, variant, PLAIN, folder / "guarded"), folder)
    with_plugin(one.made)
    report = folder / "memguard.json"
    guarded = _outputs(one, variant, (*CHECKING, f"--memguard-json={report}"), folder / "guarded")
    said = summary.read(report)
    result |= {"versions": one.made.versions(), "tests": said.tests, "errors": list(said.errors)}
    result |= {"findings": list(said.findings), "verdicts": dict(said.verdicts)}
    return result | _figures(plain, guarded, folder)


def _plain(one: SuiteRun, variant: str, stem: Path, *, into: list[Outputs]) -> str | None:
    """One more plain run; where the project cannot be run in this way at all, what it ends with."""
    try:
        outputs = _outputs(one, variant, PLAIN, stem, shift=_SHIFT * len(into))
    except BenchmarkError as error:
        return str(error)[-_TAIL:]
    if outputs.status not in _FINISHED:
        return f"exit {outputs.status}: {outputs.terminal[-1] if outputs.terminal else 'no output'}"
    into.append(outputs)
    return None


def _figures(plain: Sequence[Outputs], guarded: Outputs, folder: Path) -> dict[str, Any]:
    compared = compare(plain, guarded)
    (folder / "differences.txt").write_text("\n\n".join(compared.blocks) + "\n")
    _show(compared.blocks, folder)
    return {
        "lines": compared.lines,
        "unstable": compared.unstable,
        "loose": compared.loose,
        "differences": len(compared.blocks),
        "exit": guarded.status,
    }


def _outputs(one: SuiteRun, variant: str, arguments: Sequence[str], stem: Path, *, shift: int = 0) -> Outputs:
    """One verbose run with the recorder and JUnit on; another one where workers have not agreed on what there is."""
    if one.made is None or one.folder is None:
        raise BenchmarkError(f"{one.suite.name} was not prepared")
    how = _VARIANTS[variant]
    base = cache("tmp", "neutral") / one.suite.name
    record, xml = stem.with_suffix(".jsonl"), stem.parent / "junit.xml"
    command = [one.made.python, "-m", "pytest", "-v", "-rA", "-p", "no:cacheprovider", "-p", "memguard_bench_recorder"]
    # A file that is none with `-W error` is compared as such, and all the others are run.
    command += ["--continue-on-collection-errors", f"--basetemp={base}", f"--junitxml={xml}"]
    command += [*_arguments(one.suite, variant), *arguments]
    for _ in range(_ATTEMPTS):
        figures.progress(f"{one.suite.name} {variant}: {stem.name}")
        shutil.rmtree(base, ignore_errors=True)
        done = run(
            [*command, *one.suite.pytest_arguments],
            cwd=one.folder,
            output=stem.with_suffix(".txt"),
            extra={"RECORD_TO": str(record), "RECORD_SHIFT": str(shift), **how.environment},
        )
        if _REFUSED not in done.output:
            break
    found = read(done.status, record=record, output=done.output, junit=xml)
    return found if how.ordered else without_order(found)


def _show(blocks: Sequence[str], folder: Path) -> None:
    if not blocks:
        return
    figures.say(f"{len(blocks)} differences, all of them in {folder / 'differences.txt'}")
    for block in blocks[:_SHOWN]:
        lines = block.splitlines()
        for line in lines[:_SHOWN]:
            figures.say(f"    {line[:_CUT]}")
        if len(lines) > _SHOWN:
            figures.say(f"    ... {len(lines) - _SHOWN} more lines")
