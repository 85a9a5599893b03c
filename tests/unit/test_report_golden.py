"""Every output of two fixed reports, whole; what they hold of others is obeyed by nothing that reads them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from pytest_memguard.report.loading import load_report
from tests import golden

OUTPUTS = dict(golden.outputs())


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_output_is_the_one_that_was_looked_at(name):
    assert OUTPUTS[name] == (golden.FOLDER / name).read_text("utf-8"), "`python -m tests.golden` writes it anew"


@pytest.mark.parametrize("report", golden.REPORTS)
@pytest.mark.parametrize("made", ["text", "json", "markdown", "junit", "github"])
def test_a_report_read_back_gives_the_same_output(report, made, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(golden.text_of(golden.REPORTS[report], "json"), "utf-8")

    assert golden.text_of(load_report(str(path)).run, made) == golden.text_of(golden.REPORTS[report], made)


def test_every_output_is_text_that_a_terminal_can_show():
    for name, text in OUTPUTS.items():
        if not name.endswith(".json"):
            assert all(line.isprintable() for line in text.split("\n")), name


def test_xml_and_json_are_well_formed_and_count_what_they_hold():
    for name, text in OUTPUTS.items():
        if name.endswith(".xml"):
            (suite,) = ET.fromstring(text)  # noqa: S314 - made above
            cases = suite.findall("testcase")
            assert int(suite.get("tests")) == len(cases)
            for part, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                assert int(suite.get(part)) == sum(case.find(element) is not None for case in cases)
        if name.endswith(".json"):
            assert json.loads(text)["schema"] == 1


def parsed(text):
    """All tokens of a page, as GitHub's own parser would make them but for its extensions."""
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or ()


def test_nothing_in_markdown_is_a_link_an_image_or_html_of_others():
    tokens = list(parsed(golden.text_of(golden.HOSTILE, "markdown")))
    kinds = {token.type for token in tokens}
    markup = {token.content.strip() for token in tokens if token.type.startswith("html_")}

    assert not kinds & {"link_open", "image", "em_open", "s_open", "table_open", "blockquote_open", "hr"}
    assert {re.sub(r"<summary>[\w ,()]+</summary>", "<summary>..</summary>", text) for text in markup} == {
        "<!-- -->",
        "<details><summary>..</summary>",
        "</details>",
    }
    lists = [token for token in tokens if token.type == "bullet_list_open"]
    assert {token.level for token in lists} == {0}
    assert [token.markup for token in tokens if token.type == "heading_open"] == ["##", "###", "###", "###"]


def test_what_mentions_or_refers_is_in_code_or_taken_apart():
    for token in parsed(golden.text_of(golden.HOSTILE, "markdown")):
        if token.type == "text":
            assert not re.search(r"@\w|#\w|GH-\d", token.content), token.content


def test_nothing_outside_of_code_becomes_a_link_by_itself():
    text = golden.text_of(golden.HOSTILE, "markdown")
    assert "www.evil.example" in text

    plain = re.sub(r"^(`{3,})text\n.*?^\1$|(`+)(?!`).*?(?<!`)\2(?!`)", "", text, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"www\.|://|\w@\w", plain)


def test_a_value_begins_no_workflow_command():
    for report in golden.REPORTS.values():
        for line in golden.text_of(report, "github").splitlines():
            found = re.fullmatch(r"::(error|warning|notice) ([^:]*?)::(.*)", line)
            assert found, line
            names = [entry.partition("=")[0] for entry in found[2].split(",")]
            assert names in (["file", "line", "title"], ["file", "title"], ["title"])
