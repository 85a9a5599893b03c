"""Everything that can be got wrong, and what each mistake prints; ``python -m tests.integration.test_bad_input``
writes the page of them, ``docs/reference/bad-input.md``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.integration.mistakes import USUAL
from tests.integration.mistakes.baselines import BASELINES
from tests.integration.mistakes.files import FILES
from tests.integration.mistakes.keys import YAML
from tests.integration.mistakes.markers import MARKERS
from tests.integration.mistakes.options import INI, OPTIONS
from tests.integration.settings_glue import plugin_arguments

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "bad-input.md"
PYTEST_9 = int(pytest.__version__.partition(".")[0]) >= 9

GROUPS = {
    "Options": OPTIONS,
    "Ini files": INI,
    "YAML settings": YAML,
    "The settings file itself": FILES,
    "The baseline": BASELINES,
    "Markers": MARKERS,
}
EVERY = [pytest.param(group, bad, id=f"{group}-{bad.title}") for group, bads in GROUPS.items() for bad in bads]


def prepare(bad, folder):
    """Lay out what *bad* needs in *folder*."""
    files = {"test_cart.py": "def test_checkout(): pass\n", **bad.files}
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    for name in bad.folders:
        (folder / name).mkdir()
    for name, target in bad.links.items():
        (folder / name).symlink_to(target)


def message_of(stderr, folder):
    """What follows ``ERROR:``, with the folder of the test written as it would be seen from elsewhere."""
    found = re.search(r"^ERROR: (.*)", stderr, re.DOTALL | re.MULTILINE)
    return re.sub(r"\n{2,}", "\n", found[1].strip()).replace(str(folder), "/path/to/project") if found else ""


def anywhere(text):
    """*text* without the absolute paths in quotes, which are shortened where they are long."""
    return re.sub(r"'/[^']*'", "'/..'", text)


def entry(bad, message):
    """The part of the page about *bad*."""
    parts = [f"### {bad.title[0].upper()}{bad.title[1:]}\n"]
    if bad.args:
        parts.append(f"```console\n$ pytest --memguard {shlex.join(bad.args)}\n```\n")
    for name, content in bad.files.items():
        text = (
            content if isinstance(content, str) else f"({len(content):,} bytes, of which {content[:14]!r} come first)"
        )
        text = text if len(text) < 400 else text[:380].rpartition("\n")[0] + "\n...\n"
        parts.append(f"`{name}`\n\n```{Path(name).suffix[1:]}\n{text.rstrip()}\n```\n")
    parts.extend(f"`{name}` is a directory.\n" for name in bad.folders)
    parts.extend(f"`{name}` is a symbolic link to `{target}`.\n" for name, target in bad.links.items())
    parts.append(f"```text\nERROR: {message}\n```\n")
    return "\n".join(parts)


HEAD = """\
# What each mistake prints

Every mistake below ends the run before the first test, with exit code 4 (usage error) and without a traceback. A
message names the value, where it came from, what is allowed and what to do; the word in brackets at its end is its
kind. All mistakes of the options, the ini file and the settings file are told at once.

This page is made by `python -m tests.integration.test_bad_input`, and a test keeps it true.
"""


@pytest.mark.parametrize(("group", "bad"), EVERY)
def test_a_mistake_is_a_usage_error_that_says_what_to_do(pytester, group, bad):
    if bad.is_native_toml and not PYTEST_9:
        pytest.skip("pytest 9 brought native TOML settings")
    prepare(bad, pytester.path)

    result = pytester.runpytest_inprocess(*plugin_arguments(), "-p", "no:cacheprovider", "--memguard", *bad.args)

    output = result.stdout.str() + result.stderr.str()
    message = message_of(result.stderr.str(), pytester.path)
    assert result.ret == pytest.ExitCode.USAGE_ERROR, output
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output
    assert "passed" not in output
    assert message.startswith("memguard: ")
    assert [part for part in (*bad.told, USUAL)[:4] if part not in message] == []
    assert re.search(r"^  \S.*  \[[a-z-]+\]$", message, re.MULTILINE), "no remedy"
    assert f"ERROR: {anywhere(message)}\n" in anywhere(PAGE.read_text("utf-8")), (
        "run python -m tests.integration.test_bad_input"
    )


def test_the_page_holds_every_mistake_in_order():
    headings = [f"### {bad.title[0].upper()}{bad.title[1:]}" for bads in GROUPS.values() for bad in bads]

    assert re.findall(r"^### .*", PAGE.read_text("utf-8"), re.MULTILINE) == headings


def test_the_page_shows_what_is_written_and_what_is_printed():
    page = PAGE.read_text("utf-8")

    for bads in GROUPS.values():
        for bad in bads:
            before, _, _ = entry(bad, "\0").partition("\0")
            assert before in page, f"{bad.title}: run python -m tests.integration.test_bad_input"


def test_there_are_enough_of_them_and_each_is_another():
    titles = [(group, bad.title) for group, bads in GROUPS.items() for bad in bads]

    assert len(titles) >= 45
    assert len(titles) == len(set(titles))


def write_page():
    """Run every mistake in a directory of its own, and write down what it prints."""
    parts = [HEAD]
    for group, bads in GROUPS.items():
        parts.append(f"## {group}\n")
        for bad in bads:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(os.path.realpath(name))
                prepare(bad, folder)
                command = [sys.executable, "-m", "pytest", *plugin_arguments(), "-p", "no:cacheprovider", "--memguard"]
                done = subprocess.run(
                    [*command, *bad.args], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
                    capture_output=True, text=True, check=False,
                )  # fmt: skip
                message = message_of(done.stderr, folder)
                if not message:
                    raise AssertionError(f"{bad.title} prints no error:\n{done.stdout}{done.stderr}")
                parts.append(entry(bad, message))
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(parts), "utf-8")


if __name__ == "__main__":
    write_page()
