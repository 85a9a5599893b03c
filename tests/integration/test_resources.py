"""Leaks of anything but memory are found by what they are, with line and holder; what is pooled or late is none."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tests.integration.suite import UNLIMITED, Suite

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="resources are listed from /proc")

DOCK = """
import asyncio, os, socket, subprocess, tempfile, threading
from concurrent.futures import ThreadPoolExecutor

FILES, PAIRS, BOATS, WAITING = [], [], [], []
gate = threading.Event()
loop = asyncio.new_event_loop()
gang = ThreadPoolExecutor(4)

class Log:
    def __init__(self, path):
        self.stream = open(path)

def keep_file(path):
    FILES.append(Log(path))

def bare(path):
    return os.open(path, os.O_RDONLY)

def pair():
    PAIRS.append(socket.socketpair())

def worker():
    gate.wait(600)

def hire():
    threading.Thread(target=worker, name="docker", daemon=True).start()

def launch():
    BOATS.append(subprocess.Popen(["sleep", "600"], stdin=subprocess.PIPE))

def crate():
    return tempfile.mkdtemp(prefix="crate-")

async def wait_for_mail():
    await asyncio.Event().wait()

async def subscribe():
    WAITING.append(asyncio.create_task(wait_for_mail()))
    await asyncio.sleep(0)
"""

TESTS = """
import os, subprocess, tempfile, threading, time
import dock
import pytest

HOSTS = "/etc/hosts"

def test_keep_file():
    dock.keep_file(HOSTS)

def test_keep_another_file():
    dock.keep_file("/etc/passwd")

def test_bare():
    dock.bare(HOSTS)

def test_pair():
    dock.pair()

def test_hire():
    dock.hire()
    threading.Thread(target=time.sleep, args=(0.1,)).start()

def test_launch():
    dock.launch()

def test_crate():
    dock.crate()

def test_subscribe():
    dock.loop.run_until_complete(dock.subscribe())

@pytest.fixture
def lamp():
    return os.open(HOSTS, os.O_RDONLY)

def test_lamp(lamp):
    assert lamp

@pytest.fixture(scope="module")
def lighthouse():
    return os.open(HOSTS, os.O_RDONLY)

def test_lighthouse(lighthouse):
    assert lighthouse

@pytest.mark.memguard(leak=False, reason="known")
def test_left_out():
    dock.bare(HOSTS)

def test_closed(tmp_path):
    with open(HOSTS), tempfile.TemporaryDirectory(), tempfile.NamedTemporaryFile():
        tempfile.mkdtemp(dir=tmp_path)

def test_pooled():
    assert dock.gang.submit(pow, 2, 3).result() == 8

def test_late():
    threading.Thread(target=time.sleep, args=(0.2,)).start()

def test_waited_for():
    subprocess.run(["true"], check=True)
"""

LINES = {
    "test_keep_file": ("fd", "/etc/hosts", "self.stream = open(path)", "dock.FILES[*].stream"),
    "test_bare": ("fd", "/etc/hosts", "return os.open(path, os.O_RDONLY)", None),
    "test_pair": ("socket", "AF_UNIX SOCK_STREAM", "PAIRS.append(socket.socketpair())", "dock.PAIRS[*][*]"),
    "test_hire": ("thread", "docker, target dock.worker", "threading.Thread(target=worker, ", None),
    "test_launch": ("process", "sleep 600", 'subprocess.Popen(["sleep", "600"]', "dock.BOATS[*]"),
    "test_crate": ("tempfile", "/crate-", 'tempfile.mkdtemp(prefix="crate-")', None),
    "test_subscribe": (
        "task",
        "dock.wait_for_mail, waits at ",
        "asyncio.create_task(wait_for_mail())",
        "dock.WAITING[*]",
    ),
    "test_lamp": ("fd", "/etc/hosts", "return os.open(HOSTS, os.O_RDONLY)", None),
    "fixture:lighthouse": ("fd", "/etc/hosts", "return os.open(HOSTS, os.O_RDONLY)", None),
}


@pytest.fixture
def suite(tmp_path):
    suite = Suite(tmp_path)
    suite.write("dock.py", DOCK)
    suite.write("test_dock.py", TESTS)
    return suite


def test_each_leak_by_kind_identity_line_and_holder(suite):
    run = suite.run("-v", UNLIMITED)

    assert run.code == 1, run.out
    for name, (kind, what, source, path) in LINES.items():
        leak = run.leak(name)
        (site, *_) = leak["sites"]
        assert (leak["kind"], leak["verdict"], leak["gates"]) == (kind, "leak", True), leak
        assert what in leak["resources"][0]
        assert source in site["source"], leak
        assert path is None or [retainer["path"] for retainer in leak["retainers"]] == [path]
        assert f"LEAK {kind}  " in run.out
        assert leak["resources"][0][:30] in run.out
    assert len(run.leaks) == len(LINES)
    assert run.leak("test_keep_another_file") == run.leak("test_keep_file")
    assert (run.leak("test_lamp")["fixture"], run.leak("test_lamp")["phase"]) == ("lamp", "setup")
    assert run.leak("fixture:lighthouse")["fixture"] == "lighthouse"
    assert run.names("leak") == {name for name in LINES if name.startswith("test_")} | {"test_keep_another_file"}
    assert run.verdict("test_left_out") == ("unchecked", "known")
    assert run.verdicts["test_late"] == "deferred"
    assert {run.verdicts[name] for name in ("test_closed", "test_waited_for")} == {"clean"}
    assert run.verdicts["test_pooled"] in ("clean", "saturating")
    assert "pipe" in " ".join(run.leak("test_launch")["notes"])
    assert run.report["warnings"] == []


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_in_workers_and_only_warned_of(suite):
    run = suite.run(
        "-n2",
        UNLIMITED,
        "--memguard-fail-on=never",
        "-k",
        "file or bare or hire or closed",
    )

    assert run.code == 0, run.out
    found = {leak["kind"]: leak for leak in run.leaks}
    assert set(found) == {"fd", "thread"}
    assert not any(leak["gates"] for leak in run.leaks)
    witnesses = {witness for leak in run.leaks for witness in leak["witnesses"]}
    assert {name.rpartition("::")[2] for name in witnesses} == run.names("leak")
    assert run.names("leak") == {"test_keep_file", "test_keep_another_file", "test_bare", "test_hire"}
    assert run.verdicts["test_closed"] == "clean"
