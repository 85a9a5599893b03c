"""The outputs shown in the pages on the fixture and the command, made anew: ``python -m tests.fixture_pages``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.readme import ROOT, TUTORIAL, block, pytest_output

EXTENSIONS = ROOT / "docs" / "how-to" / "c-extensions.md"
FIXTURE = ROOT / "docs" / "reference" / "fixture.md"
COMMANDS = ROOT / "docs" / "reference" / "command-line.md"

Maker = Callable[[Path], str]


def run(folder: Path, page: Path, name: str, file: str, *arguments: str) -> tuple[int, str]:
    """Exit status and output of pytest on one example of a page, in an empty folder."""
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", "utf-8")
    (folder / file).write_text(block(page, name), "utf-8")
    return pytest_output(*arguments, cwd=folder)


def failure(folder: Path) -> str:
    """The error that ``assert_no_leak`` raises in the page on extensions, with three of its batches."""
    _, out = run(folder, EXTENSIONS, "the test", "test_decode.py")
    lines = [line[len("E       ") :] for line in out.splitlines() if line.startswith("E ")]
    lines[0] = lines[0].partition("LeakError: ")[2]
    return "\n".join(line for line in lines if not re.match(r"  (?:\.\.|(?:[4-9]|1\d) )", line)) + "\n"


def still_there(folder: Path) -> str:
    """The error that ``watch`` adds in the page on the fixture."""
    _, out = run(folder, FIXTURE, "watched", "test_session.py")
    return re.search(r"^1 watched object.*?~~~\n", out, re.DOTALL | re.MULTILINE)[0]


def points(folder: Path) -> str:
    """The checkpoints that ``-v`` lists."""
    _, out = run(folder, FIXTURE, "steps", "test_steps.py", "--memguard", "-v")
    return " ".join(re.search(r"^  points .*?\n(?=  \w)", out, re.DOTALL | re.MULTILINE)[0].split(None, 1)[1].split())


def _reported(folder: Path) -> str:
    """Make the report of the tutorial's test; its signature as far as the terminal shows it."""
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (folder / "test_cart.py").write_text(block(TUTORIAL, "the test"), "utf-8")
    pytest_output("--memguard", "--memguard-json=report.json", cwd=folder)
    return str(json.loads((folder / "report.json").read_text("utf-8"))["leaks"][0]["signature"][:6])


def explained(folder: Path) -> str:
    """``memguard explain`` for the leak of the tutorial; ``..`` stands for all rounds but the first and the last."""
    shown = _command(folder, "explain", _reported(folder), "report.json")
    return re.sub(r"(\n  1 .*\n)(?:  \d+ .*\n)+(  \d+ .*\n)", r"\1  ..\n\2", shown)


def refused(folder: Path) -> str:
    """What a wrong signature gives."""
    signature = _reported(folder)
    wrong = f"{signature[:-1]}{'0' if signature[-1] != '0' else '1'}"
    return _command(folder, "explain", wrong, "report.json")


def baseline(folder: Path) -> str:
    """``memguard baseline`` with the report of the tutorial's test."""
    _reported(folder)
    return "".join(
        _command(folder, "baseline", *arguments)
        for arguments in (
            ("update", "known.yaml", "report.json", "--reason", "before 2.0"),
            ("show", "known.yaml"),
            ("prune", "known.yaml", "report.json"),
        )
    )


def _command(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest_memguard", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    typed = " ".join(f'"{argument}"' if " " in argument else argument for argument in arguments)
    return f"$ memguard {typed}\n{done.stdout}{done.stderr}"


OUTPUTS: dict[tuple[Path, str], Maker] = {
    (EXTENSIONS, "the failure"): failure,
    (FIXTURE, "still there"): still_there,
    (FIXTURE, "listed"): lambda folder: f"  points     {points(folder)}\n",
    (COMMANDS, "explain"): explained,
    (COMMANDS, "refused"): refused,
    (COMMANDS, "baseline"): baseline,
}


def comparable(shown: str) -> str:
    """The text without what differs between runs and Pythons: figures, widths, times, signatures, batches, sites."""
    shown = re.sub(r"\n {10,}(?=\w)", " ", shown)
    shown = re.sub(r"(report\.json, pytest-memguard) .*", r"\1", shown)
    shown = re.sub(r"\b[0-9a-f]{6,12}\b", "#", shown)
    shown = re.sub(r"\n  allocated .*?(?=\n  kept by)", "\n  allocated", shown, flags=re.DOTALL)
    shown = re.sub(r"(\n  types .*?),.*", r"\1", shown)
    kept = (line for line in shown.splitlines() if not re.match(r"  (?:batch|\d+) ", line))
    return "\n".join(" ".join(re.sub(r"[-+]?\d+(?:\.\d+)?(?: [KM]iB)?", "#", line).split()) for line in kept)


if __name__ == "__main__":
    for (page, name), make in OUTPUTS.items():
        with tempfile.TemporaryDirectory() as empty:
            text = page.read_text("utf-8")
            page.write_text(text.replace(block(page, name), make(Path(empty))), "utf-8")
