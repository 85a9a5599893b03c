"""Whether a suite with other plugins runs as it does without memguard, and whether exactly its leaks are found."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.comparing import Outputs, compare, read, without_order
from benchmarks.pairs import CHECKING, PLAIN
from benchmarks.places import ROOT, BenchmarkError, cache, digest, empty
from benchmarks.rows import ROWS, VARIANTS, Row
from benchmarks.runs import run
from benchmarks.venvs import Venv, plugin_wheel, venv, with_plugin

PAGE = ROOT / "docs" / "reference" / "compatibility.md"
_PATIENCE_S = 300.0
_PLAIN_RUNS = 2
_SHOWN = 4
_CUT = 200
_HARMLESS = frozenset({"clean", "saturating", "one-off", "deferred", "suppressed"})
_HEAD = """\
# Other plugins

`python -m benchmarks compatibility` runs a small suite with each of these, twice without memguard and once with every
test checked (`--memguard --memguard-fail-on=never`), and compares line by line every report, section, warning and
output, the JUnit file and what the other plugin itself writes. Each suite has tests that pass, fail, are skipped, warn,
print, leak, and look as if they leaked, and uses what the plugin of its row is there for. **Same** means no difference;
**leaks** are those found of those that are there; **false** are findings in tests that do not leak; **not checked** are
tests that passed and could not be repeated, other than those that pass only once on purpose. Not every leak is the
suite's own: a mock that lives as long as its module remembers each call, and gevent the status of each child process.

While tests are repeated, pytest-cov and `coverage run` do not measure, pytest-benchmark runs the function once,
pytest-memray, syrupy and Allure do not see the tests, and what Django's test client leaves behind in every request is
taken away. Threads that allocate at the very moment of a reading may hide a leak of a few blocks; it is then called
`saturating`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks compatibility``."""
    parser.add_argument("--only", metavar="A,B", help="rows whose name has one of these in it")
    parser.add_argument("--again", action="store_true", help="measure rows again that are measured already")
    parser.add_argument("--prepare", action="store_true", help="only make the environments")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name}; all rows must be measured")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """A line for each row and variant; rows measured with this state of the plugin are not measured again."""
    words = options.only.split(",") if options.only else [""]
    rows = [row for row in ROWS if any(word in row.name for word in words)]
    if not rows:
        raise BenchmarkError(f"no row with {options.only} in its name; there are: {', '.join(r.name for r in ROWS)}")
    if options.prepare:
        for row in rows:
            with_plugin(_environment(row, options.python))
        return {}
    done = [_row(row, options) for row in rows]
    about = figures.machine(options.python, {})
    figures.header(f"compatible with {len(rows)} rows", about)
    lines = [line for result in done for line in _lines(result)]
    head = ("row", "run", "tests", "lines compared", "same", "leaks", "false", "not checked")
    figures.say(figures.table(head, lines))
    if options.page:
        _write_page(options.python)
    failed = any(variant["wrong"] for result in done for variant in result["variants"])
    result = {"rows": done, "failed": failed}
    figures.store(options.json, "compatibility", about, result)
    return result


def _environment(row: Row, python: str) -> Venv:
    name = "compatible-" + "".join(c if c.isalnum() else "-" for c in row.name)
    return venv(name, python, row.requirements)


def _row(row: Row, options: argparse.Namespace) -> dict[str, Any]:
    kept = cache("compatibility") / f"{row.name.replace(' ', '-')}-{options.python}.json"
    state = _state(row)
    if kept.exists() and not options.again:
        result: dict[str, Any] = json.loads(kept.read_text())
        if result["state"] == state:
            return result
    made = with_plugin(_environment(row, options.python))
    installed = made.versions()
    names = [requirement.partition("==")[0].lower() for requirement in row.requirements]
    result = {
        "state": state,
        "row": row.name,
        "date": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "python": options.python,
        "versions": {name: installed.get(name, "?") for name in names},
        "variants": [_variant(row, made, variant) for variant in row.variants],
    }
    kept.write_text(json.dumps(result, indent=1) + "\n")
    return result


def _state(row: Row) -> str:
    """Changes with the plugin, the suite and how it is run."""
    files = [file for folder in row.folders for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    how = repr((row.arguments, row.variants, row.requirements, row.start))
    return f"{plugin_wheel().parent.name} {digest(files)} {how}"


def _variant(row: Row, made: Venv, variant: str) -> dict[str, Any]:
    place = empty(cache("compatibility", row.name.replace(" ", "-"), variant.replace(" ", "-")))
    report = place / "memguard.json"
    result: dict[str, Any] = {"variant": variant}
    try:
        plain = [_outputs(row, made, variant, PLAIN, place / f"plain{n}") for n in range(_PLAIN_RUNS)]
        ours = (*CHECKING, f"--memguard-json={report}")
        guarded = _outputs(row, made, variant, ours, place / "guarded")
        compared = compare(plain, guarded)
        document = json.loads(report.read_text())
    except (BenchmarkError, OSError, ValueError) as error:
        figures.say(f"FAILED {row.name}, {variant}: {error}")
        return result | {"wrong": True, "error": str(error)[-2000:]}
    (place / "differences.txt").write_text("\n\n".join(compared.blocks) + "\n")
    found = _found(document)
    wrong = bool(compared.blocks or found["missed"] or found["false"] or found["unchecked"] or found["errors"])
    _show(row, variant, compared.blocks, found)
    return result | found | {"lines": compared.lines, "differences": len(compared.blocks), "wrong": wrong}


def _found(document: dict[str, Any]) -> dict[str, Any]:
    """Leaks that are there and found or missed, findings that are none, passed tests that were not checked."""
    witnesses = {name for leak in document["leaks"] for name in leak["witnesses"]}
    tests = document["tests"]
    leaking = [test["nodeid"] for test in tests if test["outcome"] == "passed" and "leak" in test["nodeid"]]
    passed = [test for test in tests if test["outcome"] == "passed" and "::test_once" not in test["nodeid"]]
    return {
        "tests": len(tests),
        "leaking": len(leaking),
        "missed": sorted(set(leaking) - witnesses),
        "false": sorted(witnesses - set(leaking)),
        "unchecked": [
            f"{test['nodeid']}: {test['verdict']} {test['reason']}"
            for test in passed
            if test["verdict"] not in _HARMLESS and test["verdict"] != "leak"
        ],
        "errors": document.get("errors", []),
    }


def _outputs(row: Row, made: Venv, variant: str, ours: Sequence[str], stem: Path) -> Outputs:
    """One run of the suite, in a folder of the same name as all others."""
    figures.progress(f"{row.name}, {variant}: {stem.name}")
    folder = empty(stem.parent / "shop")
    for source in row.folders:
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
    base = empty(stem.parent / "temp")
    record, xml = stem.with_suffix(".jsonl"), stem.parent / "junit.xml"
    fixed = ["-v", "-rA", "-p", "no:cacheprovider", "-p", "memguard_bench_recorder", f"--basetemp={base}"]
    arguments = [*fixed, f"--junitxml={xml}", *VARIANTS[variant], *row.arguments, *ours]
    done = run(
        [made.python, *row.start, *arguments],
        cwd=folder,
        output=stem.with_suffix(".txt"),
        extra={"RECORD_TO": str(record), "RECORD_GC": "file" if variant == "-W error" else "", **row.environment},
        timeout_s=_PATIENCE_S,
    )
    found = replace(read(done.status, record=record, output=done.output, junit=xml), others=row.files(folder))
    return without_order(found) if "-n" in variant else found


def _show(row: Row, variant: str, blocks: Sequence[str], found: dict[str, Any]) -> None:
    told = [f"{word}: {name}" for word in ("missed", "false", "unchecked", "errors") for name in found[word]]
    if blocks or told:
        figures.say(f"{row.name}, {variant}: {len(blocks)} differences")
    for line in [*told, *(line for block in blocks for line in block.splitlines()[:_SHOWN])][: 3 * _SHOWN]:
        figures.say(f"    {line[:_CUT]}")


def _lines(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """A line of the table for each variant."""
    lines = []
    for one in result["variants"]:
        if "error" in one:
            lines.append((result["row"], one["variant"], "-", "-", "could not be run", "-", "-", "-"))
            continue
        same = "yes" if not one["differences"] else f"{one['differences']} differences"
        found = f"{one['leaking'] - len(one['missed'])} of {one['leaking']}"
        counts = (str(one["tests"]), str(one["lines"]), same, found, str(len(one["false"])), str(len(one["unchecked"])))
        lines.append((result["row"], one["variant"], *counts))
    return lines


def _write_page(python: str) -> None:
    """The page of all rows; raises BenchmarkError where one is missing."""
    results = []
    for row in ROWS:
        kept = cache("compatibility") / f"{row.name.replace(' ', '-')}-{python}.json"
        if not kept.exists():
            raise BenchmarkError(f"{row.name} is not measured yet")
        results.append(json.loads(kept.read_text()))
    dates = sorted(result["date"] for result in results)
    text = [_HEAD, f"Measured {dates[-1]}, Python {python}.\n"]
    text.append("| with | versions | run | tests | lines compared | same | leaks | false | not checked |")
    text.append("|---|---|---|---|---|---|---|---|---|")
    for result in results:
        versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
        for number, line in enumerate(_lines(result)):
            first = (line[0], versions) if number == 0 else ("", "")
            text.append("| " + " | ".join((*first, *line[1:])) + " |")
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")
    figures.progress(f"{PAGE} written")
