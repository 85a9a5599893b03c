"""The socket of a live run, its folder and its list: whose they are, what strangers send and dead processes leave."""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from pytest_memguard.live.asking import LiveError, ask, one_run
from pytest_memguard.live.door import Door, DoorError
from pytest_memguard.live.folder import Folder, FolderError, folders_of, socket_name
from pytest_memguard.live.runs import Entry, announce, entries, withdraw
from pytest_memguard.live.wire import LONGEST_ANSWER, LONGEST_REQUEST, Request, encode_answer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="live runs have a socket on Linux only")

UID = os.geteuid() if hasattr(os, "geteuid") else 0
PID = os.getpid()


@pytest.fixture
def folder(tmp_path):
    # Longer than an address may be: everything goes through a descriptor of the folder.
    made = Folder(str(tmp_path / ("long" * 30)), uid=UID)
    made.make()
    return made


@pytest.fixture
def door(folder):
    made = Door(folder)
    yield made
    made.close()


@pytest.fixture
def client(folder):
    """A socket with a name, connected to the door."""
    with folder.opened() as number, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(folder.at(number, f"{PID}-a.ask"))
        made.settimeout(30)
        made.connect(folder.at(number, socket_name(PID)))
        yield made


def entry(pid=PID, **changes):
    values = {"run": "r", "controller": pid, "worker": "main", "directory": "/shop", "started": "s", "version": "0"}
    return Entry(**{"pid": pid, **values, **changes})


def test_a_letter_and_its_answer(door, client):
    client.send(b"hello")
    letter = door.receive()

    assert letter == (b"hello", f"{PID}-a.ask")
    assert door.receive() is None
    assert door.answer(letter.sender, b"x" * (LONGEST_ANSWER + 1))
    assert len(client.recv(1 << 20)) == LONGEST_ANSWER + 1


def test_folder_and_socket_are_the_owners_alone(folder, door):
    path = os.path.join(folder.path, socket_name(PID))

    assert stat.S_IMODE(os.stat(folder.path).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_letters_of_others_and_without_a_name_are_dropped(folder, door, client):
    door._users = (-1,)  # whoever we are, we are somebody else
    client.send(b"hello")
    assert door.receive() == (b"", "")

    door._users = (UID,)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nameless, folder.opened() as number:
        nameless.sendto(b"hello", folder.at(number, socket_name(PID)))
        assert door.receive() == (b"", "")

        nameless.bind(folder.at(number, "any.sock"))
        nameless.sendto(b"hello", folder.at(number, socket_name(PID)))
        assert door.receive() == (b"", "")


def test_answers_stay_in_the_folder(door, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as elsewhere, folder.opened() as number:
        elsewhere.bind("1-b.ask")
        elsewhere.sendto(b"hello", folder.at(number, socket_name(PID)))
        letter = door.receive()

        assert letter.sender == "1-b.ask"
        assert not door.answer(letter.sender, b"secret")


def test_descriptors_that_are_sent_along_are_not_taken(door, client):
    before = set(os.listdir("/proc/self/fd"))
    sent = array.array("i", [0, 1, 2])
    client.sendmsg([b"hello"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, sent)])

    assert door.receive() == (b"hello", f"{PID}-a.ask")
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_letter_that_is_too_long_is_known_to_be(door, client):
    client.send(b"x" * (LONGEST_REQUEST * 10))

    assert len(door.receive().line) > LONGEST_REQUEST


def test_nobody_who_does_not_read_holds_anything_up(door, client):
    sent = [door.answer(f"{PID}-a.ask", b"x" * 60_000) for _ in range(2000)]

    assert sent[0]
    assert not sent[-1]
    assert not door.answer("gone.ask", b"x")


def test_the_kernel_rings_when_a_letter_has_come(door, client):
    rung = []
    before = signal.signal(signal.SIGURG, lambda *_: rung.append(door.receive()))
    try:
        door.ring(signal.SIGURG, threading.get_native_id())
        client.send(b"one")
        end = time.perf_counter() + 30
        while not rung:
            assert time.perf_counter() < end
        door.hush(True)
        client.send(b"two")
        time.sleep(0.05)
    finally:
        signal.signal(signal.SIGURG, before)

    assert [letter.line for letter in rung] == [b"one"]
    assert door.receive().line == b"two"


def test_a_socket_that_a_test_has_closed_is_opened_anew_and_no_file_of_its_number_is_touched(door, folder, tmp_path):
    number = door._number
    file = os.open(tmp_path / "mine", os.O_RDWR | os.O_CREAT)
    os.dup2(file, number)

    assert not door.answer("x.ask", b"x")
    assert door.receive() is None
    assert door.is_ours()
    os.write(number, b"still there")
    os.close(number)
    os.close(file)
    assert (tmp_path / "mine").read_text() == "still there"
    with folder.opened() as at, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.connect(folder.at(at, socket_name(PID)))


def test_a_child_does_not_have_it_and_does_not_take_it_away(door, folder):
    child = os.fork()
    if not child:
        open_there = door.is_ours() or door.receive() is not None
        door.close()
        os._exit(int(open_there))

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert door.is_ours()
    assert socket_name(PID) in os.listdir(folder.path)


def test_one_process_has_one_socket_and_a_dead_one_of_its_number_is_replaced(folder, door):
    with pytest.raises(DoorError, match="another run in this process"):
        Door(folder)

    os.close(door._number)
    door._socket.detach()
    second = Door(folder)
    second.close()
    assert os.listdir(folder.path) == []


def test_folders_of_others_links_and_open_ones_are_refused(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(mine)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").touch()

    for name, uid, reason in (
        ("mine", UID + 1, "belongs to user"),
        ("link", UID, "link: "),
        ("open", UID, "open to others"),
        ("file", UID, "file: "),
        ("nowhere", UID, "No such file"),
    ):
        with pytest.raises(FolderError, match=reason), Folder(str(tmp_path / name), uid=uid).opened():
            pass
    with pytest.raises(FolderError, match="absent"):
        Folder(str(tmp_path / "absent" / "x"), uid=UID).make()


def test_where_runs_and_those_who_ask_look():
    found = folders_of({"XDG_RUNTIME_DIR": "/run/user/7"}, uid=7, temp="/var/t")
    without = folders_of({"XDG_RUNTIME_DIR": "relative"}, uid=7, temp="/tmp")  # noqa: S108

    assert [folder.path for folder in found] == ["/run/user/7/memguard", "/var/t/memguard-7", "/tmp/memguard-7"]  # noqa: S108
    assert [folder.path for folder in without] == ["/run/user/7/memguard", "/tmp/memguard-7"]  # noqa: S108


def test_the_list_has_living_processes_and_takes_away_what_dead_ones_left(folder, door):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    announce(folder, entry())
    for name in (f"{dead.pid}.json", f"{dead.pid}.sock", f"{dead.pid}-a1.ask", f"{dead.pid}.part", "notes.json"):
        with open(os.path.join(folder.path, name), "w", encoding="utf-8") as file:
            file.write(json.dumps({"pid": dead.pid}))

    elsewhere = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with elsewhere, folder.opened() as number:
        # A process that has no such number here, but has its socket open: in another container.
        elsewhere.bind(folder.at(number, "2147483646.sock"))
        announce(folder, entry(pid=2147483646))
        assert {each.pid for each in entries(folder)} == {PID, 2147483646}

    assert entries(folder) == [entry()]
    assert sorted(os.listdir(folder.path)) == sorted([f"{PID}.json", socket_name(PID), "notes.json"])

    withdraw(folder, PID)
    assert entries(folder) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pid": 1}', "[" * 9000, json.dumps({"pid": "x"})])
def test_a_file_of_the_list_that_says_nothing_is_passed_over(folder, door, text):
    with open(os.path.join(folder.path, f"{PID}.json"), "w", encoding="utf-8") as file:
        file.write(text)

    assert entries(folder) == []


def test_no_run_says_where_it_was_looked_for(folder, tmp_path):
    with pytest.raises(LiveError) as refusal:
        one_run([folder, Folder(str(tmp_path / "nowhere"), uid=UID)], None)

    assert f"{folder.path}: no run" in str(refusal.value)
    assert "nowhere: No such file or directory" in str(refusal.value)


def test_of_several_runs_one_has_to_be_named_and_a_worker_can_be(folder, door):
    parent = os.getppid()
    announce(folder, entry(run="a", controller=4242))
    with open(os.path.join(folder.path, socket_name(parent)), "w", encoding="utf-8"):
        pass
    announce(folder, entry(pid=parent, run="b", controller=4343, worker="gw0"))

    with pytest.raises(LiveError, match=r"(?s)2 runs.*4242  /shop, started s.*--pid"):
        one_run([folder], None)
    with pytest.raises(LiveError, match=r"no live run has the process 77"):
        one_run([folder], 77)
    assert [each.pid for each in one_run([folder], 4343).processes] == [parent]
    assert [each.pid for each in one_run([folder], PID).processes] == [PID]


class Serving:
    """A door that is served in a thread: every letter gets the answers that *say* makes of it."""

    def __init__(self, door, say):
        self._door, self._say = door, say
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _serve(self):
        while not self._over.wait(0.01):
            letter = self._door.receive()
            for answer in self._say(json.loads(letter.line)) if letter else ():
                self._door.answer(letter.sender, answer if isinstance(answer, bytes) else encode_answer(answer))


def asked(folder, say, door, timeout_s=30.0):
    announce(folder, entry())
    waited = []
    with Serving(door, say):
        [answer] = ask(
            one_run([folder], None),
            Request(id="a1", ask="gc"),
            timeout_s=timeout_s,
            on_waiting=lambda _, said: waited.append(said["nodeid"]),
        )
    return answer, waited


def test_who_asks_hears_that_it_waits_and_then_the_result(folder, door):
    def say(letter):
        return [
            {"id": "other", "result": 1},
            {"id": letter["id"], "waits": True, "nodeid": "t"},
            {"id": letter["id"], "result": 2},
        ]

    answer, waited = asked(folder, say, door)

    assert (answer.result, answer.error, waited) == (2, None, ["t"])
    assert sorted(os.listdir(folder.path)) == sorted([f"{PID}.json", socket_name(PID)])


def test_an_answer_that_is_none_and_no_answer_at_all(folder, door):
    garbage, _ = asked(folder, lambda _: [b"\xff{"], door)
    silence, _ = asked(folder, lambda _: [], door, timeout_s=0.2)

    assert garbage.error.startswith("its answer cannot be understood")
    assert silence.late


def test_a_process_that_has_gone_is_told_at_once(folder, door):
    announce(folder, entry())
    run = one_run([folder], None)
    door.close()

    [answer] = ask(run, Request(id="a1", ask="gc"), timeout_s=30)

    assert answer.error == "the run has ended"


def test_who_asks_is_not_held_up_by_a_full_socket(folder, door):
    announce(folder, entry())
    with folder.opened() as number, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as flood:
        flood.setblocking(False)
        flood.connect(folder.at(number, socket_name(PID)))
        with suppress(BlockingIOError):
            while True:
                flood.send(b"x")
        [answer] = ask(one_run([folder], None), Request(id="a1", ask="memory"), timeout_s=0.2)

    assert answer.error == "too many are asking, or the process stands still"
