"""The JSON Schema describes what is written: all of it, with the words of the model, and what older versions wrote."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from pytest_memguard import events
from pytest_memguard.acceptance import ACCEPTANCE_STATES, AcceptanceSource
from pytest_memguard.cli import main
from pytest_memguard.model import SCHEMA_VERSION, VERDICTS, Kind, Phase, Severity
from pytest_memguard.report import jsonfile
from tests import schema
from tests.golden import REPORTS
from tests.readme import ROOT, block

RECORDED = ROOT / "tests" / "recorded" / "schema-1.json"
PAGE = ROOT / "docs" / "reference" / "json-report.md"
DEFS = schema.SCHEMA["$defs"]


def written(name):
    return json.loads("".join(jsonfile.render(REPORTS[name])))


def test_it_is_a_json_schema_of_the_draft_that_it_names():
    jsonschema.Draft202012Validator.check_schema(schema.SCHEMA)

    assert schema.SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema.SCHEMA["properties"]["schema"]["const"] == SCHEMA_VERSION


@pytest.mark.parametrize("name", REPORTS)
def test_every_key_that_is_written_is_described(name):
    assert schema.violations(written(name)) == []


def test_what_older_versions_wrote_is_valid():
    assert schema.violations(json.loads(RECORDED.read_text("utf-8"))) == []


def test_keys_that_come_later_are_passed_over():
    report = written("everything")
    report["later"] = {"x": 1}
    report["leaks"][0]["later"] = report["session"]["later"] = [1]

    assert schema.violations(report, strict=False) == []
    assert len([wrong for wrong in schema.violations(report) if "'later'" in wrong]) == 3


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2),
        (("tool", "name"), "another"),
        (("session", "tests"), "9"),
        (("session", "peak_rss_bytes"), 1.5),
        (("tests", 0, "verdict"), "fine"),
        (("leaks", 0, "rounds", 0, "deltas"), [1, None]),
        (("leaks", 0, "confidence"), 1.5),
        (("components", 0, "limits"), {"history": "500"}),
    ],
)
def test_what_is_wrong_is_refused(path, value):
    report = written("everything")
    *to, last = path
    place = report
    for key in to:
        place = place[key]
    assert place[last] != value
    place[last] = copy.copy(value)

    assert schema.violations(report, strict=False)


@pytest.mark.parametrize(
    ("words", "name", "key"),
    [
        (VERDICTS, "test", "verdict"),
        (get_args(Kind), "leak", "kind"),
        (get_args(Severity), "leak", "severity"),
        (get_args(Phase), "leak", "phase"),
        (events.PRESSURE_LEVELS, "pressure", "level"),
        (events.PRESSURE_LEVELS, "pressure", "previous"),
        (get_args(events.PressureCause), "pressure", "cause"),
        (events.CLEANUP_TRIGGERS, "cleanup", "trigger"),
        (events.COMPONENT_STATES, "component", "state"),
        (get_args(AcceptanceSource), "acceptance", "source"),
        (ACCEPTANCE_STATES, "acceptance", "state"),
    ],
)
def test_words_are_those_of_the_model(words, name, key):
    assert tuple(DEFS[name]["properties"][key]["enum"]) == tuple(words)


def test_each_key_says_what_it_is():
    def unsaid(inside, path):
        if "$ref" not in inside and "description" not in inside and "items" not in path[-1:]:
            yield path
        for name, each in inside.get("properties", {}).items():
            yield from unsaid(each, (*path, name))

    assert [path for name, inside in DEFS.items() for path in unsaid(inside, (name,))] == []
    assert list(unsaid(schema.SCHEMA, ())) == []


def test_the_command_prints_it(capsys):
    assert main(["schema"]) == 0

    assert json.loads(capsys.readouterr().out) == schema.SCHEMA


def test_the_example_of_the_page_checks_a_report(tmp_path):
    (tmp_path / "report.json").write_text(RECORDED.read_text("utf-8"), "utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = [sys.executable, "-c", block(PAGE, "checking")]

    good = subprocess.run(run, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, check=False)
    (tmp_path / "report.json").write_text("{}", "utf-8")
    bad = subprocess.run(run, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, check=False)

    assert good.returncode == 0, good.stderr
    assert b"is a required property" in bad.stderr
