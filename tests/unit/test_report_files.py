"""Report files are replaced in one step, or left alone with a clear word."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_memguard.report import ReportFileError, check_target, unfinished, write_report

FROM = {"setting": "memguard_json", "origin": "the command line"}


def fails(path, chunks=("new",)):
    with pytest.raises(ReportFileError) as caught:
        write_report(path, chunks, **FROM)
    return str(caught.value)


def interrupted(error):
    yield "half of it"
    raise error


def test_a_new_file_has_the_usual_mode(tmp_path):
    old = os.umask(0o027)
    try:
        write_report(tmp_path / "out.json", ["one ", "two\n"], **FROM)
    finally:
        os.umask(old)

    assert (tmp_path / "out.json").read_text() == "one two\n"
    assert stat.S_IMODE((tmp_path / "out.json").stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["out.json"]


def test_what_killed_processes_have_left_is_removed_and_nothing_else(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    token = "0123456789abcdef"
    left = tmp_path / f".memguard-{gone.pid}-{token}.tmp"
    held = tmp_path / f".memguard-{gone.pid}-{token[::-1]}.tmp"
    young = tmp_path / f".memguard-{gone.pid}-{'0' * 16}.tmp"
    running = tmp_path / f".memguard-{os.getppid()}-{token}.tmp"
    others = [tmp_path / f".memguard-{token}.tmp", tmp_path / f"x.memguard-{gone.pid}-{token}.tmp", tmp_path / "a.tmp"]
    linked = tmp_path / f".memguard-{gone.pid}-{'f' * 16}.tmp"
    linked.symlink_to(others[0])
    for file in (left, held, young, running, *others):
        file.write_text("{", encoding="utf-8")
        if file is not young:
            os.utime(file, (1, 1))

    with held.open() as stream:
        unfinished.lock(stream.fileno())  # by a process of another container, say
        write_report(tmp_path / "report.json", ["whole"], setting="json", origin="a test")

    assert not left.exists()
    assert {each.name for each in tmp_path.iterdir()} == {
        *(file.name for file in (held, young, running, linked, *others)),
        "report.json",
    }


def test_an_existing_file_keeps_its_mode(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("a much longer old text")
    path.chmod(0o604)

    write_report(str(path), ["new"], **FROM)

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "out.json", tmp_path / "latest.json"
    target.write_text("old")
    link.symlink_to("real/out.json")

    write_report(link, ["new"], **FROM)

    assert link.is_symlink()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path / "real") == ["out.json"]


def test_a_link_to_a_file_that_is_not_there_yet(tmp_path):
    (tmp_path / "latest.json").symlink_to("out.json")

    write_report(tmp_path / "latest.json", ["new"], **FROM)

    assert (tmp_path / "out.json").read_text() == "new"


def test_links_in_a_circle(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    assert "Too many levels of symbolic links\n  give another path" in fails(tmp_path / "a")


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), ValueError("bad"), KeyboardInterrupt()]
)
def test_whatever_goes_wrong_the_old_file_is_kept(tmp_path, error):
    path = tmp_path / "out.json"
    path.write_text("old")

    with pytest.raises(ReportFileError if isinstance(error, OSError) else type(error)):
        write_report(path, interrupted(error), **FROM)

    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.json"]


def test_a_full_disk_is_named():
    text = fails("/dev/full", ["x" * 100_000])

    assert text == (
        "cannot write memguard_json '/dev/full' from the command line: No space left on device\n"
        "  make room or choose another place, and run again  [report-file]"
    )


def test_a_missing_directory_is_named(tmp_path):
    text = fails(tmp_path / "no" / "out.json")

    assert "cannot write memguard_json " in text
    assert " from the command line: there is no directory " in text
    assert "create the directory first, or give the path of a file in one that exists  [report-file]" in text
    assert os.listdir(tmp_path) == []


def test_a_file_where_a_directory_should_be(tmp_path):
    (tmp_path / "file").write_text("")

    assert "there is no directory" in fails(tmp_path / "file" / "out.json")


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_directory_is_no_file(path):
    assert "it is a directory\n  add the name of a file" in fails(path)


def test_a_null_character():
    assert "a path cannot hold a null character\n  take it out" in fails("a\0b")


def test_a_name_that_is_too_long(tmp_path):
    text = fails(tmp_path / ("n" * 300))

    assert "File name too long\n  give another path" in text
    assert os.listdir(tmp_path) == []


def test_the_longest_name_there_is(tmp_path):
    write_report(tmp_path / ("n" * 255), ["new"], **FROM)

    assert (tmp_path / ("n" * 255)).read_text() == "new"


def test_a_file_system_that_takes_no_files():
    assert "cannot write memguard_json '/proc/out.json' from the command line: " in fails("/proc/out.json")


def test_a_pipe_is_written_to_as_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()

    write_report(tmp_path / "pipe", ["through ", "a pipe"], **FROM)

    reader.join(10)
    assert got == ["through a pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_the_text_is_utf_8_wherever_it_runs(tmp_path):
    write_report(tmp_path / "out", ["Straße\n", "\udcff"], **FROM)

    assert (tmp_path / "out").read_bytes() == b"Stra\xc3\x9fe\n\\udcff"


def test_check_target_creates_nothing(tmp_path):
    check_target(tmp_path / "out.json", **FROM)
    check_target(Path("/dev/stdout"), **FROM)

    assert os.listdir(tmp_path) == []
    with pytest.raises(ReportFileError, match="there is no directory"):
        check_target(tmp_path / "no" / "out.json", **FROM)
