"""A GitHub-like job ends with annotations and a summary that somebody understands who has never heard of memguard.

And the shards of a run, merged, give the report that the whole gives.
"""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pytest_memguard.report.formats import formats
from tests import ci, how_to
from tests.fixture_pages import COMMANDS
from tests.readme import TUTORIAL, block

LEAKS = {
    "services/shop/examples/shop/importing.py": "def import_prices",
    "services/shop/examples/shop/orders.py": "def checkout",
    "services/shop/examples/tests/test_stock.py": "def alert",
}
FULL = ("--memguard", "--memguard-budget=unlimited", "--memguard-json=whole.json", "examples")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Checkout and rootdir of the examples."""
    return ci.checkout(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def job(project):
    """One step with two workers, in a checkout that is reached through a link; the JSON report is ``whole.json``."""
    workspace, folder = project
    link = workspace.parent / "link"
    link.symlink_to(workspace)
    return ci.run_step(link, folder, *FULL, "-n", "2", "--memguard-markdown=pull.md", "--junitxml=junit.xml")


def test_each_leak_is_annotated_at_the_line_that_allocates(job, project):
    workspace, _ = project

    assert job.status == 1, job.log
    assert [annotation["level"] for annotation in job.annotations] == ["error"] * 3
    for annotation in job.annotations:
        source = (workspace / annotation["file"]).read_text("utf-8").splitlines()
        place = LEAKS[annotation["file"]]
        above = "\n".join(source[: int(annotation["line"])])
        assert place in above.rsplit("\n\n\n", 1)[-1], annotation
    assert {annotation["file"] for annotation in job.annotations} == set(LEAKS)


def test_an_annotation_alone_says_what_stays_who_keeps_it_and_what_to_do(job):
    (order,) = (entry for entry in job.annotations if entry["file"].endswith("orders.py"))
    lines = order["message"].splitlines()

    assert re.fullmatch(r"leak: \+\d+ B per run in test_orders\.py::\w+", order["title"])
    assert re.match(r"examples/tests/test_orders\.py::\w+ leaves \+\d+ B per run behind \(grew in \d+ of \d+", lines[0])
    assert "kept by shop.orders._history (list) -> [*] shop.orders.Order" in lines
    assert any(line.startswith("advice: ") for line in lines)
    assert lines[-1].startswith('repeat: pytest --memguard "examples/tests/test_orders.py::')


def test_the_summary_reads_from_the_verdict_to_the_details(job, project):
    text = job.summary
    places = [
        "## :x: memguard: 3 leaks in 36 tests",
        "**The run fails because of these leaks.** The tests concerned have passed.",
        "### 1. `examples/tests/",
        "- **allocated at:** `examples/shop/",
        "- **kept by:** `",
        "- **what to do:** ",
        "- **repeat:** `pytest --memguard ",
        "<details><summary>All evidence</summary>",
        "### 3. ",
        "<details><summary>The run in figures</summary>",
    ]

    assert [text.find(place) for place in places] == sorted(text.find(place) for place in places)
    assert text.startswith(places[0])
    assert text.count("<details>") == text.count("</details>")
    assert (project[1] / "pull.md").read_text("utf-8") == text


def test_the_report_gives_the_same_outputs_again(job, project):
    status, out = ci.command(project[1], "render", "whole.json", "-o", "again.md", "-o", "again.xml")

    assert (status, out) == (0, "")
    assert (project[1] / "again.md").read_text("utf-8") == job.summary
    live, again = ((project[1] / name).read_text("utf-8") for name in ("junit.xml", "again.xml"))
    for name in ("memguard.site", "memguard.retainer", "memguard.bytes_per_run", "memguard.repeat"):
        assert values(live, name) == values(again, name) != []


def values(document, name):
    """What the properties of that name are."""
    found = ET.fromstring(document).iter("property")  # noqa: S314 - written by this run
    return sorted(entry.get("value") for entry in found if entry.get("name") == name)


@pytest.fixture
def small(tmp_path):
    """A checkout with a leaking test that leaves its line unfinished, and one that passes."""
    workspace = tmp_path / "checkout"
    workspace.mkdir()
    (workspace / "pytest.ini").write_text("[pytest]\n", "utf-8")
    body = block(TUTORIAL, "the test") + "\n\ndef test_prints():\n    print('unfinished', end='')\n"
    (workspace / "test_cart.py").write_text(body, "utf-8")
    return workspace


@pytest.mark.parametrize("arguments", [("-p", "no:terminal", "-s"), ("-q", "--no-summary", "-n1")])
def test_annotations_begin_a_line_and_come_once(small, arguments):
    job = ci.run_step(small, small, "--memguard", *arguments)

    assert job.status == 1, job.log
    assert [(entry["file"], entry["line"]) for entry in job.annotations] == [("test_cart.py", "10")], job.log
    assert job.log.count("::error ") == 1


def test_what_does_not_fail_the_run_is_a_warning_and_said_to_be(small):
    job = ci.run_step(small, small, "--memguard", "--memguard-fail-on=never")

    assert job.status == 0, job.log
    assert [entry["level"] for entry in job.annotations] == ["warning"]
    assert "(does not fail the run)" in job.annotations[0]["title"]
    assert job.summary.startswith("## :warning: memguard: 1 finding in 2 tests, not failing the run")


def test_a_summary_is_added_to_what_is_there_and_none_outside_of_actions(small):
    (small.parent / "step_summary.md").write_text("of another step", "utf-8")
    job = ci.run_step(small, small, "--memguard", environ={"GITHUB_ACTIONS": "false"})

    assert job.summary.startswith("of another step\n## :x: memguard: 1 leak in 2 tests\n")
    assert job.annotations == []
    assert ci.run_step(small, small, "--memguard", "--collect-only").summary == job.summary


def test_a_summary_that_cannot_be_written_fails_nothing(small):
    target = small.parent / "summary"
    os.mkfifo(target)
    environ = {"GITHUB_STEP_SUMMARY": str(target)}
    job = ci.run_step(small, small, "--memguard", "--memguard-confirm=none", "--memguard-json=r.json", environ=environ)

    assert job.status == 0
    assert "2 passed" in job.log
    assert "cannot add to GITHUB_STEP_SUMMARY" in " ".join(job.log.split())
    assert len(json.loads((small / "r.json").read_text("utf-8"))["tests"]) == 2


def test_where_the_summary_is_nearly_full_the_verdict_alone_is_added(small):
    target = small.parent / "summary"
    target.write_text("x" * ((1 << 20) - 1_000), "utf-8")
    ci.run_step(small, small, "--memguard", environ={"GITHUB_STEP_SUMMARY": str(target)})

    added = target.read_text("utf-8")[(1 << 20) - 1_000 :]
    assert added.startswith("\n## :x: memguard: 1 leak in 2 tests\n\n**The run fails because of this leak.**")
    assert "###" not in added


# -- shards


def leaks_of(report):
    """All that has to be alike: by signature the place, what gates, and the witnesses."""
    return {
        leak["signature"]: (leak["phase"], leak["fixture"], leak["kind"], leak["gates"], sorted(leak["witnesses"]))
        for leak in report["leaks"]
    }


def verdicts_of(report):
    return {test["nodeid"]: (test["outcome"], test["verdict"]) for test in report["tests"]}


def test_shards_merged_are_the_whole_run(job, project):
    _, folder = project
    whole = json.loads((folder / "whole.json").read_text("utf-8"))
    nodeids = sorted(test["nodeid"] for test in whole["tests"])
    for number in (1, 2, 3):
        # Every third test, so that the tests of one leak are in several shards.
        report = f"--memguard-json=shard-{number}.json"
        ci.run_step(folder, folder, "--memguard", "--memguard-budget=unlimited", report, *nodeids[number - 1 :: 3])

    status, out = ci.command(folder, "merge", "shard-*.json", "-o", "all.json", "-o", "all.md")
    merged = json.loads((folder / "all.json").read_text("utf-8"))

    assert (status, out) == (0, "memguard: 3 leaks in 36 tests, from 3 reports: all.json, all.md\n")
    assert verdicts_of(merged).keys() == verdicts_of(whole).keys()
    # What else a cache holds by then, and how busy the machine is, decide what is said of a test that is no leak.
    differing = {name: (had, verdicts_of(merged)[name]) for name, had in verdicts_of(whole).items()}
    told = [pair for pair in differing.values() if pair[0] != pair[1]]
    assert [pair for pair in told if pair[0][0] != pair[1][0] or {"leak", "suspect"} & {pair[0][1], pair[1][1]}] == []
    assert leaks_of(merged) == leaks_of(whole)
    for name in ("tests", "checked", "exit_status"):
        assert merged["session"][name] == whole["session"][name], name
    assert merged["warnings"] == whole["warnings"] == []
    assert merged["environment"] == whole["environment"] | {"probes": merged["environment"]["probes"]}
    assert {test["worker"] for test in merged["tests"]} == {"shard-1", "shard-2", "shard-3"}
    assert (folder / "all.md").read_text("utf-8").startswith("## :x: memguard: 3 leaks in 36 tests")


# -- the page


def test_the_page_shows_what_a_job_leaves(tmp_path):
    workspace = tmp_path / "checkout"
    folder = workspace / "services" / "shop"
    folder.mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (folder / "test_cart.py").write_text(block(TUTORIAL, "the test"), "utf-8")
    job = ci.run_step(workspace, folder, "--memguard")
    (line,) = (line for line in job.log.splitlines() if line.startswith("::"))

    assert figureless(line) == figureless(block(ci.PAGE, "the annotation").strip())
    shown = block(ci.PAGE, "the summary")
    assert figureless(job.summary[: job.summary.index("<details>")].strip()) == figureless(shown.strip())


def test_the_commands_of_the_page_work(job, project):
    _, folder = project
    whole = (folder / "whole.json").read_text("utf-8")
    (folder / "shard-1.json").write_text(whole, "utf-8")
    (folder / "shard-2.json").write_text(whole.replace('"tests": [', '"tests": [ '), "utf-8")
    for name in ("merging", "rendering"):
        for shown in re.findall(r"^\$ memguard (.*)\n((?:[^$].*\n)*)", block(ci.PAGE, name), re.MULTILINE):
            status, out = ci.command(folder, *shown[0].split())
            assert status == 0, out
            assert not shown[1] or out == shown[1]


def test_the_reference_has_every_format_and_its_files():
    rows = [row[:2] for row in how_to.rows(COMMANDS)]
    first = rows.index(("`--format`", "file"))
    made = [(f"`{entry.name}`", ", ".join(f"`{suffix}`" for suffix in entry.suffixes) or "-") for entry in formats()]

    assert rows[first + 1 : first + 1 + len(made)] == made
    assert not rows[first + 1 + len(made)][0].startswith("`")


def test_every_file_that_is_linked_exists():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", ci.PAGE.read_text("utf-8"))

    assert [target for target in targets if not Path(ci.PAGE.parent / target).exists()] == []


def figureless(text):
    """Without sizes, and without what comes after the first type: both differ between Pythons."""
    text = re.sub(r"(\+1 `?test_cart\.Order`?),.*?(?=%0A|\n)", r"\1", text)
    return [how_to.plain(line) for line in text.splitlines()]
