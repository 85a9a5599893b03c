"""The examples of the how-to pages: the projects that they describe, written out and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.readme import ROOT, block, pytest_output

DOCS = ROOT / "docs"
ASYNC = DOCS / "how-to" / "async.md"
CLEANUP = DOCS / "how-to" / "cleanup.md"
COMING_FROM = DOCS / "how-to" / "coming-from.md"
COMPONENTS = DOCS / "how-to" / "components.md"
DJANGO = DOCS / "how-to" / "django.md"
KILLED = DOCS / "how-to" / "killed.md"
HISTORY = DOCS / "how-to" / "history.md"
MARKERS = DOCS / "reference" / "markers.md"
NO_LEAK = DOCS / "how-to" / "no-leak.md"
ORIGINAL = DOCS / "reference" / "original-system.md"
PRESSURE = DOCS / "how-to" / "pressure.md"
TROUBLESHOOTING = DOCS / "how-to" / "troubleshooting.md"
XDIST = DOCS / "how-to" / "xdist.md"

# pytest's own line for a plugin that needs a setting has nothing to do with what is shown.
_QUIET = ("-p", "no:asyncio")
_PLAIN = (*_QUIET, "-v")
_FIGURE = re.compile(r"[-+]?\d[\d.,]*(?: (?:[KMG]i)?B| (?:ms|us|s)\b)?")


def write(folder: Path, page: Path, **names: str) -> None:
    """Write blocks of a page as files: ``name of the block="path"``, spaces as underscores."""
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    for name, path in names.items():
        file = folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(block(page, name.replace("_", " ")), "utf-8")


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and output of ``pytest --memguard -v``."""
    return pytest_output("--memguard", *_PLAIN, *arguments, cwd=folder)


def shown(folder: Path, *arguments: str, asyncio: bool = False) -> tuple[int, str]:
    """Exit status and output of ``pytest --memguard``, without ``-v``."""
    return pytest_output("--memguard", *(() if asyncio else _QUIET), *arguments, cwd=folder)


def typed(folder: Path, page: Path, name: str, **words: str) -> tuple[int, str]:
    """Exit status and output of a block of shell commands, with some words replaced by what they stand for."""
    script = block(page, name)
    for word, meaning in words.items():
        script = script.replace(word, meaning)
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        env={
            **os.environ,
            "COLUMNS": "100",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTEST_ADDOPTS": " ".join(_QUIET),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


def memguard(folder: Path, *arguments: str) -> str:
    """What the command prints, both streams, as a terminal of 80 columns shows it."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest_memguard", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "COLUMNS": "80",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return f"$ memguard {' '.join(arguments)}\n{done.stdout}"


def missing(page: Path, name: str, output: str) -> list[str]:
    """The lines of a block that the output does not have, in their order, whatever the figures are.

    ``..`` stands for any lines.
    """
    lines = iter([plain(line) for line in output.splitlines()])
    shown = [plain(line) for line in block(page, name).splitlines()]
    return [line for line in shown if line != ".." and not any(line == found for found in lines)]


def plain(line: str) -> str:
    """A line without figures, the spaces between columns, and what was too long for it."""
    return " ".join(_FIGURE.sub("#", line).split())


def rows(page: Path) -> list[tuple[str, ...]]:
    """The rows of all tables of a page."""
    found = re.findall(r"^\| (.*) \|$", page.read_text("utf-8"), re.MULTILINE)
    return [tuple(cell.strip() for cell in row.split(" | ")) for row in found]
