"""Whether a leak keeps its signature: in every order, in shards, under xdist, after edits, on every Python."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import figures
from benchmarks.places import ROOT, BenchmarkError, cache, empty, interpreters
from benchmarks.runs import run
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, venv, with_plugin

_PYTHONS = ("3.10", "3.11", "3.12", "3.13")
_NEEDS = ("pytest-asyncio==1.5.0", "anyio==4.16.0", "hypothesis==6.168.5", "pytest-xdist==3.8.0")
_CORPUS = ROOT / "tests" / "corpus"
_SUITES = {"examples": ROOT / "examples", **{path.name: path for path in sorted((_CORPUS / "suites").iterdir())}}
_CHOSEN = ("examples", "aio_asyncio", "fixtures", "legacy", "shared", "storefront", "styles", "vendored")
_FLAGS = ("--memguard", "--memguard-fail-on=never", "--memguard-budget=unlimited", "-p", "corpus_order")
_TEST = re.compile(r"^ *(?:async )?def (test\w+)", re.MULTILINE)
_COMMENT = "# a line that moves all others\n"
_ADDED = "\n\ndef test_added_later():\n    assert sorted([3, 1, 2]) == [1, 2, 3]\n"

Leaks = dict[str, str]  # what a signature stands for


class _Python(NamedTuple):
    """An interpreter, and the folders that it is to import from first."""

    executable: str
    paths: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """One run of one suite, all its shards together."""

    python: str
    variant: str
    number: int
    leaks: Leaks

    @property
    def name(self) -> str:
        return f"run {self.number} ({self.variant}, Python {self.python})"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks signatures``."""
    parser.add_argument("--runs", type=int, default=20, help="runs of each suite, taking turns in how and where (20)")
    parser.add_argument("--only", metavar="A,B", help=f"suites ({','.join(_CHOSEN)}) of {', '.join(_SUITES)}")
    parser.add_argument("--variants", metavar="A,B", help=f"some of {', '.join(_VARIANTS)} (all)")
    parser.add_argument("--pythons", metavar="A,B", help="versions (all on this machine)")
    parser.add_argument(
        "--interpreters",
        metavar="A,B",
        help="paths of Pythons that have all that is needed, instead of new environments; with this checkout's plugin",
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """A row for each suite; ``failed`` where any run had another set of signatures than the first."""
    pythons, versions = _pythons(options)
    suites = _chosen(options.only, _SUITES, _CHOSEN)
    variants = _chosen(options.variants, _VARIANTS, tuple(_VARIANTS))
    rows: list[tuple[str, ...]] = []
    results: list[dict[str, Any]] = []
    for suite in suites:
        runs = list(_runs(suite, pythons, variants, options.runs))
        different = [one for one in runs if one.leaks.keys() != runs[0].leaks.keys()]
        rows.append((suite, str(len(runs)), str(len(runs[0].leaks)), f"{len(runs) - len(different)} of {len(runs)}"))
        lines = [line for one in different for line in _differences(runs[0], one)]
        for line in lines:
            figures.say(f"  {suite}: {line}")
        results.append({"suite": suite, "signatures": runs[0].leaks, "runs": len(runs), "differences": lines})
    about = figures.machine(", ".join(pythons), versions)
    figures.header(f"signatures: the same set in every run, {', '.join(variants)}", about)
    figures.say(figures.table(("suite", "runs", "signatures", "same set"), rows))
    result = {"suites": results, "failed": any(one["differences"] for one in results)}
    figures.store(options.json, "signatures", about, result)
    return result


def _pythons(options: argparse.Namespace) -> tuple[dict[str, _Python], dict[str, str]]:
    """The interpreters by version, and what is installed with the first of them."""
    order = str(_CORPUS / "order")
    if options.interpreters:
        # What lies in the checkout comes before what is installed.
        here = f"{order}:{ROOT}"
        return {Path(path).parents[1].name: _Python(path, here) for path in options.interpreters.split(",")}, {}
    wanted = options.pythons.split(",") if options.pythons else [options.python, *_PYTHONS]
    made = {
        python: with_plugin(venv("corpus", python, (PYTEST, *PLUGIN_NEEDS, *_NEEDS)))
        for python in interpreters(dict.fromkeys(wanted))
    }
    if not made:
        raise BenchmarkError(f"none of the Pythons {', '.join(wanted)} is on this machine")
    return {python: _Python(one.python, order) for python, one in made.items()}, next(iter(made.values())).versions()


def _chosen(given: str | None, known: Mapping[str, object], default: Sequence[str]) -> list[str]:
    wanted = given.split(",") if given else list(default)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise BenchmarkError(f"nothing is called {', '.join(unknown)}; there are {', '.join(known)}")
    return wanted


def _runs(suite: str, pythons: Mapping[str, _Python], variants: Sequence[str], number: int) -> Iterator[_Result]:
    """The runs of one suite: the variants take turns, and so do the Pythons, until each has met each."""
    names = list(pythons)
    for index in range(number):
        variant = variants[index % len(variants)]
        python = names[(index + index // len(variants)) % len(names)]
        figures.progress(f"{suite}: run {index + 1} of {number}, {variant}, Python {python}")
        leaks: Leaks = {}
        for shard in _shards(suite, variant, index):
            leaks.update(_leaks(suite, pythons[python], shard, index))
        yield _Result(python=python, variant=variant, number=index + 1, leaks=leaks)


def _shards(suite: str, variant: str, seed: int) -> list[tuple[str, ...]]:
    """The arguments of each of the processes that this run is made of; the suite lies ready for them."""
    folder = empty(cache("signatures", suite))
    shutil.copytree(_SUITES[suite], folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    if not (folder / "pytest.ini").exists():
        (folder / "pytest.ini").write_text("[pytest]\n")
    return _VARIANTS[variant](folder, seed)


def _leaks(suite: str, python: _Python, shard: Sequence[str], seed: int) -> Leaks:
    folder = cache("signatures", suite)
    report = folder / "report.json"
    log = cache("logs") / f"signatures-{suite}.log"
    done = run(
        [python.executable, "-m", "pytest", "-q", *_FLAGS, f"--memguard-json={report}", *shard],
        cwd=folder,
        output=log,
        # Another order of every set than in the run before.
        extra={
            "PYTHONPATH": python.paths,
            "PYTHONHASHSEED": str(seed),
            "TMPDIR": str(cache("signatures-temporary")),  # what others make in the common folder is taken for a leak
        },
    )
    if done.status or not report.exists():
        raise BenchmarkError(f"{suite} {' '.join(shard)} ended with {done.status}, see {log}:\n{done.output[-3000:]}")
    found = json.loads(report.read_text())
    report.unlink()
    if found["errors"]:
        raise BenchmarkError(f"{suite} {' '.join(shard)}: {'; '.join(found['errors'])}")
    return {leak["signature"]: _described(leak) for leak in found["leaks"] if _counts(leak)}


def _counts(leak: Mapping[str, Any]) -> bool:
    """Whether the run fails for it: only such leaks are what somebody accepts."""
    return bool(leak["verdict"] == "leak" and leak["reason"] == "leaks only warn (--memguard-fail-on)")


def _described(leak: Mapping[str, Any]) -> str:
    kept = leak["retainers"][0]["path"] if leak["retainers"] else "no retainer"
    kind = leak["retainers"][0]["type"] if leak["retainers"] else ", ".join(t["type"] for t in leak["types"][:3])
    places = [f"{site['file']}:{site['line']} {site['source'].strip()}" for site in leak["sites"][:1]]
    place = places[0] if places else "no site"
    return f"{leak['kind']} of {leak['nodeid']}: {kept} ({kind}), {place}"


def _differences(first: _Result, other: _Result) -> Iterator[str]:
    for signature in first.leaks.keys() - other.leaks.keys():
        yield f"{other.name} has not {signature}: {first.leaks[signature]}"
    for signature in other.leaks.keys() - first.leaks.keys():
        yield f"{other.name} adds {signature}: {other.leaks[signature]}"


def _as_written(_folder: Path, _seed: int) -> list[tuple[str, ...]]:
    return [()]


def _reverse(_folder: Path, _seed: int) -> list[tuple[str, ...]]:
    return [("--corpus-order=reverse",)]


def _random(_folder: Path, seed: int) -> list[tuple[str, ...]]:
    return [(f"--corpus-order=random:{seed}",)]


def _workers(_folder: Path, _seed: int) -> list[tuple[str, ...]]:
    return [("-n", "2")]


def _files(folder: Path, _seed: int) -> list[tuple[str, ...]]:
    """Every second file in one process, the others in another."""
    files = [str(path.relative_to(folder)) for path in sorted(folder.rglob("test_*.py"))]
    return [tuple(part) for part in (files[::2], files[1::2]) if part]


def _keywords(folder: Path, _seed: int) -> list[tuple[str, ...]]:
    """Every second test by name, and those that are left."""
    names = sorted({name for path in folder.rglob("test_*.py") for name in _TEST.findall(path.read_text("utf-8"))})
    half = " or ".join(names[::2])
    return [("-k", half), ("-k", f"not ({half})")]


def _edited(folder: Path, seed: int) -> list[tuple[str, ...]]:
    """All lines of all files are moved, and each file of tests gets another test at its end."""
    for path in folder.rglob("*.py"):
        text = _COMMENT * (seed % 7 + 1) + path.read_text("utf-8")
        path.write_text(text + (_ADDED if path.name.startswith("test_") else ""), "utf-8")
    return [()]


_VARIANTS: dict[str, Callable[[Path, int], list[tuple[str, ...]]]] = {
    "as written": _as_written,
    "edited": _edited,
    "reverse": _reverse,
    "-n 2": _workers,
    "random": _random,
    "files": _files,
    "keywords": _keywords,
}
