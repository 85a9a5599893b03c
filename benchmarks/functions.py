"""Leaks of single functions of a C extension: memguard.assert_no_leak side by side with psleak, found and missed."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.places import BenchmarkError, cache, empty
from benchmarks.runs import run
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, venv, with_plugin
from tests.extension.build import BuildError, build, names

PSLEAK = "psleak==0.1.6"
_TIMEOUT_S = 300.0
_ANSWER = "answer.json"

# Both run one function, whose name is in the environment, and write down whether it was called a leak, and CPU seconds.
_COMMON = """\
import json
import os
import time

import pairs

name = os.environ["PAIR"]
function = getattr(pairs, name)


def refused():
    try:
        function()
    except ValueError:
        pass


def call_it(check):
    if name.endswith("_argument"):
        argument = []
        return lambda: check(function, argument)
    return lambda: check(refused if name.endswith("_error") else function)


def answer(check):
    started = time.process_time()
    try:
        call_it(check)()
        found = False
    except AssertionError:
        found = True
    seconds = time.process_time() - started
    with open("answer.json", "w") as file:
        json.dump({"found": found, "cpu_s": seconds}, file)
"""
_MEMGUARD = """\
from common import answer


def test_pair(memguard):
    answer(memguard.assert_no_leak)
"""
_PSLEAK = """\
import unittest

import psleak
from common import answer


class TestPair(psleak.MemoryLeakTestCase):
    def test_pair(self):
        answer(self.execute)


unittest.main()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one tool said of one function in some runs: how often it was called a leak, CPU seconds of each."""

    found: int
    runs: int
    cpu_s: tuple[float, ...]

    def text(self, *, leaks: bool) -> str:
        """``found``, ``quiet``, or how often it was wrong."""
        right = self.found if leaks else self.runs - self.found
        word = ("found" if leaks else "quiet") if right == self.runs else ("MISSED" if leaks else "FALSE ALARM")
        return word if right in (0, self.runs) else f"{word} {self.runs - right} of {self.runs}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks functions``."""
    parser.add_argument("--runs", type=int, default=3, help="runs of each function, each in a process of its own (3)")
    parser.add_argument("--only", default="", help="functions whose names contain this")
    parser.add_argument("--tool", choices=tuple(TOOLS), help="one of the two only")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Found, false alarms and CPU time of each tool."""
    tools = {options.tool: TOOLS[options.tool]} if options.tool else TOOLS
    chosen = [name for name in (*names("leak"), *names("free")) if options.only in name]
    if not chosen:
        raise BenchmarkError(f"no function of the extension has {options.only!r} in its name")
    made = {tool: make(options.python) for tool, make in tools.items()}
    answers = {tool: _ask(tool, made[tool], chosen, options.runs) for tool in made}
    about = figures.machine(options.python, next(iter(made.values())).environment.versions())
    figures.header(f"{len(chosen)} functions of a C extension, {options.runs} runs each, CPU seconds: median", about)
    figures.say(figures.table(*_table(chosen, answers)))
    result = {tool: _summary(chosen, found) for tool, found in answers.items()}
    for tool, summary in result.items():
        figures.say(
            f"{tool}: {summary['found']} of {summary['leaking']} leaks, {summary['false_alarms']} false alarms in "
            f"{summary['innocent']}, {summary['cpu_s']:.1f} CPU s in all"
        )
    document = {**result, "failed": "memguard" in result and not _is_perfect(result["memguard"])}
    figures.store(options.json, "functions", about, document)
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tool:
    environment: Venv
    folder: Path
    command: tuple[str, ...]
    extra: Mapping[str, str]


def _memguard(python: str) -> _Tool:
    made = with_plugin(venv("trivial", python, (PYTEST, *PLUGIN_NEEDS)))
    folder = _folder("memguard", made, "test_pair.py", _MEMGUARD)
    return _Tool(environment=made, folder=folder, command=("-m", "pytest", "-q", "-p", "no:cacheprovider"), extra={})


def _psleak(python: str) -> _Tool:
    made = venv("psleak", python, (PSLEAK,))
    folder = _folder("psleak", made, "pair.py", _PSLEAK)
    # What its documentation asks for; without the first it skips the test.
    extra = {"PYTHONMALLOC": "malloc", "PYTHONUNBUFFERED": "1"}
    return _Tool(environment=made, folder=folder, command=("pair.py",), extra=extra)


def _folder(tool: str, made: Venv, file: str, text: str) -> Path:
    folder = empty(cache("functions") / tool)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "common.py").write_text(_COMMON)
    (folder / file).write_text(text)
    try:
        build(folder, python=made.python)
    except BuildError as error:
        raise BenchmarkError(str(error)) from error
    return folder


#: How each tool is set up, by its name.
TOOLS = {"memguard": _memguard, "psleak": _psleak}


def asked(tool: str, python: str, runs: int) -> dict[str, Any]:
    """What one tool says of all functions, in figures; with the versions it was measured with."""
    made = TOOLS[tool](python)
    chosen = [*names("leak"), *names("free")]
    return {**_summary(chosen, _ask(tool, made, chosen, runs)), "versions": made.environment.versions()}


def _ask(tool: str, made: _Tool, chosen: Sequence[str], runs: int) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for name in chosen:
        figures.progress(f"{tool}: {name}")
        answers = [_once(made, name) for _ in range(runs)]
        found[name] = Answer(
            found=sum(a["found"] for a in answers), runs=runs, cpu_s=tuple(a["cpu_s"] for a in answers)
        )
    return found


def _once(made: _Tool, name: str) -> dict[str, Any]:
    file = made.folder / _ANSWER
    file.unlink(missing_ok=True)
    extra = {**made.extra, "PAIR": name, "PYTHONPATH": str(made.folder)}
    output = cache("logs") / "functions.log"
    command = (made.environment.python, *made.command)
    done = run(command, cwd=made.folder, output=output, extra=extra, timeout_s=_TIMEOUT_S)
    if not file.exists():
        raise BenchmarkError(f"no answer for {name} (exit {done.status}):\n{done.output[-2000:]}")
    answer: dict[str, Any] = json.loads(file.read_text())
    return answer


def _table(
    chosen: Sequence[str], answers: Mapping[str, Mapping[str, Answer]]
) -> tuple[list[str], list[tuple[str, ...]]]:
    head = ["function", *(text for tool in answers for text in (tool, "CPU s"))]
    rows = [
        (name, *(text for found in answers.values() for text in _cells(found[name], leaks=_leaks(name))))
        for name in chosen
    ]
    return head, rows


def _cells(answer: Answer, *, leaks: bool) -> tuple[str, str]:
    return answer.text(leaks=leaks), f"{statistics.median(answer.cpu_s):.2f}"


def _leaks(name: str) -> bool:
    return name.startswith("leak_")


def _summary(chosen: Sequence[str], found: Mapping[str, Answer]) -> dict[str, Any]:
    """Counted over all runs; a function is right if it was in each."""
    leaking, innocent = [n for n in chosen if _leaks(n)], [n for n in chosen if not _leaks(n)]
    return {
        "leaking": sum(found[n].runs for n in leaking),
        "found": sum(found[n].found for n in leaking),
        "innocent": sum(found[n].runs for n in innocent),
        "false_alarms": sum(found[n].found for n in innocent),
        "cpu_s": sum(sum(answer.cpu_s) for answer in found.values()),
        "functions": {n: {"found": a.found, "runs": a.runs, "cpu_s": list(a.cpu_s)} for n, a in found.items()},
    }


def _is_perfect(summary: Mapping[str, Any]) -> bool:
    return bool(summary["found"] == summary["leaking"] and not summary["false_alarms"])
