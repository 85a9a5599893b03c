"""What the commands for live runs have in common: which run is meant, how long to wait, and how answers are printed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from pytest_memguard.commands.printing import print_lines, print_text, terminal_width
from pytest_memguard.errors import SettingError
from pytest_memguard.live.asking import Answer, LiveError, Run, ask, one_run
from pytest_memguard.live.folder import Folder, folders_of
from pytest_memguard.live.runs import Entry
from pytest_memguard.live.standing import Standing
from pytest_memguard.live.wire import Request
from pytest_memguard.report.live import heading
from pytest_memguard.report.text import Line, harmless
from pytest_memguard.units import UnitError, format_duration, parse_duration

__all__ = ["add_address", "as_json", "new_id", "print_answers", "run_of", "say_waiting", "standing_of", "timeout_of"]

Show = Callable[[Mapping[str, Any], int], Iterable[Line]]


def add_address(command: Any, *, timeout: str | None = None) -> None:
    """``--pid``, ``--json`` and, with a default, ``--timeout``."""
    command.add_argument(
        "--pid", type=int, metavar="PID", help="of the run, or of one of its workers, where several are going"
    )
    command.add_argument("--json", action="store_true", help="the answers as JSON, for another program")
    if timeout is not None:
        command.add_argument(
            "--timeout", default=timeout, metavar="DURATION", help=f"how long to wait for the answer ({timeout})"
        )


def new_id() -> str:
    """An id for one question."""
    return uuid4().hex[:16]


def run_of(options: argparse.Namespace) -> Run:
    """The run that is meant; raises ``LiveError``."""
    return one_run(_folders(), options.pid)


def timeout_of(options: argparse.Namespace) -> float:
    """Seconds; raises ``SettingError``."""
    try:
        return parse_duration(options.timeout)
    except UnitError as error:
        raise SettingError("duration", options.timeout, origin="--timeout", allowed=str(error)) from None


def say_waiting(process: Entry, said: Mapping[str, Any]) -> None:
    """On the error stream: the command waits for a test to end."""
    nodeid, running_s = said.get("nodeid"), said.get("running_s")
    if isinstance(nodeid, str) and isinstance(running_s, (int, float)):
        text = f"waiting for {nodeid} to end, which runs for {format_duration(running_s)}"
    else:
        text = "waiting for the next test to end"
    worker = "" if process.worker == "main" else f" [{process.worker}]"
    sys.stderr.write(f"memguard: {harmless(text)}{worker}\n")
    sys.stderr.flush()


def print_answers(options: argparse.Namespace, request: Request, show: Show) -> None:
    """Ask, and print what every process says; raises ``LiveError`` where one of them gives no result."""
    run = run_of(options)
    answers = ask(run, request, timeout_s=timeout_of(options), on_waiting=say_waiting)
    if options.json:
        print_text(json.dumps([as_json(answer) for answer in answers]))
    else:
        for answer in answers:
            if answer.error is None:
                print_lines(_shown(answer, run, show))
    _refuse(answers, run, request)


def standing_of(data: Any) -> Standing:
    """The value of one answer; raises ``LiveError`` for anything else."""
    try:
        return Standing.from_json(data)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise LiveError(
            f"the run's answer cannot be understood: {error}",
            remedy="use the memguard command of the environment that the tests run in",
        ) from error


def _shown(answer: Answer, run: Run, show: Show) -> list[Line]:
    process = answer.process
    worker = "" if process.worker == "main" else f", worker {process.worker} (pid {process.pid})"
    try:
        standing = standing_of(answer.result["standing"])
        first = heading(f"pid {run.pid} in {process.directory}{worker}", standing)
        return [first, *show(answer.result, terminal_width())]
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise LiveError(
            f"the answer of process {process.pid} cannot be understood: {error}",
            remedy=f"use the memguard command of the environment that the tests run in ({process.version})",
        ) from error


def as_json(answer: Answer) -> dict[str, Any]:
    """Everything that one process has said."""
    return {**asdict(answer.process), "result": answer.result, "error": answer.error}


def _refuse(answers: Sequence[Answer], run: Run, request: Request) -> None:
    failed = [answer for answer in answers if answer.error is not None]
    if not failed:
        return
    told = "\n".join(f"    pid {answer.process.pid} ({answer.process.worker}): {answer.error}" for answer in failed)
    late = any(answer.late for answer in failed)
    waits = request.ask not in ("memory", "protection")
    if late and waits:
        remedy = "it is carried out when the running test has ended, whoever still waits; --timeout waits longer"
    elif late:
        remedy = "it answers between two steps of Python code: code in C may keep it busy; --timeout waits longer"
    else:
        remedy = "see what runs by memguard top"
    raise LiveError(f"{len(failed)} of {len(run.processes)} processes gave no result:\n{told}", remedy=remedy)


def _folders() -> list[Folder]:
    uid = os.geteuid() if hasattr(os, "geteuid") else -1
    return folders_of(os.environ, uid=uid, temp=os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - checked when opened
