"""The pages are what the code says, and nothing on them is left unread: parts, blocks, settings and commands."""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from pytest_memguard.cli import _parser
from pytest_memguard.errors import MemguardError
from pytest_memguard.settings import ComponentSpec, Settings, resolve
from pytest_memguard.settings.fields import specs
from pytest_memguard.settings.structures import CLEANUP_LEVELS, PATTERN_KEYS
from pytest_memguard.settings.yamlfile import Document
from pytest_memguard.settings.yamlkeys import layer_of
from tests import how_to, reference
from tests.reference.settings import default_file

PAGES = [page for page in sorted(how_to.DOCS.rglob("*.md")) if page.name != "bad-input.md"]
FENCED = re.compile(r"(?P<before>[^\n]*)\n```(?P<language>\w+)\n(?P<body>.*?)```\n", re.DOTALL)
TESTS = "".join(path.read_text("utf-8") for path in sorted((how_to.ROOT / "tests").rglob("test_*.py")))
HELPERS = "".join(path.read_text("utf-8") for path in sorted((how_to.ROOT / "tests").glob("*.py")))
OPTIONS = [name for spec in specs(Settings) for name in (*(spec.flags or ()), spec.option) if name]


def fenced(*languages):
    """Page, what stands on the line before, and body of each block in one of these languages."""
    for page in PAGES:
        for found in FENCED.finditer(page.read_text("utf-8").replace("\n\n```", "\n```")):
            if found["language"] in languages:
                yield pytest.param(page, found["before"], found["body"], id=f"{page.stem}: {found['before'][:40]}")


def settings_of(text):
    return layer_of(Document(data=yaml.safe_load(text), lines={}), label="memguard.yaml")


@pytest.mark.parametrize("page", reference.pages(), ids=lambda page: page.stem)
def test_what_is_made_of_the_code_is_up_to_date(page):
    text = page.read_text("utf-8")

    assert reference.remade(text) == text, "`python -m tests.reference` writes it anew"


def test_each_part_stands_on_one_page():
    found = [name for page in reference.pages() for name in reference.parts_of(page.read_text("utf-8"))]

    assert sorted(found) == sorted(reference.PARTS)


@pytest.mark.parametrize(("page", "before", "body"), list(fenced("python")))
def test_every_example_in_python_runs_in_some_test(page, before, body):
    if page.name == "hooks.md":
        assert "def pytest_memguard_" in body  # test_hooks.py runs the docstring that it is made of
        return
    name = re.fullmatch(r"<!-- ([\w ]+) -->", before)

    assert name, f"{page.name} has a block without a name"
    spellings = (f'"{name[1]}"', f"{name[1].replace(' ', '_')}=")
    assert any(spelling in TESTS or spelling in HELPERS for spelling in spellings)


@pytest.mark.parametrize(("page", "before", "body"), list(fenced("yaml")))
def test_every_example_of_settings_is_accepted(page, before, body):
    if body.startswith("memory:"):
        assert settings_of(body)
    else:
        yaml.safe_load(body)


@pytest.mark.parametrize(("page", "before", "body"), list(fenced("sh", "console")))
def test_every_command_has_arguments_that_are_there(page, before, body):
    lines = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ") or "$ " not in body]
    for words in (shlex.split(line.strip("()"), comments=True) for line in lines):
        if words[:1] == ["memguard"]:
            with contextlib.suppress(SystemExit):
                assert _parser().parse_args(words[1:]).command
                continue
            raise AssertionError(words)
        named = [word.partition("=")[0] for word in words if "memguard-" in word and word.startswith("--")]
        assert set(named) <= set(OPTIONS), words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_option_that_is_named_is_there(page):
    named = set(re.findall(r"--(?:no-)?memguard(?:-[a-z]+)*", page.read_text("utf-8")))

    assert named - set(OPTIONS) <= {"--memguard-html"}


def test_the_file_with_every_default_changes_nothing():
    settings = resolve([settings_of(default_file())]).settings

    assert settings == Settings()


def test_sections_of_settings_have_every_key_and_no_other():
    text = (how_to.DOCS / "reference" / "settings.md").read_text("utf-8")
    told = {}
    for title in ("Components", "Strategies", "Suppressions"):
        section = text.partition(f"### {title}\n")[2].partition("\n##")[0]
        rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        told[title] = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert told["Components"] == {field.name for field in fields(ComponentSpec)} - {"name"}
    assert told["Strategies"] == {*CLEANUP_LEVELS, "between_tests", "between_modules", "every"}
    assert told["Suppressions"] == {*PATTERN_KEYS, "reason", "expires"}


def test_a_wrong_setting_on_a_page_would_be_seen():
    with pytest.raises(MemguardError, match="unknown key"):
        settings_of("memory: {limt: 1 GB}")


def test_every_page_is_reached_from_the_index():
    index = (how_to.DOCS / "index.md").read_text("utf-8")
    named = set(re.findall(r"^(?:[\w -]+ <)?([\w*-]+/[\w*-]+)>?$", index, re.MULTILINE))
    found = {Path(page).relative_to(how_to.DOCS).with_suffix("").as_posix() for page in how_to.DOCS.rglob("*.md")}

    assert {page for page in found if not {page, f"{page.partition('/')[0]}/*"} & named} == {"index"}
