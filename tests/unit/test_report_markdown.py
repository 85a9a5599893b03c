"""The Markdown report: what stands first, what does not fail the run, and that it fits into a comment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_memguard.report.markdown import render, verdict
from pytest_memguard.report.prose import code, said
from tests.unit.reported import LEAK, LIMIT, LOW, STOPPED, SUPPRESSED, run


def page(*leaks, **parts):
    return "".join(render(run(*leaks, **parts)))


def test_the_verdict_comes_first():
    lines = page(LEAK).splitlines()

    assert lines[0] == "## :x: memguard: 1 leak in 412 tests"
    assert lines[2].startswith("**The run fails because of this leak.** The tests concerned have passed.")
    assert lines[4] == "### 1. `tests/test_cart.py::test_checkout` leaks +1.0 MiB per run"


@pytest.mark.parametrize(
    ("report", "heading", "meaning"),
    [
        (run(), ":white_check_mark: memguard: no leaks in 412 tests", "No test leaves something behind"),
        (run(SUPPRESSED), ":warning: memguard: 1 finding in 412 tests, not failing the run", "It is listed below"),
        (run(SUPPRESSED, LOW), ":warning: memguard: 2 findings in 412 tests, not failing", "They are listed below"),
        (run(LEAK, replace(LEAK, nodeid="t.py::b")), ":x: memguard: 2 leaks", "because of these leaks"),
        (run(limits=(LIMIT,)), ":x: memguard: 1 exceeded limit", "because of memory"),
        (run(LEAK, failures=(STOPPED,)), ":x: memguard: stopped under memory pressure", "because of what follows"),
        (run(session={"checked": 0}), ":white_check_mark: memguard: watched 412 tests, checked none", "0 of 412"),
    ],
)
def test_the_heading_says_how_it_is(report, heading, meaning):
    first, second = verdict(report)

    assert first.startswith(f"## {heading}")
    assert meaning in second


def test_however_much_was_found_it_fits_into_a_comment():
    many = [replace(LEAK, nodeid=f"t.py::test_{number}", advice="`|<" * 3_000) for number in range(300)]
    text = page(*many, *[replace(leak, gates=False) for leak in many], warnings=["*|`" * 3_000] * 100)

    assert len(text) <= 60_000
    assert "more findings:** all of them are in the JSON report" in text
    assert "There is more than fits here" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("test_cart.py::test[a-1]", "`test_cart.py::test[a-1]`"),
        ("a`b", "``a`b``"),
        ("``", "``` `` ```"),
        ("", "`  `"),
        ("x\ny", r"`x\ny`"),
    ],
)
def test_values_are_code(text, shown):
    assert code(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("add snake_case here", "add snake_case here"),
        ("_a_ *b*", "&#95;a&#95; &#42;b&#42;"),
        ("@pytest.mark", "@<!-- -->pytest.mark"),
        ("GH-12, #12", "GH-<!-- -->12, #<!-- -->12"),
        ("https://x.example", "https:&#47;&#47;x.example"),
        ("- item", "-<!-- --> item"),
        ("12. item", "&#49;2. item"),
        ("12 items", "12 items"),
        ("+1 thread", "+1 thread"),
    ],
)
def test_sentences_mean_what_they_say(text, shown):
    assert said(text) == shown
