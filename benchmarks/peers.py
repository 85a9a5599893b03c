"""Other leak finders for Python side by side with this one: cost, recall, false alarms, what a report names."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks import figures, functions, kept, peers_page
from benchmarks.corpus import NEEDS
from benchmarks.flagged import Flagged, ask
from benchmarks.pairs import Comparison, compare
from benchmarks.places import BenchmarkError, cache, empty
from benchmarks.recall import compare as compare_labels
from benchmarks.rivals import RIVALS, Rival
from benchmarks.rivals import chosen as chosen_rivals
from benchmarks.runs import run
from benchmarks.sources import source
from benchmarks.suites import SUITES, Suite
from benchmarks.suites import chosen as chosen_suites
from benchmarks.trivial import parametrized, runner
from benchmarks.venvs import plugin_wheel
from tests.corpus import labels as corpus

_PARTS = ("trivial", "suites", "corpus", "functions")
_SMALL = "cachetools,wtforms,boltons,trio"
_FIXED = ("-q", "-p", "no:cacheprovider")
_KEPT = "peers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks peers``."""
    parser.add_argument("--parts", metavar="A,B", default=",".join(_PARTS), help=f"some of {', '.join(_PARTS)} (all)")
    parser.add_argument("--tools", metavar="A,B", help=f"parts of names: {', '.join(r.name for r in RIVALS)} (all)")
    names = ", ".join(suite.name for suite in SUITES)
    parser.add_argument("--only", metavar="A,B", default=_SMALL, help=f"suites ({_SMALL}); all, or some of {names}")
    parser.add_argument("--runs", type=int, default=3, help="runs of each function of the C extension (3)")
    parser.add_argument("--again", action="store_true", help="measure again what was measured with the same settings")
    parser.add_argument(
        "--write", action="store_true", help="write the tables into docs/reference/peers.md and README.md"
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measures what is missing, and prints the tables of all that was ever measured; nothing here can fail."""
    parts = [part for part in options.parts.split(",") if part]
    unknown = [part for part in parts if part not in _PARTS]
    if unknown:
        raise BenchmarkError(f"no part called {', '.join(unknown)}; there are {', '.join(_PARTS)}")
    try:
        rivals = chosen_rivals(options.tools)
        suites = SUITES if options.only == "all" else chosen_suites(options.only)
    except ValueError as error:
        raise BenchmarkError(str(error)) from error
    for name, rival, work in _jobs(parts, rivals, suites, options):
        try:
            settings = _settings(rival, options, name)
            kept.measured(_KEPT, name, settings, functools.partial(_dated, work), again=options.again)
        except BenchmarkError as error:
            figures.say(f"LEFT OUT {name}: {error}")
    results = peers_page.collected()
    figures.say(peers_page.text(results))
    if options.write:
        peers_page.write(results)
    return {}


_Job = tuple[str, "Rival | None", Callable[[], Mapping[str, Any]]]


def _jobs(
    parts: list[str], rivals: tuple[Rival, ...], suites: tuple[Suite, ...], options: argparse.Namespace
) -> Iterator[_Job]:
    costs = [rival for rival in rivals if rival.tests]
    judges = [rival for rival in rivals if rival.verdicts]
    jobs: dict[str, list[_Job]] = {
        "trivial": [(f"trivial-{one.slug}", one, functools.partial(_trivial, one, options)) for one in costs],
        "suites": [
            (f"suite-{suite.name}-{one.slug}", one, functools.partial(_suite, one, suite, options))
            for suite in suites
            for one in costs
        ],
        "corpus": [
            (f"corpus-{name}-{one.slug}", one, functools.partial(_corpus, one, name, options))
            for one in judges
            for name in corpus.load()
        ],
        "functions": [
            (f"functions-{tool}", None, functools.partial(functions.asked, tool, options.python, options.runs))
            for tool in functions.TOOLS
        ],
    }
    for part in parts:
        yield from jobs[part]


def _settings(rival: Rival | None, options: argparse.Namespace, name: str) -> dict[str, Any]:
    """What makes a kept result another one when it changes."""
    settings: dict[str, Any] = {"python": options.python, "name": name}
    if rival is None:
        return {**settings, "runs": options.runs}
    settings |= {"on": list(rival.on), "extra": [list(pair) for pair in rival.extra]}
    if not name.startswith("corpus-"):
        settings["pairs"] = options.pairs
    return settings


def _dated(work: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """The result with what it was measured on; the state of this checkout by the name of its wheel."""
    result = dict(work())
    about = figures.machine("", {})
    return {**result, "wheel": plugin_wheel().parent.name, "platform": about["platform"], "load": about["load"]}


def _trivial(rival: Rival, options: argparse.Namespace) -> dict[str, Any]:
    made = rival.environment("trivial", options.python)
    folder = parametrized(rival.tests)
    plain = runner(made, folder, rival.plain(), rival.tests)
    on = rival.arguments(str(folder / "report.json"))
    compared = compare(rival.name, options.pairs, plain, runner(made, folder, on, rival.tests, dict(rival.extra)))
    return {"tests": rival.tests, **compared.to_json(), "versions": made.versions()}


def _suite(rival: Rival, suite: Suite, options: argparse.Namespace) -> dict[str, Any]:
    made = rival.environment(suite.name, options.python, (suite.project, *suite.requirements))
    folder = source(suite, made)
    report = cache("peers", "reports") / f"{suite.name}.json"
    base = empty(cache("tmp") / f"{suite.name}-peers")
    start = [made.python, "-m", "pytest", *_FIXED, f"--basetemp={base}"]
    plain = [*start, *rival.plain(), *suite.pytest_arguments]
    other = [*start, *rival.arguments(str(report)), *suite.pytest_arguments]
    log = cache("logs") / f"{suite.name}-peers.log"
    figures.progress(f"{suite.name} {rival.name}")
    before = ask(None, plain, cwd=folder, report=report)
    said = ask(rival, other, cwd=folder, report=report)
    compared = Comparison(pairs=[(before.done, said.done)])
    if not rival.dear:
        compared = compare(
            f"{suite.name} {rival.name}",
            options.pairs,
            lambda: run(plain, cwd=folder, output=log),
            lambda: run(other, cwd=folder, output=log, extra=dict(rival.extra)),
        )
    broken = sorted(said.broken - before.broken)
    figure = {"tests": len(said.tests), "flagged": sorted(set(said.leaking) - before.broken), "broken": broken}
    return {**figure, **compared.to_json(), "versions": made.versions()}


def _corpus(rival: Rival, name: str, options: argparse.Namespace) -> dict[str, Any]:
    made = rival.environment("corpus", options.python, NEEDS)
    folder = empty(cache("peers", "corpus", rival.slug))
    (folder / "temporary").mkdir()
    report = folder / "report.json"
    extra = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(folder / "temporary"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }
    start = [made.python, "-m", "pytest", *_FIXED, f"--basetemp={folder / 'tmp'}"]

    def once(tool: Rival | None, arguments: tuple[str, ...]) -> Flagged:
        figures.progress(f"corpus {name}: {rival.name if tool else 'plain'}")
        return ask(tool, (*start, *arguments), cwd=corpus.SUITES / name, report=report, extra=extra)

    before = once(None, rival.plain())
    said = once(rival, rival.arguments(str(report)))
    found = compare_labels(corpus.load()[name], said, options.python)
    cost = {"plain_cpu_s": before.done.cpu_s, "other_cpu_s": said.done.cpu_s}
    return {**found, **cost, "tests": len(said.tests), "versions": made.versions()}
