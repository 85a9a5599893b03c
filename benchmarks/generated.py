"""Small leaks between innocent tests, in suites made up from a seed: whether they are found, and only they."""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from string import Template
from typing import Any

from benchmarks import figures
from benchmarks.places import BenchmarkError, cache, empty, interpreters
from benchmarks.runs import run
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, venv, with_plugin

_PYTHONS = ("3.10", "3.11", "3.12", "3.13")
_SIZES = (400, 700, 1024, 1500, 2048, 5000)
_HEAD = """\
import collections, ctypes, functools, json, re, threading, weakref

import pytest

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
kept, table, weak = [], {}, weakref.WeakSet()


class Thing:
    pass


class Bus:
    listeners = []


@functools.lru_cache(maxsize=16)
def squared(number):
    return [number * number]
"""
# Templates of tests, $name and $size to be filled in. Those that leak, each with how often it is drawn.
_LEAKS = {
    "native": (6, "def test_$name():\n    assert libc.malloc($size)\n"),
    "object": (2, "def test_$name():\n    kept.append(object())\n"),
    "instance": (2, "def test_$name():\n    kept.append(Thing())\n"),
    "bytes": (2, "def test_$name():\n    kept.append(bytes($size))\n"),
    "key": (1, "def test_$name():\n    table[len(table) + 10_000] = object()\n"),
    "listener": (1, "def test_$name():\n    thing = Thing()\n    Bus.listeners.append(lambda: thing)\n"),
    "fixture": (
        1,
        """\
@pytest.fixture
def made_$name():
    kept.append(Thing())
    yield 1


def test_$name(made_$name):
    assert made_$name
""",
    ),
}
_TEMPLATES = """\
def test_$name():
    libc.free(libc.malloc($size))
--
def test_$name(tmp_path):
    (tmp_path / "file").write_text("x" * $size)
--
def test_$name():
    assert json.loads(json.dumps(dict.fromkeys(map(str, range($size)))))
--
def test_$name(capsys):
    print("x" * $size)
    assert capsys.readouterr().out
--
def test_$name(monkeypatch):
    monkeypatch.setenv("SETTING", "x" * ($size // 10))
--
def test_$name():
    assert collections.namedtuple("T", [f"a{i}" for i in range($size // 100)])
--
def test_$name():
    with pytest.raises(KeyError):
        table["no such key"]
--
def test_$name():
    cycle = []
    cycle.append(cycle)
--
def test_$name():
    weak.add(Thing())
--
def test_$name():
    assert squared($size)
--
def test_$name():
    table["last"] = bytes($size)
--
def test_$name():
    exec("def f(): return $size")
--
def test_$name():
    thread = threading.Thread(target=Thing)
    thread.start()
    thread.join()
--
@pytest.mark.parametrize("n", range(5))
def test_$name(n):
    assert re.compile("a" * n + "b" * ($size // 50))
--
class Test_$name:
    def setup_method(self):
        self.thing = Thing()

    def test_$name(self):
        assert self.thing
"""
_INNOCENT = _TEMPLATES.split("--\n")
_LEAKING_SHARE = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks generated``."""
    parser.add_argument("--runs", type=int, default=25, help="suites for each Python (25)")
    parser.add_argument("--seed", type=int, default=1, help="of the first suite (1)")
    parser.add_argument("--pythons", metavar="A,B", help="versions (all on this machine)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """A row for each Python; ``failed``: an innocent test was called a leak, or more than 1 % are missed."""
    found = interpreters(options.pythons.split(",") if options.pythons else _PYTHONS)
    if not found:
        raise BenchmarkError(f"none of these Pythons is on this machine: {options.pythons or ', '.join(_PYTHONS)}")
    rows: list[tuple[str, ...]] = []
    results: list[dict[str, Any]] = []
    made = None
    for python in found:
        made = with_plugin(venv("generated", python, (PYTEST, *PLUGIN_NEEDS)))
        leaks, missed, false = 0, list[str](), list[str]()
        for seed in range(options.seed, options.seed + options.runs):
            figures.progress(f"suite {seed} on Python {python}")
            want, verdicts, innocent = _once(made, python, seed)
            leaks += len(want)
            missed += [
                f"seed {seed}: {n} ({kind}) is {verdicts[n]}" for n, kind in want.items() if verdicts[n] != "leak"
            ]
            false += [f"seed {seed}: {name}" for name in innocent if verdicts[name] == "leak"]
        rows.append((python, str(options.runs), f"{leaks - len(missed)} of {leaks}", str(len(false))))
        results.append({"python": python, "leaks": leaks, "missed": missed, "false_alarms": false})
    about = figures.machine(", ".join(found), made.versions() if made else {})
    figures.header("generated suites: small leaks between innocent tests", about)
    figures.say(figures.table(("Python", "suites", "found", "false alarms"), rows))
    for result in results:
        for where in result["missed"]:
            figures.say(f"  missed on {result['python']}, {where}")
        for where in result["false_alarms"]:
            figures.say(f"  FALSE ALARM on {result['python']}, {where}")
    failed = any(r["false_alarms"] or 100 * len(r["missed"]) > r["leaks"] for r in results)
    outcome = {"rows": results, "failed": failed}
    figures.store(options.json, "generated", about, outcome)
    return outcome


def write_suite(folder: Path, seed: int) -> tuple[dict[str, str], list[str]]:
    """Three files of tests in an empty folder: the leaking ones with their kind, and the innocent ones."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    chance = random.Random(seed)  # noqa: S311 - the same suite for the same seed
    leaking: dict[str, str] = {}
    innocent: list[str] = []
    for part in range(3):
        text = [_HEAD]
        for number in range(chance.randint(8, 30)):
            name, size = f"{part}_{number}", chance.choice(_SIZES)
            if chance.random() < _LEAKING_SHARE:
                kind = chance.choices(list(_LEAKS), [weight for weight, _ in _LEAKS.values()])[0]
                body = _LEAKS[kind][1]
                leaking[f"test_{name}"] = f"{kind} of {size} B" if "$size" in body else kind
            else:
                body = chance.choice(_INNOCENT)
                innocent.append(f"test_{name}")
            text.append(Template(body).substitute(name=name, size=size))
        (folder / f"test_part_{part}.py").write_text("\n\n".join(text))
    return leaking, innocent


def _once(made: Venv, python: str, seed: int) -> tuple[dict[str, str], dict[str, str], list[str]]:
    folder = empty(cache("generated", python))
    leaking, innocent = write_suite(folder, seed)
    command = [made.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--memguard", "--memguard-json=report.json"]
    done = run([*command, "--memguard-budget=unlimited"], cwd=folder, output=cache("logs") / f"generated-{python}.log")
    report = folder / "report.json"
    if not report.exists():
        raise BenchmarkError(f"exit {done.status} of suite {seed} on Python {python}:\n{done.output[-2000:]}")
    verdicts: dict[str, str] = {}
    for test in json.loads(report.read_text())["tests"]:
        name = test["nodeid"].rpartition("::")[2].partition("[")[0]
        if verdicts.get(name) != "leak":
            verdicts[name] = test["verdict"]
    return leaking, verdicts, innocent
