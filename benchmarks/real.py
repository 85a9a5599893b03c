"""The suites of others, plain and with the plugin in turn: CPU, repetitions, verdicts and every finding."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import figures, summary
from benchmarks.pairs import MODES, PLAIN, Comparison, compare
from benchmarks.places import BenchmarkError, cache, empty
from benchmarks.runs import Run, run
from benchmarks.sources import prepare
from benchmarks.suites import SUITES, Suite, chosen
from benchmarks.venvs import Venv, with_plugin

_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
_FINISHED = (0, 1)
# A run that takes this many times as long as the plain one will not be waited for.
_PATIENCE = 20
_PATIENCE_S = 300.0


@dataclass(kw_only=True)
class SuiteRun:
    """What was learnt about one suite; ``left_out`` says why there is nothing."""

    suite: Suite
    made: Venv | None = None
    folder: Path | None = None
    counts: dict[str, int] = field(default_factory=dict)
    plain: Run | None = None
    compared: dict[str, Comparison] = field(default_factory=dict)
    reports: list[summary.Summary] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    left_out: str | None = None

    @property
    def tests(self) -> int:
        """Tests that ran in the plain run, skipped ones not counted."""
        return sum(n for what, n in self.counts.items() if what != "skipped")

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "name": self.suite.name,
            "version": self.suite.version,
            "left_out": self.left_out,
            "counts": self.counts,
            "plain_cpu_s": self.plain.cpu_s if self.plain else None,
            "modes": {mode: compared.to_json() for mode, compared in self.compared.items()},
            "reports": [report.to_json() for report in self.reports],
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks suites``."""
    names = ", ".join(suite.name for suite in SUITES)
    parser.add_argument("--only", metavar="A,B", help=f"some of {names}")
    parser.add_argument(
        "--mode",
        choices=["watching", "checking", "both", "plain", "control"],
        default="checking",
        help="plain: one run each, without the plugin; control: plain against plain (checking)",
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """One row a suite and mode, the medians over all, the findings."""
    try:
        suites = chosen(options.only)
    except ValueError as error:
        raise BenchmarkError(str(error)) from error
    modes = {"both": ["watching", "checking"], "plain": []}.get(options.mode, [options.mode])
    done = [_measured(suite, options.python, modes, options.pairs) for suite in suites]
    versions = next((r.made.versions() for r in done if r.made), {})
    about = figures.machine(options.python, versions)
    figures.header(f"{len(done)} suites of others, {options.pairs} pairs, CPU seconds: median (ends)", about)
    _print_plain(done)
    for mode in modes:
        _print_mode(mode, done)
    if "checking" in modes:
        _print_checking(done)
    result = {"mode": options.mode, "suites": [one.to_json() for one in done]}
    figures.store(options.json, "suites", about, result)
    return result


def prepared(suite: Suite, python: str, beside: Sequence[str] = ()) -> SuiteRun:
    """The suite fetched, installed and run once without the plugin; says aloud when it is left out.

    With requirements ``beside`` its own, in an environment of its own.
    """
    one = SuiteRun(suite=suite)
    try:
        one.made, one.folder = prepare(suite, python, beside)
        figures.progress(f"{suite.name}: plain run")
        one.plain = run(command(one, PLAIN), cwd=one.folder, output=cache("logs") / f"{suite.name}-plain.log")
    except BenchmarkError as error:
        one.left_out = str(error)
    else:
        one.counts = _counts(one.plain.output)
        bad = sum(one.counts.get(what, 0) for what in ("failed", "error", "errors"))
        if one.plain.status not in _FINISHED or bad > suite.known_failures or not one.tests:
            log = cache("logs") / f"{suite.name}-plain.log"
            one.left_out = f"plain run: exit {one.plain.status}, {bad} failed, {one.tests} ran; see {log}"
    if one.left_out:
        figures.say(f"LEFT OUT {suite.name} {suite.version}: {one.left_out}")
    return one


def command(one: SuiteRun, arguments: Sequence[str]) -> list[str]:
    """The pytest run of a suite; pytest's temporary folders lie in the cache, one base a suite."""
    if one.made is None:
        raise BenchmarkError(f"{one.suite.name} has no environment")
    base = cache("tmp") / one.suite.name
    fixed = ["-q", "-p", "no:cacheprovider", f"--basetemp={base}"]
    return [one.made.python, "-m", "pytest", *fixed, *arguments, *one.suite.pytest_arguments]


def _measured(suite: Suite, python: str, modes: Sequence[str], pairs: int) -> SuiteRun:
    one = prepared(suite, python)
    if one.left_out or one.made is None:
        return one
    try:
        if set(modes) & {"watching", "checking"}:
            with_plugin(one.made)
        for mode in modes:
            report = empty(cache("reports", suite.name)) / f"{mode}.json" if mode == "checking" else None
            other = _runner(one, MODES[mode], report)
            one.compared[mode] = compare(f"{suite.name} {mode}", pairs, _runner(one, PLAIN, None), other)
    except BenchmarkError as error:
        one.left_out = str(error)
        figures.say(f"FAILED {suite.name} {suite.version}: {error}")
    return one


def _runner(one: SuiteRun, arguments: Sequence[str], report: Path | None) -> Callable[[], Run]:
    more = () if report is None else (f"--memguard-json={report}",)
    log = cache("logs") / f"{one.suite.name}-{'plain' if arguments == PLAIN else 'with'}.log"

    def once() -> Run:
        if one.folder is None or one.plain is None:
            raise BenchmarkError(f"{one.suite.name} was not prepared")
        patience = max(_PATIENCE_S, _PATIENCE * one.plain.wall_s)
        done = run(command(one, (*arguments, *more)), cwd=one.folder, output=log, timeout_s=patience)
        if done.status != one.plain.status or _counts(done.output) != one.counts:
            now = f"exit {done.status} {_counts(done.output)}"
            first = f"first plain run: exit {one.plain.status} {one.counts}"
            figures.say(f"DIFFERENT OUTCOMES {one.suite.name} {' '.join(arguments)}: {now}, {first}")
        if report is not None:
            one.reports.append(summary.read(report))
        return done

    return once


def _counts(output: str) -> dict[str, int]:
    for line in reversed(output.splitlines()):
        if " in " in line and _COUNT.search(line):
            return {what: int(n) for n, what in _COUNT.findall(line)}
    return {}


def _print_plain(done: Sequence[SuiteRun]) -> None:
    rows = [
        (one.suite.name, one.suite.version, str(one.tests), f"{one.plain.cpu_s:.2f}", f"{one.plain.wall_s:.2f}")
        for one in done
        if one.plain and not one.left_out
    ]
    if not rows:
        figures.say("no suite could be run")
        return
    total = ("all", "", str(sum(int(r[2]) for r in rows)), f"{sum(float(r[3]) for r in rows):.2f}", "")
    figures.say(figures.table(("suite", "version", "tests", "plain CPU s", "wall s"), [*rows, total]))


def _print_mode(mode: str, done: Sequence[SuiteRun]) -> None:
    compared = [(one, one.compared[mode]) for one in done if mode in one.compared]
    if not compared:
        return
    figures.say()
    figures.say(f"-- {mode}")
    rows = [
        (one.suite.name, str(one.tests), c.plain_s.text(), c.other_s.text(), c.ratio.text(3)) for one, c in compared
    ]
    figures.say(figures.table(("suite", "tests", "plain", mode, "ratio"), rows))
    ratios = figures.Spread.of([c.ratio.median for _, c in compared])
    figures.say(f"ratio over the suites: median {ratios.median:.3f}, worst {ratios.high:.3f}")


def _print_checking(done: Sequence[SuiteRun]) -> None:
    reported = [one for one in done if one.reports]
    if not reported:
        return
    figures.say()
    rows = [_checking_row(one) for one in reported]
    head = ("suite", "tests", "checked", "rep/clean", "not repeatable", "findings", "same in all runs", "verdicts")
    figures.say(figures.table(head, rows))
    last = [one.reports[-1] for one in reported]
    checked = sum(s.checked for s in last) or 1
    share = sum(s.not_repeatable for s in last) / checked
    repetitions = sum(s.clean_repetitions for s in last) / (sum(s.clean for s in last) or 1)
    figures.say(
        f"over all: {repetitions:.2f} repetitions a clean test, {share:.2%} of {checked} checked not repeatable"
    )
    for one in reported:
        _print_findings(one)


def _checking_row(one: SuiteRun) -> tuple[str, ...]:
    last = one.reports[-1]
    findings = [frozenset(f["signature"] for f in report.findings) for report in one.reports]
    return (
        one.suite.name,
        str(last.tests),
        str(last.checked),
        f"{last.repetitions_per_clean_test:.2f}",
        f"{last.not_repeatable_share:.2%}",
        str(len(last.findings)),
        f"{findings.count(findings[-1])} of {len(findings)}",
        ", ".join(f"{n} {name}" for name, n in last.verdicts.items()),
    )


def _print_findings(one: SuiteRun) -> None:
    last = one.reports[-1]
    if last.findings or last.reasons or last.errors:
        figures.say()
        figures.say(f"-- {one.suite.name}")
    for error in last.errors:
        figures.say(f"  ERROR inside the plugin: {error}")
    for reason, number in last.reasons.items():
        figures.say(f"  inconclusive {number}: {reason}")
    for finding in last.findings:
        for line in summary.lines(finding):
            figures.say(f"  {line}")
