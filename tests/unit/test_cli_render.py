"""``memguard render`` and ``memguard merge``, run in this process: what they write, refuse, and leave alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from pytest_memguard.cli import main
from tests import golden
from tests.unit.reported import LEAK, THREAD, record, run

A, B = "t.py::test_a", "t.py::test_b"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where two reports are, ``a.json`` with everything and ``b.json`` with one more leak; the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    (tmp_path / "a.json").write_text(golden.text_of(golden.EVERYTHING, "json"), "utf-8")
    second = run(THREAD, tests=(record(A), record(B)), session={"tests": 2, "checked": 2, "exit_status": 3})
    (tmp_path / "b.json").write_text(golden.text_of(second, "json"), "utf-8")
    return tmp_path


@pytest.fixture
def memguard(capsys, folder):
    """Runs the command; gives the exit status and both outputs."""

    def command(*arguments):
        status = main(list(map(str, arguments)))
        done = capsys.readouterr()
        return status, done.out, done.err

    return command


def test_files_say_by_their_names_what_they_hold(memguard, folder):
    status, out, err = memguard("render", "a.json", "-o", "o.md", "-o", "o.xml", "-o", "O.JSON", "-o", "o.txt")

    assert (status, out, err) == (0, "", "")
    for name, made in (("o.md", "markdown"), ("o.xml", "junit"), ("O.JSON", "json"), ("o.txt", "text")):
        assert (folder / name).read_text("utf-8") == golden.text_of(golden.EVERYTHING, made)


def test_standard_output_gets_text_unless_it_is_said(memguard):
    assert memguard("render", "a.json")[1] == golden.text_of(golden.EVERYTHING, "text")
    assert memguard("render", "a.json", "-o", "-", "--format", "junit")[1] == golden.text_of(golden.EVERYTHING, "junit")
    assert memguard("render", "a.json", "--format=github")[1].startswith("::error file=shop/cart.py,line=41,")


def test_annotations_know_where_the_tests_are_in_the_checkout(memguard, folder, monkeypatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.parent))

    assert f"file={folder.name}/shop/cart.py," in memguard("render", "a.json", "--format=github")[1]
    assert "file=shop/cart.py," in memguard("render", "a.json", "--format=github", "--rootdir", "..")[1]
    assert "file=" not in memguard("render", "a.json", "--format=github", "--rootdir", "/")[1]


def test_merged_it_is_one_report(memguard, folder):
    status, out, err = memguard("merge", "a.json", "b.json", "-o", "all.json", "-o", "all.md")
    merged = json.loads((folder / "all.json").read_text("utf-8"))

    assert (status, err) == (0, "")
    assert out == "memguard: stopped under memory pressure after 11 tests, from 2 reports: all.json, all.md\n"
    assert {test["worker"] for test in merged["tests"]} == {"a", "b"}
    assert merged["session"]["exit_status"] == 3
    assert [leak["signature"] for leak in merged["leaks"]].count("77aa00") == 1
    assert (folder / "all.md").read_text("utf-8").startswith("## :x: memguard: stopped")
    assert memguard("explain", "77aa00", "all.json")[0] == 0


def test_merged_to_standard_output_it_is_json_and_nothing_else(memguard):
    status, out, err = memguard("merge", "a.json", "b.json")

    assert (status, err) == (0, "")
    assert json.loads(out)["session"]["tests"] == 11


def test_the_summary_keeps_out_of_standard_output_where_the_report_goes_there(memguard):
    status, out, err = memguard("merge", "a.json", "b.json", "-o", "-", "-o", "all.md")

    assert status == 0
    assert json.loads(out)["schema"] == 1
    assert "from 2 reports: all.md" in err


def test_patterns_that_the_shell_left_alone(memguard, folder):
    (folder / "c[1].json").write_text((folder / "b.json").read_text().replace("2025", "2024"), "utf-8")

    assert json.loads(memguard("merge", "[ab].json")[1])["session"]["tests"] == 11
    assert memguard("merge", "c[1].json")[0] == 0
    status, out, err = memguard("merge", "none-*.json", "a.json")
    assert (status, out) == (1, "")
    assert "no file matches 'none-*.json'" in err
    assert err.endswith("[no-reports]\n")


def test_a_report_given_twice_is_refused(memguard, folder):
    shutil.copy(folder / "a.json", folder / "copy.json")
    (folder / "link.json").symlink_to("a.json")

    for other in ("a.json", "./a.json", "copy.json", "link.json"):
        status, out, err = memguard("merge", "a.json", "b.json", other, "-o", "all.json")
        assert (status, out) == (1, "")
        assert f"'a.json' and '{other}' are the same report" in err
    assert not (folder / "all.json").exists()


def test_an_output_that_is_an_input_is_refused(memguard, folder):
    before = (folder / "a.json").read_text("utf-8")
    (folder / "hard.json").hardlink_to(folder / "a.json")

    for arguments in (
        ("merge", "a.json", "b.json", "-o", "a.json"),
        ("merge", "*.json", "-o", "./b.json"),
        ("render", "a.json", "-o", "hard.json"),
    ):
        status, out, err = memguard(*arguments)
        assert (status, out) == (1, "")
        assert "is one of the reports that are read" in err
    assert (folder / "a.json").read_text("utf-8") == before


HALF = '{"schema": 1, "tool": {"name": "pytest-memguard", "version": "0.1.0"},\n"tests": [\n{"nodeid": "t'


def test_every_unreadable_report_is_named_and_nothing_is_written(memguard, folder):
    (folder / "half.json").write_text(HALF, "utf-8")
    (folder / "empty.json").touch()
    (folder / "newer.json").write_text('{"schema": 7, "tool": {"name": "pytest-memguard"}}', "utf-8")
    (folder / "other.json").write_text('{"tests": []}', "utf-8")
    (folder / "all.json").write_text("old", "utf-8")

    names = ["half.json", "empty.json", "newer.json", "other.json", "none.json", "."]
    status, out, err = memguard("merge", "a.json", *names, "-o", "all.json")

    assert (status, out) == (1, "")
    assert [name for name in names if f"cannot read the report '{name}'" not in err] == []
    assert err.count("[report-unreadable]") == len(names)
    assert (folder / "all.json").read_text("utf-8") == "old"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("-o", "out"),
            "the output 'out' does not tell its format: expected .txt, .json, .html, .htm, .md, .markdown or .xml",
        ),
        (("-o", ".json.bak"), "does not tell its format"),
        (("-o", "no/o.md"), "cannot write the output 'no/o.md' from the command line: there is no directory"),
        (("-o", "folder.md"), "it is a directory"),
        (("-o", "o\0.md"), "null character"),
    ],
)
def test_outputs_that_cannot_be_written_are_told_first(memguard, folder, arguments, told):
    (folder / "folder.md").mkdir()
    before = sorted(os.listdir(folder))

    for command in (("render", "none.json"), ("merge", "none.json")):
        status, out, err = memguard(*command, *arguments)
        assert (status, out) == (1, "")
        assert told in err
    assert sorted(os.listdir(folder)) == before


def test_an_output_that_fails_half_way_leaves_the_old_file(memguard, folder, monkeypatch):
    (folder / "o.md").write_text("old", "utf-8")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))

    status, _, err = memguard("render", "a.json", "-o", "o.md")

    assert status == 1
    assert "No space left on device" in err
    assert (folder / "o.md").read_text("utf-8") == "old"
    assert not [name for name in os.listdir(folder) if name.endswith(".tmp")]


@pytest.mark.parametrize("arguments", [["render"], ["render", "a", "b"], ["merge"], ["render", "a", "--format", "pdf"]])
def test_wrong_arguments_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: memguard" in capsys.readouterr().err


def test_pipes_can_be_merged_and_pytest_is_not_loaded(folder):
    code = (
        "import sys; from pytest_memguard.cli import main\n"
        "status = main(['merge', *sys.argv[1:], '-o', 'all.xml'])\n"
        "sys.exit(status or any(name in sys.modules for name in ('pytest', '_pytest', 'psutil', 'yaml')))"
    )
    done = subprocess.run(
        ["bash", "-c", 'exec "$0" -c "$1" <(cat a.json) <(cat b.json)', sys.executable, code],  # noqa: S607
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(golden.FOLDER.parent.parent), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "from 2 reports: all.xml" in done.stdout


def test_a_large_report_is_read_and_rendered(memguard, folder):
    tests = [record(f"t.py::test_{number}[{'x' * 200}]") for number in range(20_000)]
    (folder / "large.json").write_text(golden.text_of(run(LEAK, tests=tests), "json"), "utf-8")

    status, out, _ = memguard("merge", "large.json", "b.json", "--format", "junit")

    assert status == 0
    assert out.count("<testcase ") == 20_002 + 2
