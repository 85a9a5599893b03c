"""A suite in a directory of its own, run as a user runs it: another process, a plain environment, the JSON report."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.integration.settings_glue import WITHOUT_ASYNCIO, plugin_arguments

_ROOT = Path(__file__).resolve().parent.parent.parent
_PATIENCE_S = 400
# Loaded into every run they would take a third of most; ``run("-p", NAME)`` brings one back.
_LARGE = ("html", "html_fixtures", "metadata", "platformdirs", "pytest-bdd", "pytest_jsonreport", "syrupy")
_WITHOUT_LARGE = tuple(argument for name in _LARGE for argument in ("-p", f"no:{name}"))
# Small suites on a busy machine: what a test asks for must not depend on the budget's least of 30 seconds.
UNLIMITED = "--memguard-budget=unlimited"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One finished run: exit status, what it printed (both streams), and the JSON report if there is one."""

    code: int
    out: str
    written: str | None

    @cached_property
    def report(self) -> dict[str, Any]:
        assert self.written is not None, self.out
        return json.loads(self.written)

    @cached_property
    def tests(self) -> dict[str, dict[str, Any]]:
        """Records by the short name of the test: what follows the last ``::``, or the whole id."""
        return {short(test["nodeid"]): test for test in self.report["tests"]}

    @property
    def leaks(self) -> list[dict[str, Any]]:
        return self.report["leaks"]

    @property
    def verdicts(self) -> dict[str, str]:
        return {name: test["verdict"] for name, test in self.tests.items()}

    def verdict(self, name: str) -> tuple[str, str | None]:
        """Verdict and reason of one test."""
        return self.tests[name]["verdict"], self.tests[name]["reason"]

    def names(self, verdict: str) -> set[str]:
        """The tests that have this verdict."""
        return {name for name, given in self.verdicts.items() if given == verdict}

    def leak(self, name: str) -> dict[str, Any]:
        """The one finding that this test (or ``fixture:NAME``) is a witness of."""
        found = [leak for leak in self.leaks if name in map(short, leak["witnesses"])]
        assert len(found) == 1, (name, found, self.out)
        return found[0]

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @cached_property
    def outcomes(self) -> dict[str, int]:
        """The numbers of pytest's last line."""
        last = next(line for line in reversed(self.lines) if re.search(r" in [\d.]+s\b", line))
        return {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", last)}

    @property
    def quiet(self) -> bool:
        """Whether nothing went wrong inside memguard or pytest."""
        return "INTERNALERROR" not in self.out and "memguard error" not in self.out


class Suite:
    """Files under a directory, and runs of pytest there; with pytest-asyncio and large plugins only on request."""

    def __init__(self, path: Path, *, asyncio: bool = False) -> None:
        self._without = _WITHOUT_LARGE if asyncio else (*WITHOUT_ASYNCIO, *_WITHOUT_LARGE)
        self.path = path / "suite"
        self.path.mkdir()
        self._temp = path / "temp"
        self._temp.mkdir()
        self._home = path / "home"
        self._home.mkdir()
        self._json = self.path / "memguard.json"

    def write(self, name: str, text: str) -> Path:
        """Write one file; ``name`` with folders, text dedented."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return file

    def run(
        self,
        *args: str,
        memguard: bool = True,
        env: Mapping[str, str] | None = None,
        within: Callable[[], None] | None = None,
    ) -> Run:
        """``pytest --memguard --memguard-json=.. ARGS`` to its end, or plain ``pytest ARGS``.

        ``within`` is called in the new process before anything else, to set limits there.
        """
        done = subprocess.run(
            self.command(*args, memguard=memguard),
            cwd=self.path,
            env=self.environment(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
            preexec_fn=within or _heed_interrupts,
        )
        return self._run(done.returncode, done.stdout)

    def interrupted(self, *args: str, when: Callable[[Path], bool]) -> Run:
        """Like ``run``, but SIGINT is sent as soon as ``when`` holds (asked with the suite's directory)."""
        process = subprocess.Popen(
            self.command(*args),
            cwd=self.path,
            env=self.environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            preexec_fn=_heed_interrupts,  # noqa: PLW1509 - no thread runs here
        )
        try:
            while process.poll() is None and not when(self.path):
                try:
                    process.wait(timeout=0.05)
                except subprocess.TimeoutExpired:
                    continue
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
        return self._run(process.returncode, out)

    def _run(self, code: int, out: str) -> Run:
        written = self._json.read_text(encoding="utf-8") if self._json.is_file() else None
        return Run(code=code, out=out, written=written)

    def command(self, *args: str, memguard: bool = True) -> list[str]:
        self._json.unlink(missing_ok=True)
        plugin = plugin_arguments()[len(WITHOUT_ASYNCIO) :]
        ours = ["--memguard", f"--memguard-json={self._json.name}"] if memguard else []
        return [sys.executable, "-m", "pytest", *self._without, *plugin, *ours, *args]

    def environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        """The environment of a user: nothing of this run's own settings, temporary files apart."""
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST", "COV_", "PY_COLORS", "FORCE_COLOR", "NO_COLOR", "CI", "GITHUB_"))
        }
        paths = [str(_ROOT), *plain.get("PYTHONPATH", "").split(os.pathsep)]
        plain.update(
            PYTHONPATH=os.pathsep.join(filter(None, paths)),
            PYTEST_DEBUG_TEMPROOT=str(self._temp),
            TMPDIR=str(self._temp),  # what other processes make in the common folder would cost repetitions
            HOME=str(self._home),
            COLUMNS="120",
            PYTHONDONTWRITEBYTECODE="1",
        )
        plain.update(changes)
        return plain

    @property
    def temporary(self) -> Path:
        """Where ``tmp_path`` comes from in these runs."""
        return self._temp


def _heed_interrupts() -> None:
    """A shell starts background jobs with SIGINT ignored, and all that they start inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def short(nodeid: str) -> str:
    """``test_pay[card]`` of ``shop/test_cart.py::TestCart::test_pay[card]``."""
    path, bracket, parameters = nodeid.partition("[")
    return path.rpartition("::")[2] + bracket + parameters
