"""Whether the verdicts on the labelled corpus are right, in every order, under xdist, on every Python, many times."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.places import ROOT, BenchmarkError, cache, interpreters
from benchmarks.runs import Run, run
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, venv, with_plugin

_PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
NEEDS = ("pytest-asyncio==1.5.0", "anyio==4.16.0", "hypothesis==6.168.5", "pytest-xdist==3.8.0")
_ORDERS: dict[str, tuple[str, ...]] = {
    "as written": (),
    "-n 2": ("-n", "2"),
    "reverse": ("--corpus-order=reverse",),
    "random": ("--corpus-order=random:{run}",),
}
_WRONG = ("MISSED", "FALSE ALARM", "UNEXPECTED")
_FOUND = re.compile(r"^\w+: (\d+) of (\d+) found$", re.MULTILINE)
_STATUSES = (0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """One run of the whole corpus."""

    found: int
    leaks: int
    wrong: tuple[str, ...]
    verdicts: str
    done: Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks corpus``."""
    parser.add_argument("--runs", type=int, default=20, help="runs in the order as written on the first Python (20)")
    parser.add_argument("--other-runs", type=int, default=2, help="runs of every other order and Python (2)")
    parser.add_argument("--pythons", metavar="A,B", help="versions, the first gets --runs (all on this machine)")
    parser.add_argument("--orders", metavar="A,B", help=f"some of {', '.join(_ORDERS)} (all)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """A row for each Python and order; ``failed`` where any verdict was wrong."""
    versions = options.pythons.split(",") if options.pythons else [options.python, *_PYTHONS]
    found = interpreters(dict.fromkeys(versions))
    orders = options.orders.split(",") if options.orders else list(_ORDERS)
    unknown = [order for order in orders if order not in _ORDERS]
    if unknown:
        raise BenchmarkError(f"no order called {', '.join(unknown)}; there are {', '.join(_ORDERS)}")
    figures.progress(f"Pythons: {', '.join(found)}; left out: {', '.join(set(versions) - set(found)) or 'none'}")
    rows: list[tuple[str, ...]] = []
    results: list[dict[str, Any]] = []
    made = None
    for python in found:
        made = with_plugin(venv("corpus", python, (PYTEST, *PLUGIN_NEEDS, *NEEDS)))
        for order in orders:
            first = python == next(iter(found)) and order == orders[0]
            outcomes = _outcomes(made, python, order, options.runs if first else options.other_runs)
            rows.append(_row(python, order, outcomes))
            results.append(_result(python, order, outcomes))
    about = figures.machine(", ".join(found), made.versions() if made else {})
    figures.header("corpus: every leak found, no innocent test flagged", about)
    head = ("Python", "order", "runs", "found", "wrong verdicts", "all right", "same verdict counts", "wall s a run")
    figures.say(figures.table(head, rows))
    for line in sorted({f"{r['python']} {r['order']}: {wrong}" for r in results for wrong in r["wrong"]}):
        figures.say(f"  {line}")
    result = {"rows": results, "failed": any(r["wrong"] or not r["all_right"] for r in results)}
    figures.store(options.json, "corpus", about, result)
    return result


def _outcomes(made: Venv, python: str, order: str, runs: int) -> list[_Outcome]:
    outcomes: list[_Outcome] = []
    for number in range(1, runs + 1):
        figures.progress(f"corpus on Python {python}, {order}: run {number} of {runs}")
        arguments = [part.format(run=number) for part in _ORDERS[order]]
        log = cache("logs") / f"corpus-{python}-{order.strip('-').replace(' ', '')}-{number}.log"
        outcomes.append(_once(made, arguments, log))
    return outcomes


def _once(made: Venv, arguments: list[str], log: Path) -> _Outcome:
    runner = ROOT / "tests" / "corpus" / "run.py"
    done = run([made.python, str(runner), *arguments], cwd=ROOT, output=log)
    counts = [(int(a), int(b)) for a, b in _FOUND.findall(done.output)]
    if done.status not in _STATUSES or not counts:
        figures.say(f"FAILED {' '.join(arguments) or 'as written'}, see {log}:\n{done.output[-2000:]}")
    lines = done.output.splitlines()
    return _Outcome(
        found=sum(found for found, _ in counts),
        leaks=sum(leaks for _, leaks in counts),
        wrong=tuple(line for line in lines if line.startswith(_WRONG)),
        verdicts=next((line for line in lines if line.startswith("verdicts: ")), ""),
        done=done,
    )


def _row(python: str, order: str, outcomes: list[_Outcome]) -> tuple[str, ...]:
    runs = len(outcomes)
    return (
        python,
        order,
        str(runs),
        f"{min(o.found for o in outcomes)} of {outcomes[0].leaks}",
        str(max(len(o.wrong) for o in outcomes)),
        f"{sum(o.done.status == 0 for o in outcomes)} of {runs}",
        f"{sum(o.verdicts == outcomes[0].verdicts for o in outcomes)} of {runs}",
        figures.Spread.of([o.done.wall_s for o in outcomes]).text(0),
    )


def _result(python: str, order: str, outcomes: list[_Outcome]) -> dict[str, Any]:
    return {
        "python": python,
        "order": order,
        "runs": len(outcomes),
        "leaks": outcomes[0].leaks,
        "found": [o.found for o in outcomes],
        "all_right": all(o.done.status == 0 for o in outcomes),
        "verdicts": sorted({o.verdicts for o in outcomes}),
        "wrong": sorted({line for o in outcomes for line in o.wrong}),
    }
