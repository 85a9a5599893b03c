"""Asks live runs from outside: finds them, sends one question to each process of a run, and gathers the answers."""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic
from typing import Any, NamedTuple
from uuid import uuid4

from pytest_memguard.errors import MemguardError
from pytest_memguard.live.folder import Folder, FolderError, socket_name
from pytest_memguard.live.runs import Entry, entries, is_alive
from pytest_memguard.live.wire import LONGEST_ANSWER, Request, WireError, decode_answer, encode_request
from pytest_memguard.values import dataclass

__all__ = ["Answer", "LiveError", "Run", "ask", "find_runs", "one_run"]

_OWNER_ONLY = 0o600
_SEE_EVERY_S = 0.5
_MOST_WORDS = 1000
_ENDED = "the run has ended"
_CLOSED = "a test has closed its socket, which is opened anew when that has ended"


class LiveError(MemguardError):
    """No live run can be asked, or it does not answer."""

    slug = "live-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: the processes that run its tests."""

    folder: Folder
    processes: tuple[Entry, ...]

    @property
    def pid(self) -> int:
        """The number by which people know it: that of the process that they have started."""
        return self.processes[0].controller

    def told(self) -> str:
        """One line for people."""
        first = self.processes[0]
        workers = f", {len(self.processes)} workers" if first.worker != "main" else ""
        return f"{self.pid}  {first.directory}{workers}, started {first.started}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one process has said: a result, or why there is none."""

    process: Entry
    result: Any = None
    error: str | None = None
    late: bool = False


def find_runs(folders: Sequence[Folder]) -> tuple[list[Run], list[str]]:
    """Every run, and for each folder what there is to say of it where nothing was found in it."""
    runs: list[Run] = []
    looked = []
    for folder in folders:
        try:
            found = entries(folder)
        except FolderError as reason:
            looked.append(str(reason))
            continue
        if not found:
            looked.append(f"{folder.path}: no run")
        grouped: dict[str, list[Entry]] = {}
        for entry in found:
            grouped.setdefault(entry.run, []).append(entry)
        runs += [Run(folder=folder, processes=tuple(sorted(group, key=_place))) for group in grouped.values()]
    return runs, looked


def one_run(folders: Sequence[Folder], pid: int | None) -> Run:
    """The only run, or the one, or the one process of one, with that number; raises ``LiveError``."""
    runs, looked = find_runs(folders)
    if pid is not None:
        for run in runs:
            if run.pid == pid:
                return run
            chosen = tuple(entry for entry in run.processes if entry.pid == pid)
            if chosen:
                return Run(folder=run.folder, processes=chosen)
        raise LiveError(f"no live run has the process {pid}; {_listed(runs)}", remedy=_looked(looked))
    if not runs:
        raise LiveError("no live run of pytest --memguard was found", remedy=_looked(looked))
    if len(runs) > 1:
        raise LiveError(f"{len(runs)} runs are going; {_listed(runs)}", remedy="say which one by --pid")
    return runs[0]


def ask(
    run: Run,
    request: Request,
    *,
    timeout_s: float,
    on_waiting: Callable[[Entry, dict[str, Any]], object] = lambda _process, _said: None,
) -> list[Answer]:
    """The answers of all processes, in their order; raises ``LiveError`` where nothing can be sent at all.

    ``on_waiting`` is called for each that answers only when its running test has ended, with what it says of that.
    """
    if sys.platform != "linux":
        raise LiveError(f"live runs cannot be asked on {sys.platform}", remedy="they have no socket there")
    end = monotonic() + timeout_s
    answers: dict[int, Answer] = {}
    with ExitStack() as stack:
        try:
            calls = [stack.enter_context(_call(run.folder, entry)) for entry in run.processes]
        except (OSError, FolderError) as error:
            raise LiveError(f"no question can be sent: {error}", remedy="see whether the folder is yours") from error
        for call in calls:
            reason = call.send(encode_request(request), end)
            if reason is not None:
                answers[call.process.pid] = Answer(process=call.process, error=reason)
        _gather(calls, request, answers, end, on_waiting)
    late = f"no answer within {timeout_s:g} s"
    return [answers.get(entry.pid, Answer(process=entry, error=late, late=True)) for entry in run.processes]


class _Call(NamedTuple):
    process: Entry
    socket: socket.socket
    path: str

    def send(self, line: bytes, end: float) -> str | None:
        """Why it could not be sent, ``None`` where it was."""
        gone = self.is_gone()
        if gone is not None:
            return gone
        self.socket.settimeout(max(0.001, end - monotonic()))
        try:
            self.socket.send(line)
        except TimeoutError:
            return "too many are asking, or the process stands still"
        except OSError as error:
            return f"the question could not be sent: {error.strerror}"
        return None

    def is_gone(self) -> str | None:
        """Why nobody has the other socket open any more, ``None`` where somebody has; to connect again rings nobody."""
        try:
            self.socket.connect(self.path)
        except FileNotFoundError:
            return _ENDED
        except ConnectionError:
            return _CLOSED if is_alive(self.process.pid) else _ENDED
        except OSError:
            pass
        return None


def _gather(
    calls: Sequence[_Call],
    request: Request,
    answers: dict[int, Answer],
    end: float,
    on_waiting: Callable[[Entry, dict[str, Any]], object],
) -> None:
    while True:
        unanswered = {call.socket: call for call in calls if call.process.pid not in answers}
        if not unanswered or (left := end - monotonic()) <= 0:
            return
        # Somebody who is killed sends nothing: see now and then whether they all are still there.
        ready = select.select(list(unanswered), [], [], min(left, _SEE_EVERY_S))[0]
        for found in ready:
            answer = _answer(unanswered[found].process, found, request, on_waiting)
            if answer is not None:
                answers[answer.process.pid] = answer
        for call in unanswered.values() if not ready else ():
            gone = call.is_gone()
            if gone is not None:
                answers[call.process.pid] = Answer(process=call.process, error=gone)


def _answer(
    process: Entry, call: socket.socket, request: Request, on_waiting: Callable[[Entry, dict[str, Any]], object]
) -> Answer | None:
    try:
        said = decode_answer(call.recv(LONGEST_ANSWER + 1))
    except (OSError, WireError) as error:
        return Answer(process=process, error=f"its answer cannot be understood: {error}")
    if said.get("id") not in (request.id, ""):
        return None
    if said.get("waits"):
        on_waiting(process, said)
        return None
    error_text = said.get("error")
    return Answer(
        process=process, result=said.get("result"), error=None if error_text is None else str(error_text)[:_MOST_WORDS]
    )


@contextmanager
def _call(folder: Folder, entry: Entry) -> Iterator[_Call]:
    """A socket with a name to answer to."""
    name = f"{os.getpid()}-{uuid4().hex[:12]}.ask"
    with folder.opened() as number, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as call:
        call.bind(folder.at(number, name))
        try:
            os.chmod(name, _OWNER_ONLY, dir_fd=number)
            yield _Call(entry, call, folder.at(number, socket_name(entry.pid)))
        finally:
            with suppress(OSError):
                os.unlink(name, dir_fd=number)
            folder.remove()  # the run may have gone before us


def _place(entry: Entry) -> tuple[int, str, int]:
    """``gw2`` before ``gw10``."""
    return len(entry.worker), entry.worker, entry.pid


def _listed(runs: Sequence[Run]) -> str:
    return "\n".join(["these are going:", *(f"    {run.told()}" for run in runs)]) if runs else "none is going"


def _looked(looked: Sequence[str]) -> str:
    return "\n".join(
        [
            "start one with pytest --memguard; looked in:",
            *(f"    {' '.join(entry.splitlines())}" for entry in looked),
            "    pytest --memguard -v says at its end (probes: live) where a run was asked, or why it could not be",
        ]
    )
