"""Whether a stranger gets there: both README commands in a fresh clone, each in a new environment, timed."""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.places import ROOT, BenchmarkError, cache, interpreter
from benchmarks.runs import run

_BLOCK = r"<!-- {mark} -->\s*```sh\n(.*?)```"
_TAIL = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promise:
    """A README command: the comment above it, the exit status it must have and what it must print."""

    mark: str
    status: int
    prints: str


_PROMISES = (
    _Promise(mark="find the leaks", status=1, prints=r"memguard: 3 leaks in \d+ tests"),
    _Promise(mark="run the tests", status=0, prints=r"\d+ passed"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``python -m benchmarks fresh``."""
    parser.add_argument("--keep", action="store_true", help="leave the folders of the clones, print where they are")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time and exit status of each command; ``failed`` where one does not do what the README says."""
    results: list[dict[str, Any]] = []
    for promise in _PROMISES:
        with tempfile.TemporaryDirectory(prefix="memguard-fresh-", ignore_cleanup_errors=True) as folder:
            results.append(_kept(promise, Path(folder), options.python))
            if options.keep:
                kept = cache("fresh") / promise.mark.replace(" ", "-")
                kept.parent.mkdir(parents=True, exist_ok=True)
                figures.say(f"kept: {Path(folder).rename(kept)}")
    about = figures.machine(options.python, {})
    figures.header(f"fresh machine: the README's commands in a clone of {_head()}", about)
    rows = [(r["mark"], f"{r['wall_s']:.1f}", f"{r['cpu_s']:.1f}", str(r["status"]), r["printed"]) for r in results]
    figures.say(figures.table(("command", "wall s", "CPU s", "exit", "printed"), rows))
    result = {"commands": results, "failed": any(not r["ok"] for r in results)}
    figures.store(options.json, "fresh", about, result)
    return result


def _kept(promise: _Promise, folder: Path, python: str) -> dict[str, Any]:
    clone = folder / "clone"
    _git("clone", "--quiet", str(ROOT), str(clone))
    found = re.search(_BLOCK.format(mark=promise.mark), (clone / "README.md").read_text(), re.DOTALL)
    if found is None:
        raise BenchmarkError(f"README.md has no ```sh block below <!-- {promise.mark} -->")
    text = found[1].strip()
    figures.progress(f"{promise.mark}: {text}")
    log = cache("logs") / f"fresh-{promise.mark.replace(' ', '-')}.log"
    command = ["/bin/sh", "-c", text]
    path = f"{_home(python)}:/usr/local/bin:/usr/bin:/bin"
    done = run(command, cwd=clone, output=log, extra={"PATH": path, "PYTHONPATH": ""})
    printed = re.findall(promise.prints, done.output)
    ok = done.status == promise.status and bool(printed)
    if not ok:
        figures.say(f"FAILED {promise.mark}: exit {done.status}, expected {promise.status} and {promise.prints!r}")
        for line in done.output.splitlines()[-_TAIL:]:
            figures.say(f"    {line}")
    return {
        "mark": promise.mark,
        "command": text,
        "wall_s": done.wall_s,
        "cpu_s": done.cpu_s,
        "status": done.status,
        "printed": printed[-1] if printed else "-",
        "ok": ok,
    }


def _home(python: str) -> Path:
    """The folder whose ``python3`` is the chosen version: first on PATH, as on a machine that has no other."""
    real = interpreter(python).resolve()
    if (real.parent / "python3").resolve() != real:
        raise BenchmarkError(f"{real.parent}/python3 is not Python {python}; choose another with --python")
    return real.parent


def _head() -> str:
    state = "with" if _git("status", "--porcelain") else "without"
    return f"{_git('rev-parse', '--short', 'HEAD')} ({state} uncommitted changes, which a clone does not have)"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode != 0:
        raise BenchmarkError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()
