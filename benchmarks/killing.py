"""Runs of a small suite that are killed at some moment, and whether what they leave behind is whole and true."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["FILES", "MOMENTS", "Killing", "KillingError", "WatchedFile", "Wound"]

TESTS = 60
_GROWS = 7
_PAUSE_S = 0.0002
_PATIENCE_S = 120.0
_MOST_DELAY_S = 0.004
_ATTEMPTS = 20

# Every body says when it begins and ends: what is in this log is what really ran.
_SUITE = f"""\
import os
import time

import pytest

log = os.open(os.environ["KILLING_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
kept = []


@pytest.mark.parametrize("number", range({TESTS}))
def test_work(number, request):
    os.write(log, f"begin {{request.node.nodeid}}\\n".encode())
    if number == {_GROWS}:
        kept.append(bytearray(1 << 20))
    time.sleep(0.002)
    os.write(log, f"end {{request.node.nodeid}}\\n".encode())
"""

MOMENTS = ("pass 1", "pass 2", "writing", "anywhere")


class KillingError(Exception):
    """The suite cannot be run at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedFile:
    """A file that a run replaces: its name, the arguments for it, and what is wrong with one that is not the old one.

    ``problem`` gets the path; ``None``: the file is whole. ``changes_in_place``: it is asked for the old one, too.
    ``old``: what is in it before each run, where that is not what the run before has left.
    """

    name: str
    arguments: tuple[str, ...]
    problem: Callable[[Path], str | None]
    changes_in_place: bool = False
    old: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wound:
    """One killed run: when, what it left of each file, and whether the postmortem is true."""

    moment: str
    truth: str
    told: str
    files: Mapping[str, str]
    mistakes: tuple[str, ...]


def json_problem(path: Path) -> str | None:
    """What is wrong with a JSON report of the suite."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return str(error)
    return None if len(data["tests"]) == TESTS and "errors" in data else f"it has {len(data['tests'])} tests"


def sqlite_problem(path: Path) -> str | None:
    """What is wrong with a database.

    Closed at once: reading the file otherwise than through SQLite would take the locks from a connection that is open.
    """
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return None if found == "ok" else str(found)


def markdown_problem(path: Path) -> str | None:
    """What is wrong with a summary: what comes last is that the report is told whole."""
    text = path.read_text("utf-8")
    return None if text.startswith("## ") and text.endswith("</details>\n") else f"it ends with {text[-40:]!r}"


def baseline_problem(path: Path) -> str | None:
    """What is wrong with a baseline from which the run takes what is fixed, and adds what it has found."""
    data = yaml.safe_load(path.read_text("utf-8"))
    tests = [entry["tests"] for entry in data["leaks"]]
    return None if tests == [[f"test_suite.py::test_work[{_GROWS}]"]] else f"it has {tests}"


_FIXED = """\
schema: 1
leaks:
  - signature: "000000000000"
    reason: "long ago"
    first_seen: 2026-11-01
    tests:
      - "test_suite.py::test_work[1]"
"""

# One row for each file that a run writes.
FILES = (
    WatchedFile(name="report.json", arguments=("--memguard-json=report.json",), problem=json_problem),
    WatchedFile(name="report.md", arguments=("--memguard-markdown=report.md",), problem=markdown_problem),
    WatchedFile(
        name="known.yaml",
        arguments=("--memguard-baseline=known.yaml", "--memguard-update-baseline"),
        problem=baseline_problem,
        old=_FIXED,
    ),
    WatchedFile(
        name="history.db",
        arguments=("--memguard-history=history.db",),
        problem=sqlite_problem,
        changes_in_place=True,
    ),
)


class Killing:
    """A folder with the suite, and runs in it. ``python`` has pytest and the plugin; ``seed`` chooses the moments."""

    def __init__(
        self, folder: Path, python: str, environment: Mapping[str, str], *, files: Sequence[WatchedFile], seed: int
    ) -> None:
        self.folder = folder
        self._python = python
        self._log = folder / "log.txt"
        self._environment = {**environment, "KILLING_LOG": str(self._log)}
        self._files = files
        self._random = random.Random(seed)  # noqa: S311 - moments, not secrets
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_suite.py").write_text(_SUITE)
        self._lines, self._duration_s = self._whole_run()

    def once(self, moment: str) -> Wound:
        """One run, killed at that kind of moment. Raises ``KillingError`` where runs end before."""
        for _ in range(_ATTEMPTS):
            self._put_back()
            before = {file.name: self._content(file.name) for file in self._files}
            start = time.perf_counter()
            process = self._start()
            self._wait_for(moment, process)
            took_s = time.perf_counter() - start
            process.kill()
            if process.wait(_PATIENCE_S) == -signal.SIGKILL:
                return self._examine(moment, process.pid, before)
            self._duration_s = min(self._duration_s, took_s)  # it has ended by itself
        raise KillingError(f"runs end before they can be killed: {moment}")

    def _put_back(self) -> None:
        for file in self._files:
            if file.old is not None:
                (self.folder / file.name).write_text(file.old, "utf-8")

    def _start(self) -> subprocess.Popen[bytes]:
        self._log.unlink(missing_ok=True)
        for left in self.folder.glob(".memguard-*.tmp"):
            left.unlink()
        arguments = [argument for file in self._files for argument in file.arguments]
        command = [self._python, "-m", "pytest", "-q", "--memguard", "--memguard-budget=unlimited", *arguments]
        with (self.folder / "out.txt").open("wb") as out:
            return subprocess.Popen(
                command, cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def _whole_run(self) -> tuple[int, float]:
        """Lines of the log, and seconds, of a run to its end; it also makes the old files."""
        shutil.rmtree(self.folder / ".pytest_cache", ignore_errors=True)
        self._put_back()
        start = time.perf_counter()
        status = self._start().wait(_PATIENCE_S)
        missing = [file.name for file in self._files if not (self.folder / file.name).exists()]
        if status not in {0, 1} or missing:  # one test leaks, which may be accepted
            output = (self.folder / "out.txt").read_text("utf-8", "replace")
            raise KillingError(f"exit {status}, without {missing}:\n{output[-2000:]}")
        return len(self._said()), time.perf_counter() - start

    def _wait_for(self, moment: str, process: subprocess.Popen[bytes]) -> None:
        per_test = 2
        if moment == "anywhere":
            self._until(process, lambda: False, self._random.uniform(0, self._duration_s))
            return
        if moment == "writing":
            self._until(process, lambda: any(name.startswith(".memguard-") for name in os.listdir(self.folder)))
        else:
            first, last = (1, per_test * TESTS) if moment == "pass 1" else (per_test * TESTS + 1, self._lines - 2)
            wanted = self._random.randint(first, last)
            self._until(process, lambda: len(self._said()) >= wanted)
        time.sleep(self._random.uniform(0, _MOST_DELAY_S))

    def _until(
        self, process: subprocess.Popen[bytes], reached: Callable[[], bool], most_s: float = _PATIENCE_S
    ) -> None:
        end = time.perf_counter() + most_s
        while not reached() and process.poll() is None and time.perf_counter() < end:
            time.sleep(_PAUSE_S)

    def _said(self) -> list[str]:
        return self._log.read_text("utf-8").splitlines() if self._log.exists() else []

    def _content(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    # -- what is left

    def _examine(self, moment: str, pid: int, before: Mapping[str, bytes | None]) -> Wound:
        mistakes: list[str] = []
        states = {file.name: self._state(file, before[file.name], mistakes) for file in self._files}
        said = self._said()
        truth = said[-1] if said else "nothing"
        found = self._postmortem()
        if found is None or found["processes"][-1]["pid"] != pid:
            told = "nothing"
            # It had not begun, or was over: then all files are new.
            if said and "old" in states.values():
                mistakes.append(f"no postmortem of process {pid}, which said {truth!r} at last")
        else:
            told, mistake = _judged(found, said)
            mistakes.extend([mistake] if mistake else [])
        return Wound(moment=moment, truth=truth, told=told, files=states, mistakes=tuple(mistakes))

    def _state(self, file: WatchedFile, before: bytes | None, mistakes: list[str]) -> str:
        path = self.folder / file.name
        is_old = self._content(file.name) == before
        if is_old and not file.changes_in_place:
            return "old"
        problem = file.problem(path)
        if problem is not None:
            mistakes.append(f"{file.name} is neither the old one nor a whole one: {problem}")
            return "broken"
        return "old" if is_old else "new"

    def _postmortem(self) -> dict[str, Any] | None:
        done = subprocess.run(
            [self._python, "-m", "pytest_memguard", "postmortem", ".", "--json"],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None


def _judged(found: Mapping[str, Any], said: Sequence[str]) -> tuple[str, str | None]:
    """What the postmortem names, and in what it contradicts the log of the tests themselves."""
    victim = found["victims"][0] if found["victims"] else None
    if victim is None:
        return "before its first test", f"no victim, though {said[-1]!r} was said" if said else None
    told = f"{'running' if victim['running'] else 'after'} {victim['nodeid']} in pass {victim['pass']}"
    if not said:
        return told, None  # the first one, whose body had not begun
    word, nodeid = said[-1].split(" ", 1)
    if word == "begin" and not (victim["running"] and victim["nodeid"] == nodeid):
        return told, f"{nodeid} was running, and the postmortem says {told}"
    if word == "begin" and victim["pass"] != (1 if said.count(f"begin {nodeid}") == 1 else 2):
        return told, f"{nodeid} was running in the other pass than {told}"
    # Between two bodies: in the teardown of the one or the setup of the next, which has said nothing yet.
    if word == "end" and victim["nodeid"] != nodeid and not victim["running"]:
        return told, f"{nodeid} was the last, and the postmortem says {told}"
    return told, None
