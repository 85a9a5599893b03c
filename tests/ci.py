"""A job of GitHub Actions as far as pytest can tell: its checkout, its environment, its log and its step summary."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.readme import ROOT, copy_examples

PAGE = ROOT / "docs" / "how-to" / "ci.md"


@dataclass(frozen=True)
class Job:
    """What a step has left: exit status, log, and the summary of the job."""

    status: int
    log: str
    summary: str

    @property
    def annotations(self) -> list[dict[str, str]]:
        """What GitHub makes of the log: the workflow commands in it, unescaped."""
        return [_annotation(found) for found in re.finditer(r"^::(\w+) (.*?)::(.*)$", self.log, re.MULTILINE)]


def run_step(workspace: Path, folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Job:
    """``pytest ARGUMENTS`` in *folder*, as a step of a job whose checkout is *workspace*."""
    summary = workspace.parent / "step_summary.md"
    summary.touch()
    unwanted = ("CI", "COLUMNS", "FORCE_COLOR", "PY_COLORS", "PYTEST_", "GITHUB_", "BUILD_NUMBER")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", *arguments],
        cwd=folder,
        env={
            **plain,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_STEP_SUMMARY": str(summary),
            **(environ or {}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return Job(done.returncode, done.stdout, summary.read_text("utf-8"))


def command(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and output of ``memguard ARGUMENTS``."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest_memguard", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


def checkout(folder: Path) -> tuple[Path, Path]:
    """A checkout and the folder in it that has the examples and is rootdir."""
    workspace = folder / "checkout"
    project = workspace / "services" / "shop"
    project.mkdir(parents=True)
    copy_examples(project)
    return workspace, project


def _annotation(found: re.Match[str]) -> dict[str, str]:
    properties = dict(entry.split("=", 1) for entry in found[2].split(","))
    texts = {"level": found[1], **properties, "message": found[3]}
    for code, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        texts = {name: text.replace(code, char) for name, text in texts.items()}
    return texts
