"""The outputs that the READMEs show, made anew: ``python -m tests.readme`` rewrites them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
EXAMPLES_README = ROOT / "examples" / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial" / "first-leak.md"

_FENCED = re.compile(r"<!-- (?P<name>[\w ]+) -->\n```(?P<language>\w*)\n(?P<body>.*?)```\n", re.DOTALL)


def block(page: Path, name: str) -> str:
    """The fenced block of the page that follows the comment with that name."""
    return next(found["body"] for found in _FENCED.finditer(page.read_text("utf-8")) if found["name"] == name)


def section(output: str) -> str:
    """What memguard itself has printed at the end of a run: from its rule to the next one."""
    found = re.search(r"^=+ memguard: .*?(?=^=+ |\Z)", output, re.DOTALL | re.MULTILINE)
    if found is None:
        raise AssertionError(f"memguard has printed nothing:\n{output}")
    return found[0].rstrip() + "\n"


def same_figures(shown: str) -> str:
    """The section without what may differ between runs and Pythons.

    That is: figures, widths, the closing line, all but the first type of the user's own, and the line within the file
    of the allocation (what is part of an object and what is a block of its own differs).
    """
    unwrapped = re.sub(r"\n {10,}", " ", shown)
    lines = []
    for text in unwrapped.splitlines():
        if text.startswith("peak "):
            return "\n".join([*lines, "peak .."])
        line = re.sub(r"={3,}", "==", text)
        line = re.sub(r"\[[0-9a-f]{6,}\]", "[#]", line)
        line = re.sub(r"( types ) .*?(\w+(?:\.\w+)+).*", r"\1 \2", line)
        line = re.sub(r"( allocated  \S+?):\d+ in .*", r"\1", line)
        line = re.sub(r"[-+]?\d+(\.\d+)?", "#", line)
        line = re.sub(r"# (?:[KMG]i)?B\b", "# B", line)
        lines.append(" ".join(line.split()))
    return "\n".join(lines)


def pytest_output(*arguments: str, cwd: Path) -> tuple[int, str]:
    """Exit status and output of a pytest of its own, 100 columns wide, undisturbed by where this one runs."""
    unwanted = ("CI", "COLUMNS", "FORCE_COLOR", "PY_COLORS", "PYTEST_", "GITHUB_", "BUILD_NUMBER")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=cwd,
        env={**environ, "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


def short_example(folder: Path) -> str:
    """The section that ``pytest --memguard`` prints for the test in the README, run in an empty folder."""
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (folder / "test_cart.py").write_text(block(README, "the test"), "utf-8")
    return section(pytest_output("--memguard", cwd=folder)[1])


def shop(folder: Path) -> str:
    """The section that ``pytest --memguard examples`` prints in a folder that holds a copy of the examples."""
    copy_examples(folder)
    # However busy the machine is: without a budget every test is reached.
    return section(pytest_output("--memguard", "--memguard-budget=unlimited", "examples", cwd=folder)[1])


def copy_examples(folder: Path) -> None:
    """Make the folder a project that has the examples, and nothing of pytest-memguard."""
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__", ".*"))


def _rewrite(page: Path, name: str, body: str) -> None:
    text = page.read_text("utf-8")
    page.write_text(text.replace(block(page, name), body), "utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        _rewrite(README, "the failure", short_example(Path(first)))
        _rewrite(EXAMPLES_README, "the findings", shop(Path(second)))
