"""Whether a run in trouble ends as it would without memguard, and memguard says once what it cannot do."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import re
import shlex
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import figures, normal
from benchmarks.mishaps import MISHAPS, Mishap
from benchmarks.places import ROOT, BenchmarkError, cache, empty
from benchmarks.runs import run
from benchmarks.varying import shape
from benchmarks.venvs import PLUGIN_NEEDS, PYTEST, Venv, venv, with_plugin

PAGE = ROOT / "docs" / "reference" / "faults.md"
_PATIENCE_S = 120.0
_SHOWN = 12
_CUT = 160
_OURS = ("--memguard", "--memguard-fail-on=never", "--memguard-budget=20s")
_PLAIN = ("-p", "no:memguard")
_OWN_TRACEBACK = re.compile(r'File "[^"]*pytest_memguard[^"]*", line|pytest_memguard/[\w/]+\.py:\d+: ')
# Of a traceback of pytest's own every frame is shown, those of hook wrappers as well; and what is loaded, on a crash.
_PASSED_OVER = ("INTERNALERROR>   ", "Extension modules:")
_ORDINARY = """
import pytest
kept = []
class Order: pass
def test_ordinary_{}(): pass
def test_ordinary_{}_leak(): kept.append(Order())
def test_ordinary_{}_fails(): assert 0
"""
_HEAD = """\
# When things go wrong

`python -m benchmarks faults` runs a small suite in each of these troubles, without memguard and with every test
checked, and compares the exit status, the outcome of each test and what is printed. No run may hang, none may end
otherwise than it would without memguard, and no traceback of memguard's may be shown. **Told** is what memguard says it
cannot do.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks faults``."""
    parser.add_argument("--only", metavar="A,B", help="those whose name has one of these in it")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name}; all must be measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How a run ended: its status, and its output as comparable lines."""

    status: int
    lines: list[str]
    output: str


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """A line for each mishap; ``failed`` where a run with memguard differs from one without."""
    words = options.only.split(",") if options.only else [""]
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under nohup, and in all that is started there
    made = with_plugin(venv("trivial", options.python, (PYTEST, *PLUGIN_NEEDS)))
    chosen = {title: [m for m in group if any(w in m.name for w in words)] for title, group in MISHAPS.items()}
    results = {title: [_result(mishap, made) for mishap in group] for title, group in chosen.items() if group}
    about = figures.machine(options.python, made.versions())
    every = [result for group in results.values() for result in group]
    figures.header(f"{len(every)} troubles", about)
    rows = [(r["name"], r["status"], "yes" if r["same"] else "NO", r["told"][:60]) for r in every]
    figures.say(figures.table(("trouble", "exit status", "same", "told"), rows))
    _keep(every)
    if options.page:
        _write_page(about)
    result = {"results": results, "failed": not all(r["same"] for r in every)}
    figures.store(options.json, "faults", about, result)
    return result


def _result(mishap: Mishap, made: Venv) -> dict[str, Any]:
    figures.progress(mishap.name)
    result: dict[str, Any] = {"name": mishap.name, "told": "", "status": "-", "same": False}
    try:
        plain = _ended(mishap, made, _PLAIN)
        again = _ended(mishap, made, _PLAIN)
        ours = _ended(mishap, made, _OURS)
    except BenchmarkError as error:
        figures.say(f"{mishap.name}: {error}")
        return result
    wrong = _differences(plain, again, ours)
    for line in wrong[:_SHOWN]:
        figures.say(f"    {mishap.name}: {line[:_CUT]}")
    return result | {"status": _status(ours.status), "same": not wrong, "told": _told(ours.output)}


def _ended(mishap: Mishap, made: Venv, ours: Sequence[str]) -> _Ended:
    folder = Path(os.fsdecode(os.fsencode(empty(cache("faults", "suite"))) + b"/" + mishap.folder))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "before.py").write_text(mishap.before)
    (folder / "test_a.py").write_text(_ORDINARY.replace("{}", "a"))
    (folder / "test_c.py").write_text(_ORDINARY.replace("{}", "b"))
    if mishap.test:
        (folder / "test_b.py").write_text(mishap.test.lstrip("\n"))
    given = [argument for argument in mishap.arguments if "memguard" not in argument or ours is _OURS]
    base = cache("tmp") / "faults"
    shutil.rmtree(base, ignore_errors=True)
    command = [made.python, "-m", "pytest", "-v", "-p", "before", f"--basetemp={base}", *given, *ours]
    script = mishap.start.replace("{}", shlex.join(command))
    log = cache("logs") / "faults.log"
    done = run(
        ["bash", "-c", script],
        cwd=folder,
        output=log,
        extra={"PYTHONPATH": str(folder), **mishap.environment},
        timeout_s=_PATIENCE_S,
    )
    shown = "\n".join(line for line in done.output.splitlines() if not line.startswith(_PASSED_OVER))
    lines = [shape(line) for line in normal.terminal(shown)]
    return _Ended(status=done.status, lines=[line for line in lines if "memguard" not in line], output=shown)


def _differences(plain: _Ended, again: _Ended, ours: _Ended) -> list[str]:
    """What is otherwise with memguard; lines that differ between two plain runs may."""
    wrong = []
    if ours.status != plain.status:
        wrong.append(f"exit status {_status(ours.status)}, plain {_status(plain.status)}")
    if plain.lines == again.lines and ours.lines != plain.lines:
        missing = [line for line in plain.lines if line not in ours.lines]
        more = [line for line in ours.lines if line not in plain.lines]
        wrong += [f"- {line}" for line in missing] + [f"+ {line}" for line in more]
        if not wrong:
            wrong.append("the lines come in another order, or another number of times")
    wrong += [f"traceback: {line}" for line in ours.output.splitlines() if _OWN_TRACEBACK.search(line)]
    errors = [line for line in ours.output.splitlines() if "memguard error" in line.lower()]
    if len(errors) != len(set(errors)):
        wrong.append(f"told more than once: {errors[0]}")
    return wrong


def _status(status: int) -> str:
    return f"signal {-status}" if status < 0 else str(status)


def _told(output: str) -> str:
    """The line in which memguard says what it cannot do."""
    words = ("memguard error", "memguard warning", "cannot", "could not", "stepped aside")
    parts = re.split(r"^=+ memguard\b.*$", output, maxsplit=1, flags=re.MULTILINE)
    own = parts[-1]
    found = [line.strip() for line in own.splitlines() if any(word in line for word in words)]
    found = [line for line in found if "memguard" in line or len(parts) > 1]
    missing = re.search(r"(\w+): unavailable: ([^,]+)", " ".join(own.split())) if len(parts) > 1 else None
    return found[0] if found else missing[0] if missing else ""


def _kept() -> dict[str, Any]:
    file = cache("faults") / "results.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _keep(results: Sequence[dict[str, Any]]) -> None:
    """What was measured, for the page; by name."""
    known = _kept() | {result["name"]: result for result in results}
    (cache("faults") / "results.json").write_text(json.dumps(known, indent=1))


def _write_page(about: dict[str, Any]) -> None:
    """The page of all troubles; raises BenchmarkError where one is missing."""
    known = _kept()
    missing = [mishap.name for group in MISHAPS.values() for mishap in group if mishap.name not in known]
    if missing:
        raise BenchmarkError(f"not measured yet: {', '.join(missing)}")
    today = dt.datetime.now(dt.timezone.utc).date().isoformat()
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    text = [_HEAD, f"Measured {today}, Python {about['python']}, {versions}, {about['platform']}."]
    for title, group in MISHAPS.items():
        text += ["", f"## {title}", "", "| trouble | exit status | same as without | told |", "|---|---|---|---|"]
        for one in (known[mishap.name] for mishap in group):
            told = one["told"].replace("|", "\\|")
            text.append(f"| {one['name']} | {one['status']} | {'yes' if one['same'] else 'no'} | {told} |")
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")
    figures.progress(f"{PAGE} written")
