"""Runs one command and reads what it cost: CPU time of the process with all its children, from the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.places import PLUGINS, BenchmarkError

_TIMEOUT_S = 1800.0
_OURS = ("PYTEST_", "PYTHON", "COV_", "HYPOTHESIS_")
_ALONE = ("CI", "BUILD_NUMBER", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "FORCE_COLOR", "NO_COLOR", "PY_COLORS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One finished command. Times in seconds; ``cpu_s`` is user + system, children included."""

    cpu_s: float
    wall_s: float
    status: int
    output: str


def environment(python: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without what would change a pytest run, the same for every run.

    One hash seed for all runs: otherwise the order of sets is a difference between two runs of the same suite.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS) and k not in _ALONE}
    kept["PATH"] = f"{Path(python).parent}{os.pathsep}{kept.get('PATH', '')}"
    kept["PYTHONHASHSEED"] = "0"
    kept["COLUMNS"] = "120"
    kept["PYTHONPATH"] = str(PLUGINS)
    kept.update(extra or {})
    return kept


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    output: Path,
    extra: Mapping[str, str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> Run:
    """Runs the command to its end; standard output and error go to ``output``. Raises BenchmarkError on a timeout."""
    env = environment(command[0], extra)
    started = time.perf_counter()
    with output.open("wb") as sink:
        child = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
        late = threading.Event()
        watchdog = threading.Timer(timeout_s, _end, args=(child.pid, late))
        watchdog.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            _end(child.pid, late)
            raise
        finally:
            watchdog.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        raise BenchmarkError(f"not finished after {timeout_s:.0f} s: {' '.join(command)}\nits output: {output}")
    return Run(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=time.perf_counter() - started,
        status=child.returncode,
        output=output.read_text(errors="replace"),
    )


def _end(pid: int, late: threading.Event) -> None:
    late.set()
    os.killpg(pid, signal.SIGKILL)
