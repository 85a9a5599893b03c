"""Reports read back: every schema that there ever was, and files that hold anything at all."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_memguard.report.formats import formats
from pytest_memguard.report.loading import UnreadableReportError, load_report
from pytest_memguard.report.pages import MissingExtraError
from tests import golden

RECORDED = Path(__file__).parent.parent / "recorded"
EVERYTHING = json.loads(golden.text_of(golden.EVERYTHING, "json"))


def loaded(folder, data):
    path = folder / "report.json"
    path.write_text(json.dumps(data), "utf-8")
    return load_report(str(path)).run


def can_be_made(made):
    """Pages need an extra."""
    try:
        made.check("a test")
    except MissingExtraError:
        return False
    return True


def rendered(run):
    return {made.name: "".join(made.render(run)) for made in formats() if can_be_made(made)}


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_reports_of_every_schema_give_every_output(path):
    run = load_report(str(path)).run
    outputs = rendered(run)

    assert len(run.tests) == 36
    assert "3 leaks in 36 tests" in outputs["text"]
    assert "3 leaks in 36 tests" in outputs["markdown"]
    assert 'tests="39"' in outputs["junit"]
    assert outputs["github"].count("::error ") == 3
    recorded, again = json.loads(path.read_text("utf-8")), json.loads(outputs["json"])
    assert known(again, recorded) == recorded


def known(again, recorded):
    """Of a value made again what the recorded one has: keys may have been added since."""
    if isinstance(recorded, dict):
        return {key: known(again[key], value) for key, value in recorded.items()}
    if isinstance(recorded, list) and len(recorded) == len(again):
        return [known(*pair) for pair in zip(again, recorded, strict=True)]
    return again


def test_there_is_a_recorded_report_of_every_schema():
    schemas = {json.loads(path.read_text("utf-8"))["schema"] for path in RECORDED.glob("*.json")}

    assert schemas == {1}


def test_keys_of_a_newer_version_are_passed_over(tmp_path):
    data = json.loads(json.dumps(EVERYTHING))
    for place in (data, data["session"], data["environment"], *data["tests"], *data["leaks"], *data["pressure"]):
        place["added_later"] = {"deep": [1, 2]}

    assert rendered(loaded(tmp_path, data)) == rendered(loaded(tmp_path, EVERYTHING))


def test_a_newer_schema_is_refused_with_the_version_to_use(tmp_path):
    data = {**EVERYTHING, "schema": 2, "tool": {"name": "pytest-memguard", "version": "9.0"}}

    with pytest.raises(UnreadableReportError, match=r"schema is 2.*\n.*made by pytest-memguard 9\.0: use that version"):
        loaded(tmp_path, data)


def test_what_is_missing_is_not_known_and_a_leak_gates_unless_it_says_otherwise(tmp_path):
    data = {"schema": 1, "tool": {"name": "pytest-memguard"}, "tests": [{}], "leaks": [{}], "limits": [{}]}
    run = loaded(tmp_path, data)
    (test,), (leak,), (limit,) = run.tests, run.leaks, run.limits

    assert (test.verdict, test.rss_before_bytes, test.retained_blocks) == ("unchecked", None, None)
    assert leak.gates
    assert limit.gates
    assert (leak.verdict, leak.phase, leak.severity, leak.nodeid) == ("leak", "call", "high", "(unknown test)")
    assert run.session.peak_rss_bytes is None


def test_a_limit_of_nothing_is_left_out(tmp_path):
    data = json.loads(json.dumps(EVERYTHING))
    data["pressure"][0]["limit_bytes"] = 0

    assert len(loaded(tmp_path, data).pressure) == 1


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**310)
    | st.floats()
    | st.sampled_from([1e-300, 1e300, -0.0, 2**63, -(2**70)])
    | st.text(max_size=20)
    | st.sampled_from(["\x1b[2J", "\ud800", "a" * 30_000, "leak", "python", "call"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def replaced(value, place, chosen, draw):
    """A copy of *value* in which the *chosen* ones of its places, counted by *place*, are anything."""
    if next(place) in chosen:
        return draw(ANYTHING)
    if isinstance(value, dict):
        return {key: replaced(entry, place, chosen, draw) for key, entry in value.items()}
    return [replaced(entry, place, chosen, draw) for entry in value] if isinstance(value, list) else value


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_whatever_a_report_holds_every_output_is_made(tmp_path_factory, data):
    chosen = data.draw(st.sets(st.integers(1, 700), min_size=1, max_size=40))
    changed = replaced(EVERYTHING, itertools.count(), chosen, data.draw)
    changed.update(schema=1, tool=EVERYTHING["tool"])
    run = loaded(tmp_path_factory.mktemp("any"), changed)
    outputs = rendered(run)

    assert outputs.keys() == {made.name for made in formats() if can_be_made(made)}
    for name in ("text", "markdown", "junit", "github"):
        lines = re.sub("[\u00a0\u200c\u200d]", "", outputs[name]).split("\n")  # which no terminal obeys
        assert all(map(str.isprintable, lines)), name
    json.loads(outputs["json"])
    assert len(outputs["markdown"]) <= 60_000


def test_a_value_of_any_length_is_cut(tmp_path):
    run = loaded(tmp_path, {**EVERYTHING, "warnings": ["x" * 50_000, *["y"] * 5_000]})

    assert len(run.warnings) == 1_000
    assert len(run.warnings[0]) < 11_000


def test_what_an_output_makes_of_a_loaded_report_is_what_it_made_of_the_run(tmp_path):
    quiet = replace(golden.EVERYTHING, leaks=(), limits=(), failures=(), warnings=(), errors=(), tests=())
    path = tmp_path / "report.json"
    path.write_text(golden.text_of(quiet, "json"), "utf-8")

    assert rendered(load_report(str(path)).run) == rendered(quiet)
