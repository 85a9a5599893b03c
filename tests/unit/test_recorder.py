"""The flight recorder: what it writes is there for others at once, and what was not written whole is not believed."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from pytest_memguard.errors import MemguardError
from pytest_memguard.recorder import Recorder
from pytest_memguard.recorder.layout import (
    ENDED,
    ENDED_AT,
    FIRST_MARK,
    FIRST_TEST,
    MAGIC,
    SEEN_AT,
    SIZE,
    SLOT,
    STARTED,
    TESTS,
)
from pytest_memguard.recorder.recording import read_recording

MIB = 1 << 20
MISSING = -(1 << 63)
HEADER = {"pid": 4242, "run": "r1", "worker": "gw3", "role": "worker", "rootdir": "/shop", "started": 1700000000.0}


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorder(tmp_path, clock):
    """An open one."""
    recorder = Recorder(clock)
    recorder.open(str(tmp_path / "run-1-00000000.ring"), HEADER)
    yield recorder
    recorder.close()


def read(recorder):
    return read_recording(recorder.path)


def ran(recorder, nodeid, before, after, **more):
    recorder.begins(nodeid, before, 100.0, **more)
    recorder.ends(after, after + MIB, "passed", 100.0)


def test_a_test_that_runs_is_on_disk_before_it_ends(recorder, clock):
    ran(recorder, "test_a.py::test_one", 50 * MIB, 60 * MIB)
    clock.now += 2
    recorder.begins("test_a.py::test_two", 60 * MIB, clock.now)

    one, two = read(recorder).tests

    assert (one.nodeid, one.is_running, one.growth, one.peak, one.outcome) == (
        "test_a.py::test_one",
        False,
        10 * MIB,
        61 * MIB,
        "passed",
    )
    assert (two.nodeid, two.is_running, two.phase, two.rss_before, two.rss_after) == (
        "test_a.py::test_two",
        True,
        "setup",
        60 * MIB,
        None,
    )
    assert (one.started_s, two.started_s) == (0.0, 2.0)


def test_phases_and_looks_of_the_running_test(recorder, clock):
    recorder.begins("test_a.py::test_one", 50 * MIB, 100.0)
    recorder.phase_ended("setup")
    clock.now += 3
    recorder.seen(90 * MIB)
    recorder.seen(70 * MIB)

    (test,) = read(recorder).tests

    assert (test.phase, test.rss_after, test.peak, test.at_s, test.growth) == (
        "call",
        70 * MIB,
        90 * MIB,
        3.0,
        20 * MIB,
    )


def test_the_phase_of_the_test_before_is_none_of_the_next_ones(recorder):
    recorder.begins("one", 1, 100.0)
    recorder.phase_ended("call")
    assert read(recorder).tests[-1].phase == "teardown"
    recorder.ends(1, 1, "passed", 100.0)
    for _ in range(TESTS):  # the same slot, and the same lowest bits of the number
        recorder.begins("another", 1, 100.0)

    assert read(recorder).tests[-1].phase == "setup"


def test_the_last_ones_are_kept_in_order_and_of_the_others_those_that_grew_most(recorder):
    ran(recorder, "test_large", 50 * MIB, 90 * MIB)
    for number in range(TESTS + 10):
        ran(recorder, f"test_{number}", 90 * MIB, 91 * MIB)

    found = read(recorder)

    assert [test.nodeid for test in found.tests] == [f"test_{number}" for number in range(10, TESTS + 10)]
    assert [test.nodeid for test in found.grown] == ["test_large"]


def test_repetitions_in_a_row_are_one_entry_that_grows(recorder):
    ran(recorder, "test_leaks", 50 * MIB, 60 * MIB)
    for after in (70, 80, 90):
        ran(recorder, "test_leaks", (after - 10) * MIB, after * MIB, pass_number=2)
    recorder.begins("test_leaks", 90 * MIB, 100.0, pass_number=2)

    first, repeated = read(recorder).tests

    assert (first.pass_number, first.runs, first.growth) == (1, 1, 10 * MIB)
    assert (repeated.pass_number, repeated.runs, repeated.is_running) == (2, 4, True)
    assert (repeated.rss_before, repeated.rss_after) == (60 * MIB, 90 * MIB)


def test_what_cannot_be_read_is_none(recorder):
    recorder.begins("test_one", MISSING, 100.0)
    recorder.ends(MISSING, MISSING, "something new", 100.0)

    (test,) = read(recorder).tests

    assert (test.rss_before, test.rss_after, test.peak, test.growth, test.outcome) == (None,) * 5
    assert not test.is_running


NODEIDS = {
    "nul": "test_a.py::test[\0]",
    "surrogate": "test_a.py::test[\udcff]",
    "wide": "test_a.py::test[" + "\U0001f40d" * 200 + "]",
    "huge": "test_a.py::test[" + "x" * 10_000_000 + "]",
    "empty": "",
}


@pytest.mark.parametrize("nodeid", NODEIDS.values(), ids=NODEIDS)
def test_any_node_id_is_kept_as_far_as_there_is_room(recorder, nodeid):
    recorder.begins(nodeid, MIB, 100.0)
    recorder.ends(MIB, MIB, "passed", 100.0)

    (test,) = read(recorder).tests

    assert test.shortened == (len(nodeid) > 100)
    if test.shortened:
        assert test.nodeid.startswith("test_a.py::test[")
        assert "..." in test.nodeid
        assert test.nodeid.endswith("]")
    else:
        assert test.nodeid == nodeid.encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize("at", [0, STARTED.size - 1], ids=["first", "last"])
def test_a_record_that_was_not_written_whole_is_left_out(recorder, at):
    ran(recorder, "test_before", MIB, 2 * MIB)
    recorder.begins("test_in_the_middle_of_something", MIB, 100.0)
    view = recorder._view
    view[FIRST_TEST + SLOT + at] ^= 0xFF

    assert [test.nodeid for test in read(recorder).tests] == ["test_before"]


@pytest.mark.parametrize(("at", "running"), [(ENDED_AT, True), (ENDED_AT + ENDED.size - 1, True), (SEEN_AT, False)])
def test_an_end_that_was_not_written_whole_is_none(recorder, at, running):
    recorder.begins("test_one", MIB, 100.0)
    recorder.seen(5 * MIB)
    recorder.ends(2 * MIB, 2 * MIB, "passed", 100.0)
    recorder._view[FIRST_TEST + at] ^= 1

    (test,) = read(recorder).tests

    assert (test.is_running, test.rss_after) == (running, 5 * MIB if running else 2 * MIB)


def test_any_byte_may_be_wrong(recorder):
    for number in range(20):
        ran(recorder, f"test_{number}", MIB, number * MIB)
    whole = bytes(recorder._view)
    for at in (*range(len(MAGIC), 600, 7), *range(FIRST_MARK, FIRST_TEST + 2 * SLOT)):
        recorder._view[at] ^= 0xFF
        try:
            found = read(recorder)
        except MemguardError:
            assert at < FIRST_MARK
        else:
            assert len(found.tests) >= 19
        recorder._view[at] = whole[at]


# -- the life of the file


def test_an_orderly_end_takes_the_file_away_and_a_worker_keeps_it_as_ended(tmp_path):
    gone, kept = Recorder(), Recorder()
    gone.open(str(tmp_path / "a"), {})
    kept.open(str(tmp_path / "b"), {})
    gone.close()
    gone.close()
    kept.close(keep=True)

    assert os.listdir(tmp_path) == ["b"]
    assert read_recording(str(tmp_path / "b")).has_ended


def test_closed_or_never_opened_it_does_nothing(tmp_path):
    recorder = Recorder()
    for _ in range(2):
        recorder.begins("test_one", 1, 100.0)
        recorder.phase_ended("setup")
        recorder.seen(1)
        recorder.ends(1, 1, "passed", 100.0)
        recorder.stage("checking")
        recorder.open(str(tmp_path / "ring"), {})
        recorder.close()

    assert recorder.path is None


def test_it_needs_no_descriptor_and_nobody_else_can_write(tmp_path):
    before = os.listdir("/proc/self/fd") if sys.platform == "linux" else None
    recorder = Recorder()
    recorder.open(str(tmp_path / "ring"), {})
    after = os.listdir("/proc/self/fd") if sys.platform == "linux" else None

    assert len(after or ()) == len(before or ())
    assert stat.S_IMODE(os.stat(recorder.path).st_mode) == 0o400
    assert os.stat(recorder.path).st_blocks * 512 >= SIZE
    recorder.close()


@pytest.mark.parametrize("instead", ["removed", "replaced", "folder", "link"])
def test_what_becomes_of_the_name_does_not_matter(recorder, tmp_path, instead):
    path = recorder.path
    os.unlink(path)
    if instead == "replaced":
        (tmp_path / "other").write_text("garbage")
        os.rename(tmp_path / "other", path)
    elif instead == "folder":
        os.mkdir(path)
    elif instead == "link":
        os.symlink("/dev/zero", path)

    ran(recorder, "test_one", 1, 2)
    recorder.close()

    assert os.path.isdir(path) == (instead == "folder")


def test_a_child_writes_nothing_and_removes_nothing(recorder):
    recorder.begins("test_forks", MIB, 100.0)
    child = os.fork()
    if not child:
        recorder.begins("test_of_the_child", MIB, 100.0)
        recorder.ends(MIB, MIB, "passed", 100.0)
        recorder.close()
        os._exit(0)
    os.waitpid(child, 0)

    assert [test.nodeid for test in read(recorder).tests] == ["test_forks"]


def test_a_file_that_is_there_already_is_not_touched(tmp_path):
    path = tmp_path / "ring"
    (tmp_path / "ring.new").symlink_to(tmp_path / "victim")

    with pytest.raises(FileExistsError):
        Recorder().open(str(path), {})

    assert sorted(os.listdir(tmp_path)) == ["ring.new"]


def test_a_header_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(ValueError, match="do not fit"):
        Recorder().open(str(tmp_path / "ring"), {"rootdir": "x" * 5000})

    assert os.listdir(tmp_path) == []


# -- files of others


def files(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "garbage").write_bytes(os.urandom(SIZE))
    (tmp_path / "short").write_bytes(MAGIC)
    (tmp_path / "zeros").write_bytes(MAGIC.ljust(SIZE, b"\0"))
    (tmp_path / "text").write_text("hello\n")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return ["empty", "garbage", "short", "zeros", "text", "folder", "pipe", "loop", "missing", "nul\0"]


def test_what_is_no_recording_is_refused_with_its_name(tmp_path):
    for name in files(tmp_path):
        with pytest.raises(MemguardError, match="cannot read the recording") as refused:
            read_recording(str(tmp_path / name))
        assert "recording-unreadable" in str(refused.value)
