"""Whether confidence is what it says: findings of the corpus, of generated suites and of look-alikes, and the truth."""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import figures, generated, kept, lookalikes
from benchmarks.corpus import NEEDS
from benchmarks.pages import markdown, replace
from benchmarks.places import ROOT, BenchmarkError, cache, empty
from benchmarks.reliability import Bin, Claim, bins
from benchmarks.runs import run
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, plugin_wheel, venv, with_plugin
from tests.corpus import labels as corpus

_PARTS = ("corpus", "generated", "look-alikes")
_ORDERS = ("", "reverse", "random:1", "random:2")
_EDGES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99)
_PAGE = ROOT / "docs" / "reference" / "calibration.md"
_KEPT = "calibration"
_FLAGS = ("-q", "-p", "no:cacheprovider", "--memguard", "--memguard-budget=unlimited", "--memguard-fail-on=never")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks calibration``."""
    parser.add_argument("--parts", metavar="A,B", default=",".join(_PARTS), help=f"some of {', '.join(_PARTS)} (all)")
    parser.add_argument("--orders", type=int, default=len(_ORDERS), help=f"of the corpus, at most {len(_ORDERS)} (all)")
    parser.add_argument("--seeds", type=int, default=12, help="generated suites and suites of look-alikes, each (12)")
    parser.add_argument("--again", action="store_true", help="measure again what was measured with the same settings")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/reference/calibration.md")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Runs what is missing, and prints the reliability of all findings, together and by source."""
    parts = [part for part in options.parts.split(",") if part]
    unknown = [part for part in parts if part not in _PARTS]
    if unknown:
        raise BenchmarkError(f"no part called {', '.join(unknown)}; there are {', '.join(_PARTS)}")
    made = with_plugin(venv("corpus", options.python, (PYTEST, *PLUGIN_NEEDS, *NEEDS)))
    # Another state of the plugin may declare something else: then nothing that was kept counts.
    settings = {"python": options.python, "plugin": plugin_wheel().parent.name}
    claims: list[Claim] = []
    for name, source, work in _jobs(parts, made, options):
        result = kept.measured(_KEPT, name, settings, work, again=options.again)
        claims += [Claim(source=source, **claim) for claim in result["claims"]]
    tables = {"reliability": _table(claims), "by source": _by_source(claims), "what is wrong": _wrong(claims)}
    about = figures.machine(options.python, made.versions())
    figures.header("calibration: declared confidence against the truth", about)
    for name, body in tables.items():
        figures.say(f"\n{name}\n\n{body}")
    if options.write:
        date, versions = about["date"][:10], ", ".join(f"{n} {v}" for n, v in about["versions"].items())
        replace(_PAGE, "measured with", f"{date}, Python {options.python}, {versions}; {_amount(options)}.")
        for name, body in tables.items():
            replace(_PAGE, name, body)
    result = {"bins": [_plain(one) for one in bins(claims, _EDGES)], "claims": len(claims)}
    figures.store(options.json, "calibration", about, result)
    return result


_Job = tuple[str, str, Callable[[], Mapping[str, Any]]]


def _jobs(parts: list[str], made: Venv, options: argparse.Namespace) -> Iterator[_Job]:
    if "corpus" in parts:
        for order in _ORDERS[: options.orders]:
            for suite in corpus.load():
                name = f"corpus-{suite}-{order.replace(':', '') or 'written'}"
                yield name, "corpus", functools.partial(_corpus, made, suite, order, options.python)
    seeds = range(1, options.seeds + 1)
    if "generated" in parts:
        for seed in seeds:
            yield f"generated-{seed}", "generated", functools.partial(_generated, made, seed)
    if "look-alikes" in parts:
        for seed in seeds:
            source = "look-alikes, slow" if lookalikes.is_slow(seed) else "look-alikes, fast"
            yield f"look-alikes-{seed}", source, functools.partial(_lookalikes, made, seed)


def _corpus(made: Venv, suite: str, order: str, python: str) -> dict[str, Any]:
    """A finding is true if a test that leaks shows it and no innocent one does; what is not judged does not count."""
    more = ("-p", "corpus_order", f"--corpus-order={order}") if order else ()
    report = _report(made, corpus.SUITES / suite, f"corpus {suite} {order}", more)
    known = corpus.match(corpus.load()[suite], [test["nodeid"] for test in report["tests"]])
    claims = []
    for leak in _leaks(report):
        shown = [known[n] for n in {leak["nodeid"], *leak["witnesses"]} if n in known]
        if any(python in label.unjudged for label in shown):
            continue
        true = any(label.label == "leak" for label in shown) and all(
            label.label == "leak" or label.fixture is not None for label in shown
        )
        claims.append(
            {"unit": f"{suite}/{leak['nodeid']} {leak['kind']}", "declared": leak["confidence"], "true": true}
        )
    return {"claims": claims}


def _generated(made: Venv, seed: int) -> dict[str, Any]:
    folder = empty(cache(_KEPT, "suite"))
    leaking, _ = generated.write_suite(folder, seed)
    report = _report(made, folder, f"generated {seed}")
    return {"claims": [_claim(leak, f"suite {seed}", leaking, {}) for leak in _leaks(report)]}


def _lookalikes(made: Venv, seed: int) -> dict[str, Any]:
    folder = empty(cache(_KEPT, "suite"))
    leaking, innocent = lookalikes.write_suite(folder, seed)
    report = _report(made, folder, f"look-alikes {seed}")
    shapes = {name: f"{shape}, {bound}" for name, (shape, bound) in innocent.items()}
    return {"claims": [_claim(leak, f"suite {seed}", leaking, shapes) for leak in _leaks(report)]}


def _claim(
    leak: Mapping[str, Any], where: str, leaking: Mapping[str, str], shapes: Mapping[str, str]
) -> dict[str, Any]:
    names = {_test_name(nodeid) for nodeid in (leak["nodeid"], *leak["witnesses"]) if not nodeid.startswith("fixture:")}
    false = sorted(names - set(leaking))
    what = f" ({shapes[false[0]]})" if false and false[0] in shapes else ""
    return {"unit": f"{where} {leak['nodeid']}{what}", "declared": leak["confidence"], "true": not false}


def _test_name(nodeid: str) -> str:
    return nodeid.rpartition("::")[2].partition("[")[0]


def _leaks(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [leak for leak in report["leaks"] if leak["verdict"] == "leak"]


def _report(made: Venv, folder: Path, name: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    figures.progress(name)
    scratch = empty(cache(_KEPT, "scratch"))
    (scratch / "temporary").mkdir()
    file = scratch / "report.json"
    extra = {
        "PYTHONPATH": str(ROOT / "tests" / "corpus" / "order"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(scratch / "temporary"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch / "hypothesis"),
    }
    command = [made.python, "-m", "pytest", *_FLAGS, f"--memguard-json={file}", f"--basetemp={scratch / 'tmp'}", *more]
    done = run(command, cwd=folder, output=cache("logs") / "calibration.log", extra=extra)
    if not file.exists():
        raise BenchmarkError(f"exit {done.status} of {name}:\n{done.output[-2000:]}")
    return dict(json.loads(file.read_text("utf-8")))


def _table(claims: list[Claim]) -> str:
    head = ["declared", "findings", "true", "share", "Wilson 95 %", ""]
    return markdown(head, [_row(one) for one in bins(claims, _EDGES)])


def _row(one: Bin) -> list[str]:
    between = f"{one.low:.3f} to {one.high:.3f}"
    return [f"{one.declared:.3f}", str(one.count), str(one.true), f"{one.share:.3f}", between, one.verdict]


def _by_source(claims: list[Claim]) -> str:
    head = ["source", "declared", "findings", "true", "share", "Wilson 95 %", ""]
    rows = []
    for source in dict.fromkeys(claim.source for claim in claims):
        some = bins([claim for claim in claims if claim.source == source], _EDGES)
        rows += [[source, *_row(one)] for one in some]
    return markdown(head, rows)


def _wrong(claims: list[Claim]) -> str:
    false = sorted({(c.source, c.unit, f"{c.declared:.2f}") for c in claims if not c.true})
    return markdown(["source", "finding that is not a leak", "declared"], false) if false else "Nothing."


def _plain(one: Bin) -> dict[str, float]:
    return {"declared": one.declared, "count": one.count, "true": one.true, "low": one.low, "high": one.high}


def _amount(options: argparse.Namespace) -> str:
    seeds = options.seeds
    return f"runs of the corpus: {options.orders}, generated suites: {seeds}, suites of look-alikes: {seeds}"
