"""What a run writes besides the terminal: which files, what must not clash, and the summary of a step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_memguard.errors import ConflictError
from pytest_memguard.outputs import Outputs, check_files
from pytest_memguard.report import ReportFileError
from pytest_memguard.settings import Given, resolve
from tests.unit.reported import LEAK, run

LEAKING = run(LEAK)


def resolved(**files):
    return resolve([], command_line={name: Given(value=path, origin="x.ini") for name, path in files.items()})


def outputs(environ=(), **files):
    return Outputs(resolved(**files), rootdir="/w/repo/app", environ=dict(environ))


def summarized(path, report=LEAKING):
    for write in outputs({"GITHUB_STEP_SUMMARY": str(path)}).writers:
        write(report)
    return path.read_text("utf-8")


def test_nothing_is_written_unless_it_is_wanted():
    assert outputs().writers == []
    assert list(outputs({"GITHUB_ACTIONS": "false"}).annotations(LEAKING)) == []


def test_each_file_gets_its_own(tmp_path):
    files = {"json": tmp_path / "a", "markdown": tmp_path / "b"}
    for write in outputs({"GITHUB_STEP_SUMMARY": str(tmp_path / "c")}, **files).writers:
        write(LEAKING)

    assert files["json"].read_text().startswith('{"schema": 1')
    assert files["markdown"].read_text() == (tmp_path / "c").read_text()


def test_two_reports_in_one_file_are_refused_and_a_device_takes_both(tmp_path):
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(ConflictError, match=r"the Markdown report from x\.ini would replace the JSON report"):
        check_files(resolved(json=tmp_path / "a", markdown=tmp_path / "link"), str)

    check_files(resolved(json=Path("/dev/null"), markdown=Path("/dev/null")), str)


@pytest.mark.parametrize(
    ("checkout", "file"),
    [("/w/repo", "file=app/shop/cart.py,"), ("", "file=shop/cart.py,"), ("/elsewhere", "::error title=")],
)
def test_annotations_are_relative_to_the_checkout(checkout, file):
    found = outputs({"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": checkout}).annotations(LEAKING)

    assert file in next(iter(found))


def test_a_summary_is_added_on_a_line_of_its_own(tmp_path):
    path = tmp_path / "summary"
    first = summarized(path)

    assert first.startswith("## :x: memguard: 1 leak")
    assert summarized(path) == f"{first}\n{first}"


def test_where_there_is_no_room_the_verdict_is_added_or_nothing(tmp_path):
    path = tmp_path / "summary"
    path.write_text("x" * ((1 << 20) - 600))
    assert summarized(path)[(1 << 20) - 600 :].startswith("\n## :x: memguard: 1 leak in 412 tests\n\n**The run fails")
    assert path.stat().st_size <= 1 << 20

    with pytest.raises(ReportFileError, match="it is full: GitHub shows no summary of a step above 1 MiB"):
        summarized(path)


def test_a_run_without_tests_leaves_no_summary(tmp_path):
    (tmp_path / "summary").touch()

    assert summarized(tmp_path / "summary", replace(run(session={"tests": 0}), leaks=())) == ""


@pytest.mark.parametrize("path", ["/dev/null", "/proc/none/x", "/"])
def test_what_is_no_file_is_refused(path):
    (write,) = outputs({"GITHUB_STEP_SUMMARY": path}).writers

    with pytest.raises(ReportFileError, match="cannot add to GITHUB_STEP_SUMMARY"):
        write(LEAKING)
