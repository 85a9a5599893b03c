"""The flight recorder in a pytest session: where its file lies, what the last run left, and what a dead worker did."""

from __future__ import annotations

import os
import platform
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from pytest_memguard import __version__
from pytest_memguard.guard import Guard
from pytest_memguard.probes.limits import Usage
from pytest_memguard.probes.limits.kills import kill_counts
from pytest_memguard.recorder import RingError
from pytest_memguard.recorder.folder import RecordingFolder
from pytest_memguard.recorder.places import in_temp, made
from pytest_memguard.recorder.processes import own_identity
from pytest_memguard.recorder.recording import Recording

__all__ = ["Flight"]

_RUN = "memguard_run"
_CACHE_NAME = "memguard"
_LONGEST = 400
_PATIENCE_S = 1.0


class Flight:
    """A plugin, in every process of a run. ``limit`` gives the memory limit of the run, where there is one."""

    def __init__(self, config: pytest.Config, guard: Guard, limit: Callable[[], Usage | None]) -> None:
        self._config = config
        self._guard = guard
        self._limit = limit
        self._run = str(getattr(config, "workerinput", {}).get(_RUN) or secrets.token_hex(8))
        self._getpid = os.getpid
        self._pid = os.getpid()
        self._folders: list[RecordingFolder] = []
        self._mention: str | None = None
        config.add_cleanup(self.close)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Look for what the last run left, and begin to record."""
        if self._config.getoption("collectonly", False):
            return
        try:
            self._folders = self._found_folders()
            if self._guard.role != "worker":
                self._look_back()
            self._open()
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._guard.fault("the flight recorder", error)

    def pytest_report_header(self) -> str | None:
        """Mention a run that was killed."""
        told, self._mention = self._mention, None
        return told

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Without a header (``--no-header``) nobody has read it yet."""
        if self._mention is not None:
            terminalreporter.write_line(self._mention)

    def close(self) -> None:
        """An orderly end. A worker's file goes when its controller has seen the end, too."""
        if self._getpid() != self._pid:
            return
        self._guard.recorder.close(keep=self._guard.role == "worker")
        if self._guard.role == "controller":
            for folder in self._folders:
                folder.remove(self._run)

    # -- workers

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker which run it belongs to."""
        node.workerinput[_RUN] = self._run

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker has ended; where it has not done so in good order, tell what it was doing."""
        if self._guard.role != "controller" or getattr(node, "workeroutput", None):
            return
        try:
            self._died(str(node.gateway.id), _signal_of(node))
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._guard.fault("the flight recorder", error)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, report: Any) -> None:
        """The report of a test that its worker has died in says how much memory that had."""
        node: Any = getattr(report, "node", None)
        worker = "" if node is None else str(node.gateway.id)
        told = self._guard.last_words.get(worker)
        if told is not None:
            report.sections.append(("memguard", f"worker {worker} died {told}"))

    def _died(self, worker: str, signal: int | None) -> None:
        from pytest_memguard.recorder.postmortem import examine  # noqa: PLC0415 - most runs have nothing to examine
        from pytest_memguard.report.postmortem import last_words, signal_name  # noqa: PLC0415

        for folder in self._folders:
            found = [each for each in folder.current() if each.run == self._run and each.worker == worker]
            if not found:
                continue
            afterwards = {"found": time.time(), "signal": signal, "kills": kill_counts().to_json()}
            folder.set_aside(found, afterwards)
            ended = examine([replace(each, afterwards=afterwards) for each in found], kills_now={})
            told = last_words(ended.processes[-1])
            if signal is not None:
                told += f", ended by {signal_name(signal)}"
            if ended.out_of_memory.likelihood in ("likely", "possible"):
                reasons = "; ".join(ended.out_of_memory.reasons)
                told += f" (that it was the OOM killer is {ended.out_of_memory.likelihood}: {reasons})"
            self._guard.last_words[worker] = told
            return

    # -- beginning

    def _found_folders(self) -> list[RecordingFolder]:
        """That of the cache, and that of temporary files where the other cannot be written to."""
        found = []
        cache: Any = getattr(self._config, "cache", None)
        # What --cache-clear clears, each worker clears again when it starts.
        if cache is not None and not self._config.getoption("cacheclear", False):
            with suppress(OSError, RingError):
                found.append(made(str(cache.mkdir(_CACHE_NAME))))
        return [*map(RecordingFolder, found), RecordingFolder(in_temp(tempfile.gettempdir()))]

    def _look_back(self) -> None:
        rootdir = str(self._config.rootpath)
        killed: list[list[Recording]] = []
        kills: Mapping[str, Any] = {}
        for folder in self._folders:
            for run in folder.dead_runs(rootdir):
                kills = kills or kill_counts().to_json()
                if all(each.has_ended for each in run):
                    folder.remove(run[0].run)
                elif folder.set_aside(run, {"found": time.time(), "kills": kills}):
                    killed.append(run)
            folder.remove_strays(time.time())
        if not killed:
            return
        from pytest_memguard.recorder.postmortem import examine  # noqa: PLC0415 - most runs have nothing to examine
        from pytest_memguard.report.postmortem import mention  # noqa: PLC0415

        newest = max(killed, key=lambda run: max(each.started for each in run))
        told = mention(examine(newest, kills_now=kills))
        if len(killed) > 1:
            told += f" (and there were {len(killed) - 1} more)"
        if self._config.get_verbosity() < 0:  # there is no header, and the section has every warning
            self._guard.warnings.append(told.removeprefix("memguard: "))
        else:
            self._mention = told

    def _open(self) -> None:
        guard = self._guard
        header = self._header()
        reason = ""
        for folder in self._folders:
            try:
                made(folder.path)
                guard.recorder.open(folder.new_path(self._pid), header)
            except (OSError, RingError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                continue
            guard.chronicle.sources["recorder"] = "a mapped file that survives the process"
            return
        guard.chronicle.sources["recorder"] = f"unavailable: {reason}"

    def _header(self) -> dict[str, Any]:
        limit = self._limit()
        return {
            **own_identity().to_json(),
            "run": self._run,
            "worker": self._guard.worker,
            "role": self._guard.role,
            "rootdir": str(self._config.rootpath)[:_LONGEST],
            "started": time.time(),
            "python": platform.python_version(),
            "version": __version__,
            "limit_bytes": None if limit is None else limit.limit,
            "limit_source": None if limit is None else limit.source,
            "kills": kill_counts().to_json(),
        }


def _signal_of(node: Any) -> int | None:
    """The signal that has ended a worker's process, where that is a child of ours."""
    process: Any = getattr(getattr(node.gateway, "_io", None), "popen", None)
    if process is None:
        return None
    try:
        status = process.wait(timeout=_PATIENCE_S)
    except Exception:  # noqa: BLE001 - not waited for, or in another way
        return None
    return -status if isinstance(status, int) and status < 0 else None
