"""What the READMEs show is what a user gets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import readme


def test_the_failure_in_the_readme_is_what_memguard_prints(tmp_path: Path) -> None:
    expected = readme.same_figures(readme.block(readme.README, "the failure"))
    actual = readme.short_example(tmp_path)

    assert readme.same_figures(actual) == expected, f"`python -m tests.readme` rewrites it to:\n{actual}"


def test_the_findings_in_the_examples_readme_are_what_memguard_prints(tmp_path: Path) -> None:
    expected = readme.same_figures(readme.block(readme.EXAMPLES_README, "the findings"))
    actual = readme.shop(tmp_path)

    assert readme.same_figures(actual) == expected, f"`python -m tests.readme` rewrites it to:\n{actual}"


def test_the_test_in_the_readme_passes_without_memguard(tmp_path: Path) -> None:
    (tmp_path / "test_cart.py").write_text(readme.block(readme.README, "the test"), "utf-8")

    status, output = readme.pytest_output(cwd=tmp_path)

    assert status == 0, output


def test_every_option_in_the_readme_exists(pytester: pytest.Pytester) -> None:
    help_text = pytester.runpytest_subprocess("--help").stdout.str()
    named = set(re.findall(r"--(?:no-)?memguard[\w-]*", readme.README.read_text("utf-8")))

    assert named
    assert named <= set(re.findall(r"--(?:no-)?memguard[\w-]*", help_text))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "examples/README.md"])
def test_every_file_that_is_linked_exists(page: str) -> None:
    path = readme.ROOT / page
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8"))

    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_comparison_in_the_readme_is_that_of_its_page() -> None:
    short = re.compile(r"<!-- begin in short -->(.*?)<!-- end in short -->", re.DOTALL)
    pages = (readme.README, readme.ROOT / "docs" / "reference" / "peers.md")
    (mine,), (theirs,) = (short.findall(page.read_text("utf-8")) for page in pages)

    assert "pytest-memray" in mine
    assert mine == theirs, "`python -m benchmarks peers --parts= --write` writes both"


@pytest.mark.parametrize("name", ["find the leaks", "run the tests"])
def test_ci_runs_the_commands_of_the_readme(name: str) -> None:
    script = " ".join((readme.ROOT / ".ci" / "run").read_text("utf-8").replace("'", '"').split())
    last = readme.block(readme.README, name).strip().rpartition(" && ")[2]

    assert last.removeprefix(".venv/bin/pytest").strip() in script
    assert ".venv/bin/pytest" in script


def test_figures_do_not_count_when_outputs_are_compared() -> None:
    one = """
=== memguard: 1 leak in 7 tests ===
LEAK python  a::b  +1.5 KiB per run, 5 of 5 runs   [0a9f3b]
  types      +1 a.B, +2 dict
peak 31 MiB in a::b - checking 3 s
"""
    two = """
==== memguard: 1 leak in 9 tests ====
LEAK python  a::b  +900 B per run, 6 of 6 runs   [ffffff]
  types      +3 a.B,
             +1 list
peak 28.5 MiB in c.py::d - checking 250 ms
"""

    assert readme.same_figures(one) == readme.same_figures(two)
    assert readme.same_figures(one) != readme.same_figures(two.replace("a.B", "a.C"))
