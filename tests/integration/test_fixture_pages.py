"""The pages on the fixture and on the command show what a user gets, and their examples do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import fixture_pages as pages


@pytest.mark.parametrize(("page", "name"), pages.OUTPUTS, ids=lambda part: getattr(part, "stem", part))
def test_outputs_are_those_that_are_shown(page: Path, name: str, tmp_path: Path) -> None:
    actual = pages.OUTPUTS[page, name](tmp_path)

    expected = pages.comparable(pages.block(page, name))
    assert pages.comparable(actual) == expected, f"`python -m tests.fixture_pages` rewrites it to:\n{actual}"


@pytest.mark.parametrize(
    ("page", "name"),
    [(pages.EXTENSIONS, "the cases"), (pages.FIXTURE, "leaking or not"), (pages.FIXTURE, "bounded")],
    ids=lambda part: getattr(part, "stem", part),
)
def test_examples_pass_with_and_without_memguard(page: Path, name: str, tmp_path: Path) -> None:
    for arguments in ((), ("--memguard",)):
        status, out = pages.run(tmp_path, page, name, "test_example.py", *arguments)
        assert status == 0, out


@pytest.mark.parametrize("page", [pages.EXTENSIONS, pages.FIXTURE, pages.COMMANDS], ids=lambda page: page.stem)
def test_every_file_that_is_linked_exists(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []
