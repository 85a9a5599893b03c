"""Who killed a run: from recordings to the sentence that names victim and culprit, and the OOM killer where it was."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace

import pytest

from pytest_memguard.cli import main
from pytest_memguard.probes.limits.kills import KillCounts, kill_counts
from pytest_memguard.recorder import Recorder
from pytest_memguard.recorder.folder import RecordingFolder
from pytest_memguard.recorder.places import made
from pytest_memguard.recorder.postmortem import examine
from pytest_memguard.recorder.processes import ProcessIdentity, is_running, own_identity
from pytest_memguard.recorder.recording import read_recording
from pytest_memguard.recorder.ring import RingError
from pytest_memguard.report.postmortem import mention, postmortem_lines

MIB = 1 << 20
KILLS = KillCounts("boot", "/sys/fs/cgroup:7", 3, 10, 5)
NOBODY = ProcessIdentity(pid=4_000_000, start=1, boot=own_identity().boot, namespace=own_identity().namespace)


@pytest.fixture
def folder(tmp_path):
    return RecordingFolder(made(str(tmp_path / ".pytest_cache" / "d" / "memguard")))


@pytest.fixture
def leave(folder):
    """Makes the recording of a process that is gone, unless it is said to be another; gives its path."""

    def recording(*tests, process=NOBODY, running=None, ended=False, **header):
        path = folder.new_path(process.pid)
        recorder = Recorder()
        whole = {"run": "r1", "role": "main", "rootdir": os.path.dirname(folder.path), "started": 1_700_000_000.0}
        whole |= {"limit_bytes": 400 * MIB, "limit_source": "cgroup v2", "kills": KILLS.to_json()}
        recorder.open(path, {**process.to_json(), **whole, **header})
        for nodeid, before, after in tests:
            recorder.begins(nodeid, before * MIB, time.perf_counter())
            recorder.ends(after * MIB, after * MIB, "passed", time.perf_counter())
        if running is not None:
            nodeid, before, seen = running
            recorder.begins(nodeid, before * MIB, time.perf_counter())
            recorder.phase_ended("setup")
            if seen is not None:
                recorder.seen(seen * MIB)
        if ended:
            recorder.close(keep=True)
        return path

    return recording


def looked_at(*paths, now=KILLS, afterwards=None):
    recordings = [replace(read_recording(path), afterwards=afterwards or {}) for path in paths]
    return examine(recordings, kills_now=now.to_json())


# -- culprit and victim


def test_the_culprit_is_not_the_victim(leave):
    found = looked_at(leave(("test_grows", 50, 350), ("test_more", 350, 351), running=("test_small", 351, 352)))

    assert found.culprit.nodeid == "test_grows"
    assert [each.victim.nodeid for each in found.killed] == ["test_small"]
    text = "\n".join(postmortem_lines(found, 100))
    assert "victim     while running test_small (call): 352 MiB resident, +1.0 MiB since it began" in text
    assert "culprit    test_grows has grown most: +300 MiB\n" in text


def test_the_running_test_may_be_both_or_nobody_knows(leave):
    both = looked_at(leave(("test_a", 50, 60), running=("test_b", 60, 390)))
    unknown = looked_at(leave(("test_a", 50, 60), running=("test_b", 60, None)))

    assert both.culprit.nodeid == "test_b"
    assert "+330 MiB, the test that was running" in "\n".join(postmortem_lines(both, 100))
    assert unknown.culprit.nodeid == "test_a"
    text = " ".join("\n".join(postmortem_lines(unknown, 100)).split())
    assert "(what the test that was running had taken is not known)" in text


def test_what_a_test_takes_again_and_again_counts_together(leave):
    steps = [("test_leaks", 50, 70), ("test_once", 70, 100), ("test_leaks", 100, 120)]

    found = looked_at(leave(*steps))

    assert (found.culprit.nodeid, found.culprit.growth, found.culprit.runs) == ("test_leaks", 40 * MIB, 2)
    assert "after test_leaks: 120 MiB resident" in mention(found)


def test_a_run_that_was_killed_before_its_first_test(leave):
    found = looked_at(leave())

    assert found.culprit is None
    assert mention(found) == "memguard: the last run was killed before its first test; `memguard postmortem` shows it"
    assert "no test that is recorded has grown" in "\n".join(postmortem_lines(found, 100))


def test_workers_of_a_killed_controller_are_one_run(leave):
    found = looked_at(
        leave(role="controller", worker="main"),
        leave(("test_a", 50, 60), running=("test_b", 60, 90), role="worker", worker="gw0"),
        leave(("test_c", 50, 250), running=("test_d", 250, 260), role="worker", worker="gw1"),
    )

    assert (found.culprit.nodeid, found.culprit_worker) == ("test_c", "gw1")
    assert [each.victim.nodeid for each in found.killed] == ["test_b", "test_d"]
    assert "with 2 workers, the largest (gw1) while running test_d" in mention(found)


def test_everything_is_in_the_json_and_nothing_that_a_terminal_obeys_in_the_text(leave):
    found = looked_at(leave(running=("test_\x1b[31m\n", 60, 90), rootdir="/a\x1b]0;b"))

    assert json.loads(json.dumps(found.to_json()))["victims"][0]["nodeid"] == "test_\x1b[31m\n"
    assert all(line.isprintable() for line in postmortem_lines(found, 100))
    assert mention(found).isprintable()


# -- was it the OOM killer?

OTHER_BOOT = KILLS._replace(boot="another")
OTHER_GROUP = KILLS._replace(group="/sys/fs/cgroup:8", kills=9)


@pytest.mark.parametrize(
    ("now", "seen", "signal", "likelihood"),
    [
        pytest.param(KILLS._replace(kills=4), 100, None, "likely", id="killed in its group"),
        pytest.param(KILLS._replace(machine_kills=6), 390, None, "likely", id="killed somewhere, and near the limit"),
        pytest.param(KILLS._replace(machine_kills=6), 100, None, "possible", id="killed somewhere"),
        pytest.param(KILLS, 390, 9, "possible", id="near the limit"),
        pytest.param(KILLS._replace(hits=11), 100, None, "possible", id="at the limit at times"),
        pytest.param(KILLS, 100, 9, "unlikely", id="nothing was killed"),
        pytest.param(KILLS._replace(kills=4), 390, 11, "unlikely", id="another signal"),
        pytest.param(OTHER_BOOT._replace(kills=9), 100, None, "unknown", id="counters of another boot"),
        pytest.param(OTHER_GROUP, 100, None, "unlikely", id="counters of another group"),
        pytest.param(KillCounts(), 100, None, "unknown", id="no counters"),
        pytest.param(KILLS._replace(kills=0, machine_kills=0), 100, None, "unknown", id="counters that fell"),
    ],
)
def test_what_speaks_for_the_oom_killer(leave, now, seen, signal, likelihood):
    found = looked_at(leave(running=("test_a", 60, seen)), now=now, afterwards={"signal": signal})

    assert found.out_of_memory.likelihood == likelihood


def test_what_a_process_had_is_never_said_to_be_nothing(leave):
    found = looked_at(leave(running=("test_a", 1, 1), limit_bytes=4000 * MIB), now=KILLS)

    assert any("it had under 0.1 % of " in reason for reason in found.out_of_memory.reasons)


def test_counters_of_the_time_when_it_was_found_count_more_than_those_of_today(leave):
    path = leave(running=("test_a", 60, 100))

    found = looked_at(path, now=KILLS._replace(kills=40), afterwards={"kills": KILLS.to_json()})

    assert found.out_of_memory.likelihood == "unlikely"


def test_the_counters_of_each_kind_of_group(tmp_path):
    def write(name, text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    assert kill_counts(str(tmp_path)) == KillCounts()
    write("proc/vmstat", "nr_free_pages 1\noom_kill 49\n")
    write("proc/sys/kernel/random/boot_id", "abc\n")
    write("proc/self/cgroup", "0::/job\n")
    write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    write("sys/fs/cgroup/job/memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 0\n")
    assert kill_counts(str(tmp_path)) == KillCounts(
        "abc", f"{tmp_path}/sys/fs/cgroup/job:{os.stat(tmp_path / 'sys/fs/cgroup/job').st_ino}", 2, 7, 49
    )
    write("proc/self/cgroup", "4:memory:/job\n")
    write("proc/self/mountinfo", "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
    write("sys/fs/cgroup/memory/job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    write("sys/fs/cgroup/memory/job/memory.failcnt", "12\n")
    assert kill_counts(str(tmp_path))[2:] == (4, 12, 49)


# -- which runs are dead


def test_only_runs_of_which_nobody_lives_are_dead(leave, folder):
    mine = own_identity()
    leave(process=mine, run="lives", role="controller")
    leave(run="lives", role="worker")
    leave(process=replace(mine, start=mine.start + 1), run="number given out again")
    leave(run="gone")
    leave(run="elsewhere", rootdir="/another/project")

    rootdir = os.path.dirname(folder.path)

    assert {run[0].run for run in folder.dead_runs(rootdir)} == {"number given out again", "gone"}


def test_whose_numbers_mean_nothing_here_lives_while_its_file_is_locked(leave):
    stranger = replace(own_identity(), namespace="pid:[1]")
    path = leave(process=stranger)
    held = leave(process=stranger, ended=True)

    assert is_running(stranger, path)
    assert not is_running(stranger, held)
    assert not is_running(stranger, "/no/such/file")


def test_a_zombie_does_not_run(tmp_path):
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    with open(f"/proc/{child}/stat", encoding="utf-8") as file:
        start = int(file.read().rpartition(")")[2].split()[19])

    assert not is_running(replace(own_identity(), pid=child, start=start), str(tmp_path))
    os.waitpid(child, 0)


def test_what_is_set_aside_is_found_once_and_the_oldest_is_forgotten(leave, folder):
    for number in range(50):
        path = leave(run=f"r{number}", started=float(number))
        os.utime(path, (number, number))
        (run,) = folder.dead_runs(None)
        assert len(folder.set_aside(run, {"found": 1.0, "signal": 9})) == 1
        assert folder.set_aside(run, {}) == []

    kept = folder.aside()

    assert folder.dead_runs(None) == []
    assert len(kept) == 40
    assert all(each.afterwards["signal"] == 9 for each in kept)


def test_runs_of_projects_that_are_never_run_again_are_forgotten_in_time(leave, folder):
    for number in range(45):
        leave(run=f"r{number}", started=float(number), rootdir=f"/project/{number}")

    folder.remove_strays(0.0)

    assert [run[0].run for run in folder.dead_runs(None)] == [f"r{number}" for number in range(35, 45)]


def test_rubbish_in_the_folder_is_left_alone(folder, leave):
    leave()
    names = ["run-1-00000000.ring", "run-2-00000000.ring", "readme.txt"]
    for name in names[::2]:
        with open(os.path.join(folder.path, name), "w", encoding="utf-8") as file:
            file.write("hello")
    os.symlink("/dev/zero", os.path.join(folder.path, names[1]))
    os.mkdir(os.path.join(folder.path, "run-3-00000000.ring"))

    assert len(folder.dead_runs(None)) == 1
    folder.remove_strays(1e12)
    assert set(names) < set(os.listdir(folder.path))


def test_a_folder_that_somebody_else_has_put_there_is_refused(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")

    with pytest.raises(RingError, match="is no folder"):
        made(str(tmp_path / "link"))


# -- the command


@pytest.fixture
def memguard(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temp" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "temp" / "deep")

    def command(*arguments):
        status = main(["postmortem", *map(str, arguments)])
        done = capsys.readouterr()
        return status, done.out, done.err

    return command


def test_the_newest_is_found_from_below_the_project(leave, folder, memguard):
    leave(running=("test_old", 60, 70), started=1.0)
    folder.set_aside(folder.dead_runs(None)[0], {})
    leave(("test_a", 50, 60), running=("test_new", 60, 70), run="r2", started=2.0)

    status, out, err = memguard()

    assert (status, err) == (0, "")
    assert "while running test_new (call)" in out
    assert (
        out == memguard(folder.path)[1] == memguard(os.path.dirname(os.path.dirname(os.path.dirname(folder.path))))[1]
    )
    assert "test_old" in memguard(folder.aside()[0].path)[1]
    assert "test_new" in memguard(os.path.join(folder.path, "killed"))[1]
    data = json.loads(memguard("--json")[1])
    assert data["victims"][0]["nodeid"] == "test_new"
    assert data["culprit"]["growth_bytes"] == 10 * MIB


def test_a_run_that_goes_on_is_told_as_such_and_where_nothing_is_there_it_is_refused(leave, memguard, tmp_path):
    path = leave(process=own_identity(), running=("test_a", 60, 70))

    assert "still goes on" in memguard(path)[1]
    status, out, err = memguard()
    assert (status, out) == (1, "")
    assert "[no-recording]" in err
    assert "[recording-unreadable]" in memguard(tmp_path / "nothing")[2]
