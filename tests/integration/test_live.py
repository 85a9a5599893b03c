"""A run that is asked and told from outside while it goes, by those who may and by those who may not."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields
from pathlib import Path

import pytest

from pytest_memguard.live.folder import Folder
from pytest_memguard.live.standing import Standing
from tests import how_to
from tests.integration.suite import Suite
from tests.readme import block

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="live runs have a socket on Linux only")

PATIENCE_S = 120
# Each test tells that it runs, and goes on when it is let.
GATES = """
    import pathlib, time

    def pass_gate(name):
        pathlib.Path(f"in_{name}").touch()
        end = time.monotonic() + 120
        while not pathlib.Path(f"go_{name}").exists() and time.monotonic() < end:
            time.sleep(0.01)
"""


# The command looks wherever runs of the user may be, and others go on at the same time: it is shown one folder only.
COMMAND = """
import os, sys
from pytest_memguard import cli
from pytest_memguard.commands import addressing
from pytest_memguard.live.folder import Folder

def only_here(environ, *, uid, temp):
    return [Folder(os.path.join(environ["XDG_RUNTIME_DIR"], "memguard"), uid=uid)]

addressing.folders_of = only_here
sys.exit(cli.main())
"""


class Live:
    """A run that goes, and the command ``memguard`` in another process."""

    def __init__(self, suite, *args):
        self.suite = suite
        self._runtime = tempfile.mkdtemp()
        self.folder = Folder(os.path.join(self._runtime, "memguard"), uid=os.geteuid())
        self._environment = suite.environment({"XDG_RUNTIME_DIR": self._runtime, "COLUMNS": "100"})
        self.process = subprocess.Popen(
            suite.command("-p", "no:cacheprovider", *args),
            cwd=suite.path,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def until(self, *names):
        """Wait until the tests with these names run."""
        end = time.monotonic() + PATIENCE_S
        while not all((self.suite.path / f"in_{name}").exists() for name in names):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)

    def let(self, *names):
        for name in names:
            (self.suite.path / f"go_{name}").touch()

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def memguard(self, *arguments):
        """Exit status and both outputs."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    def standings(self, *arguments):
        """What all processes say, as values."""
        status, out, err = self.memguard(*arguments, "--json")
        assert (status, err) == (0, "")
        return [Standing.from_json(each["result"]["standing"]) for each in json.loads(out)]

    def waiting(self, *arguments):
        """The command when it has said that it waits, and what it has said."""
        process = self.start(*arguments)
        return process, process.stderr.readline()

    def end(self):
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        left = os.listdir(self._runtime)
        os.rmdir(self._runtime) if not left else None
        return self.suite._run(self.process.returncode, out), left


@contextmanager
def going(tmp_path, *args, **files):
    suite = Suite(tmp_path)
    suite.write("gates.py", GATES)
    suite.write("conftest.py", "")
    for name, text in files.items():
        suite.write(f"{name}.py", text)
    live = Live(suite, *args)
    try:
        yield live
    finally:
        live.process.kill()
        live.process.wait()
        live.process.stdout.close()


SHOP = """
    import os
    from gates import pass_gate

    orders = []

    def test_first():
        orders.append(bytearray(3 << 20))
        before = sorted(os.listdir("/proc/self/fd"))
        pass_gate("first")
        assert sorted(os.listdir("/proc/self/fd")) == before

    def test_second():
        pass_gate("second")

    def test_last():
        pass_gate("last")
"""


def test_a_run_is_asked_and_told_while_it_goes(tmp_path):
    with going(tmp_path, "--memguard-confirm=none", "-v", "-W", "error", test_shop=SHOP) as live:
        live.until("first")
        told_of_a_running_test(live)
        cleaned_up_when_it_has_ended(live)
        resetting, _ = live.waiting("emergency-memory", "reset", "--confirm")
        live.let("second")
        live.until("last")
        assert "1 cleanup; the report of the run still has" in resetting.communicate(timeout=PATIENCE_S)[0]
        collecting, _ = live.waiting("emergency-memory", "gc", "2")
        live.let("last")
        assert "objects by 2 collections in" in collecting.communicate(timeout=PATIENCE_S)[0]
        run, left = live.end()
        status, _, err = live.memguard("memory")

    assert (run.code, run.quiet, left) == (0, True, [])
    assert [cleanup["trigger"] for cleanup in run.report["cleanups"]] == ["request"]
    assert any("shutdown protection off" in warning for warning in run.report["warnings"])
    assert run.report["environment"]["probes"]["live"].startswith("a socket in ")
    assert status == 1
    assert "no live run of pytest --memguard was found" in err


def told_of_a_running_test(live):
    status, out, err = live.memguard("memory")
    assert (status, err) == (0, "")
    assert out.startswith(f"pid {live.process.pid} in {live.suite.path}, ")
    for label in ("in use", "resident", "pressure   normal", "protection on", "gc", "cleanups   none so far"):
        assert f"\n  {label}" in out
    assert "0 of 3 ended; test_shop.py::test_first runs for" in out
    detailed = live.memguard("memory", "-v")[1]
    assert "\n  limits" in detailed
    assert re.search(r"\n +\d{4,} builtins\.(dict|function|tuple)\n", detailed), detailed
    [standing] = live.standings("memory", "-v")  # asked again: whether there are more of them now
    assert len(standing.objects) == 10
    assert any(entry.more is not None for entry in standing.objects)
    assert standing.objects[0].count >= standing.objects[-1].count > 0
    assert "\n  emergency  off; pressure is normal" in live.memguard("emergency-memory", "status")[1]
    assert "runs for" in live.memguard("top")[1]  # no terminal: one screen
    [standing] = live.standings("emergency-memory", "shutdown-protection", "off")
    assert standing.protecting.protects is False
    assert "protection off" in live.memguard("emergency-memory", "shutdown-protection")[1]
    status, _, err = live.memguard("emergency-memory", "reset")
    assert status == 1
    assert "--confirm" in err


def cleaned_up_when_it_has_ended(live):
    cleaning, told = live.waiting("emergency-memory", "cleanup", "aggressive")
    assert told.startswith("memguard: waiting for test_shop.py::test_first to end, which runs for ")
    status, _, err = live.memguard("emergency-memory", "gc", "--timeout", "0.3s")
    assert status == 1
    assert "it is carried out when the running test has ended" in err
    [standing] = live.standings("memory")
    assert (standing.tests, standing.cleanups, standing.waiting) == (0, 0, 2)

    live.let("first")
    live.until("second")
    out, _ = cleaning.communicate(timeout=PATIENCE_S)
    assert cleaning.returncode == 0
    assert "by level aggressive in" in out
    [standing] = live.standings("memory")
    assert (standing.tests, standing.cleanups, standing.waiting) == (1, 1, 0)
    assert standing.retained[0].nodeid == "test_shop.py::test_first"


def test_workers_answer_and_are_told_each_for_itself(tmp_path):
    tests = {f"test_{name}": f"from gates import pass_gate\ndef test(): pass_gate('{name}')\n" for name in "ab"}
    with going(tmp_path, "--memguard-confirm=none", "-n2", "--dist=loadfile", **tests) as live:
        live.until("a", "b")

        _, out, _ = live.memguard("memory", "--json")
        processes = json.loads(out)
        out = live.memguard("top")[1]
        detailed = json.loads(live.memguard("memory", "-v", "--json")[1])
        collecting, _ = live.waiting("emergency-memory", "gc", "1", "--json")
        one = live.standings("memory", "--pid", str(processes[1]["pid"]))
        all_of_them = live.standings("memory", "--pid", str(live.process.pid))
        live.let("a", "b")
        collected = json.loads(collecting.communicate(timeout=PATIENCE_S)[0])
        run, left = live.end()

    for said in detailed:  # what is sent is what can be read
        assert {entry.name for entry in fields(Standing)} == set(said["result"]["standing"])
    assert {each["worker"] for each in processes} == {"gw0", "gw1"}
    assert {each["controller"] for each in processes} == {live.process.pid}
    assert [line.split()[0] for line in out.splitlines()[2:5]] == ["worker", "gw0", "gw1"]
    assert (len(one), len(all_of_them)) == (1, 2)
    assert [len(each["result"]["cycles"]) for each in collected] == [1, 1]
    assert (run.code, run.quiet, left) == (0, True, [])


HOSTILE = """
    import os, pathlib, signal, subprocess, sys, time
    import pytest
    from gates import pass_gate

    def test_flooded():
        pass_gate("flooded")

    def test_closes_everything_above():
        os.closerange(1024, 65536)

    def test_resets_the_signal():
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)

    def test_forks():
        child = os.fork()
        if not child:
            time.sleep(0.5)  # long enough for memguard to look, between tests, whether it can be asked
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    def test_mocks(monkeypatch):
        def no(*args, **kwargs):
            raise RuntimeError("nobody may")

        with monkeypatch.context() as patch:
            open("in_mocks", "w").close()
            end = time.monotonic() + 120
            for name in ("socket.socket", "json.dumps", "os.open", "os.fstat", "os.getpid", "time.perf_counter"):
                patch.setattr(name, no)
            while not os.path.exists("go_mocks") and time.monotonic() < end:
                pass

    def test_hangs():
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            time.sleep(0.5)
            while not os.path.exists("go_hangs"):
                time.sleep(0.01)
            os._exit(0)
        os.close(writing)
        pathlib.Path("in_hangs").touch()
        assert os.read(reading, 1) == b""
        os.close(reading)
        os.waitpid(child, 0)

    def test_alarm():
        class Late(Exception):
            pass

        def late(*_):
            raise Late

        signal.signal(signal.SIGALRM, late)
        for _ in range(5):  # while somebody asks
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(Late):
                pass_gate("alarm")
        pass_gate("end")
"""


def test_hostile_clients_and_hostile_tests_change_nothing(tmp_path):
    with going(tmp_path, "--memguard-confirm=none", "-W", "error", test_hostile=HOSTILE) as live:
        live.until("flooded")
        with live.folder.opened() as number, ExitStack() as stack:
            [name] = [name for name in os.listdir(number) if name.endswith(".sock")]
            path = live.folder.at(number, name)
            question = b'{"memguard":1,"id":"a","ask":"memory"}'
            for client in range(1000):
                made = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
                made.bind(live.folder.at(number, f"{os.getpid()}-{client}.ask"))  # and never reads
                for sent in (question, b"\xff\x00garbage", b"[" * 100_000, b'{"memguard":1,"id":"a","ask":"cleanup"}'):
                    with suppress(OSError):
                        made.sendto(sent, path)
        late = live.memguard("memory", "--timeout", "5s")
        live.let("flooded")
        live.until("mocks")
        mocked = live.memguard("memory")
        live.let("mocks")
        live.until("hangs")
        hanging = live.memguard("memory")
        live.let("hangs")
        live.until("alarm")
        for _ in range(3):
            live.memguard("memory", "--timeout", "5s")
        live.until("end")
        for path in Path(live.folder.path).glob("*.ask"):
            path.unlink()
        live.let("end")
        run, left = live.end()

    assert late[0] in (0, 1)  # it may be answered only when the test has ended
    assert mocked[0] == 0, mocked
    assert "test_hostile.py::test_hangs runs for" in hanging[1], hanging
    assert run.outcomes["passed"] == 7
    assert (run.code, run.quiet, left) == (0, True, [])


def test_what_a_killed_run_leaves_is_taken_away_by_the_next_who_looks(tmp_path):
    with going(tmp_path, test_shop=SHOP) as live:
        live.until("first")
        os.kill(live.process.pid, signal.SIGKILL)
        live.process.wait()
        before = os.listdir(live.folder.path)
        status, _, err = live.memguard("memory")

    assert sorted(before) == [f"{live.process.pid}.json", f"{live.process.pid}.sock"]
    assert status == 1
    assert "no run" in err
    assert os.listdir(live.folder.path) == []
    Path(live.folder.path).rmdir()
    Path(live.folder.path).parent.rmdir()


def test_the_how_to_shows_what_happens(tmp_path):
    page = how_to.ROOT / "docs" / "how-to" / "live.md"
    suite = Suite(tmp_path)
    suite.write("conftest.py", "")
    suite.write("memguard.yaml", block(page, "the settings"))
    suite.write("test_pictures.py", block(page, "the tests"))
    live = Live(suite)
    try:
        shown = shown_when(live, "test_pictures.py::test_upload runs for")
        cleaning, told = live.waiting("emergency-memory", "cleanup", "aggressive")
        (suite.path / "uploaded").touch()
        cleaned, _ = cleaning.communicate(timeout=PATIENCE_S)
        run, left = live.end()
    finally:
        live.process.kill()

    asked, cleanup = (block(page, name).splitlines()[1:] for name in ("asking", "cleaning"))
    assert labels(shown.splitlines()) == labels(asked)
    assert labels((told + cleaned).splitlines()[:3]) == labels(cleanup[:3])
    assert (run.code, run.quiet, left) == (0, True, [])


def shown_when(live, text):
    """What ``memguard memory`` shows when it shows that."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        out = live.memguard("memory")[1]
        if text in out:
            return out
    raise AssertionError(out)


def labels(lines):
    """The label of each, without the rest of what was too long; of those that say always the same, all words."""
    told = [how_to.plain(line) for line in lines if not line.startswith(" " * 12)]
    same = ("in", "pressure", "protection", "cleanups", "tests", "memguard:")
    return [line if line.split(" ")[0] in same else line.split(" ")[0] for line in told]
