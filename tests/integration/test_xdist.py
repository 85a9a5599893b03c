"""pytest-xdist: each worker checks what it ran, the controller puts it together, and a worker that dies is told."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.integration.suite import UNLIMITED, short

pytest.importorskip("xdist", reason="pytest-xdist is not installed")

TILL = """
class Receipt:
    pass

receipts = []

def sell():
    receipts.append(Receipt())
"""

TESTS = """
import pytest
import till

@pytest.mark.xdist_group("{name}")
class Test{name}:
    def test_{name}_sells(self):
        till.sell()

    def test_{name}_counts(self):
        assert till.receipts is not None

@pytest.mark.xdist_group("{name}")
def test_{name}_sells_more():
    till.sell()

@pytest.mark.xdist_group("{name}")
@pytest.mark.parametrize("number", [1, 2])
def test_{name}_looks(number):
    assert number
"""

NAMES = ("north", "south")
LEAKING = {f"test_{name}_{what}" for name in NAMES for what in ("sells", "sells_more")}
ALL = {f"test_{name}_{what}" for name in NAMES for what in ("sells", "counts", "sells_more", "looks[1]", "looks[2]")}


@pytest.fixture(scope="module")
def shop(make_suite):
    """Two files whose tests share one leak."""
    suite = make_suite()
    suite.write("till.py", TILL)
    suite.write("pytest.ini", "[pytest]\nmarkers = xdist_group: known without xdist, too\n")
    for name in NAMES:
        suite.write(f"test_{name}.py", TESTS.format(name=name))
    return suite


def seen(run):
    """How often each test is in the report; with ``--dist loadgroup`` their node ids end in the group."""
    return Counter(short(test["nodeid"]).partition("@")[0] for test in run.report["tests"])


def failing_entries(run):
    return [line for line in run.lines if line.startswith("LEAK ") and " - +" in line]


@pytest.mark.parametrize("mode", ["load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_in_every_mode_all_is_there_once(shop, mode):
    # Nothing fails, so -x stops nothing: neither the run nor, in pass 2, the search for the second leaking test.
    run = shop.run("-n2", f"--dist={mode}", "-x", UNLIMITED)

    assert seen(run) == dict.fromkeys(ALL, 1)
    assert {test["worker"] for test in run.report["tests"]} == {"gw0", "gw1"}
    (leak,) = run.leaks
    assert {short(witness).partition("@")[0] for witness in leak["witnesses"]} == LEAKING
    assert leak["retainers"][0]["root"] == "till.receipts"
    verdicts = {name.partition("@")[0]: verdict for name, verdict in run.verdicts.items()}
    assert verdicts == {name: "leak" if name in LEAKING else "clean" for name in ALL}
    assert run.code == run.report["session"]["exit_status"] == 1
    assert len(failing_entries(run)) == 1
    assert run.outcomes == {"failed": 1, "passed": 10}
    assert "memguard: 1 leak in 10 tests" in run.out
    assert run.quiet, run.out


LISTENER = """
def pytest_collectreport(report):
    with open("collected.txt", "a") as told:
        print(repr(report.nodeid), report.outcome, file=told)
"""


def test_no_other_plugin_sees_what_a_worker_has_proved(shop):
    shop.write("conftest.py", LISTENER)
    run = shop.run("-n2", UNLIMITED)
    heard = (shop.path / "collected.txt").read_text().splitlines()
    (shop.path / "collected.txt").unlink()
    shop.run("-n2", memguard=False)

    assert len(run.leaks) == 1
    assert Counter(heard) == Counter((shop.path / "collected.txt").read_text().splitlines())


def test_where_each_worker_runs_everything_it_is_still_one_leak(shop):
    run = shop.run("--dist=each", "--tx=2*popen", UNLIMITED)

    assert seen(run) == dict.fromkeys(ALL, 2)
    assert len({(test["nodeid"], test["worker"]) for test in run.report["tests"]}) == 20
    (leak,) = run.leaks
    assert Counter(map(short, leak["witnesses"])) == dict.fromkeys(LEAKING, 1)
    assert len(failing_entries(run)) == 1
    assert run.code == 1
    assert run.outcomes == {"failed": 1, "passed": 20}


@pytest.mark.parametrize("args", [("-p", "no:xdist"), ("--dist=load",)], ids=" ".join)
def test_without_workers_it_is_a_run_in_one_process(shop, args):
    run = shop.run(*args, "-k", "north", UNLIMITED)

    assert {test["worker"] for test in run.report["tests"]} == {"main"}
    assert run.names("leak") == {"test_north_sells", "test_north_sells_more"}
    assert run.outcomes == {"failed": 1, "passed": 5, "deselected": 5}
    assert run.code == 1
    assert run.quiet, run.out


# -- runs that stop


def test_x_with_a_failure_ends_as_it_would_have(suite):
    suite.write("test_a.py", "def test_fails(): assert 0\n")
    suite.write("test_b.py", "kept = []\ndef test_leaks(): kept.append([1])\n")
    plain = suite.run("-n2", "-x", "--dist=loadfile", memguard=False)
    run = suite.run("-n2", "-x", "--dist=loadfile", UNLIMITED)

    assert run.code == plain.code
    assert seen(run)["test_fails"] == 1
    assert run.tests["test_fails"]["outcome"] == "failed"
    assert run.verdict("test_fails")[0] == "unchecked"
    assert max(seen(run).values()) == 1
    # The other worker may have been stopped before its test or after it.
    assert len(failing_entries(run)) == len(run.leaks) <= 1
    assert run.quiet, run.out


# -- workers that die

# Large: what xdist tells the workers when one has died moves a few blocks, too.
LARGE = """
kept = []

def test_leaks():
    kept.append([[number] for number in range(100)])
"""

CRASH = f"""
import os
{LARGE}

def test_beside_the_leak(): pass

def test_before(): pass

def test_dies():
    os._exit(3)

def test_after(): pass
"""


def test_a_worker_that_dies_in_a_test_is_told_and_the_rest_is_checked(suite):
    # xdist gives the first two tests to one worker and the next two to the other.
    suite.write("test_crash.py", CRASH)
    run = suite.run("-n2", "--dist=load", UNLIMITED)

    assert "crashed while running 'test_crash.py::test_dies'" in run.out
    assert run.code == 1
    assert run.outcomes == {"failed": 2, "passed": 4}
    assert seen(run) == dict.fromkeys(
        ["test_leaks", "test_beside_the_leak", "test_before", "test_dies", "test_after"], 1
    )
    dead = run.tests["test_dies"]["worker"]
    assert run.verdict("test_before") == run.verdict("test_dies")
    assert run.verdict("test_before") == ("unchecked", f"worker {dead} died before it could report")
    assert run.tests["test_before"]["worker"] == dead
    # The one that killed it has failed, so nobody expects it to be checked.
    assert run.tests["test_dies"]["outcome"] == "error"
    assert "1 test not checked" in run.out
    assert run.verdict("test_after") == run.verdict("test_beside_the_leak") == ("clean", None)
    assert run.leak("test_leaks")["gates"]
    assert len(failing_entries(run)) == 1
    (warning,) = run.report["warnings"]
    assert warning.startswith(f"worker {dead} died while running test_crash.py::test_dies (call): ")
    assert warning.endswith(" resident; its 2 tests are not checked")
    assert f"warning: worker {dead} died while running" in run.out
    # With the failure of that test, where people look first.
    assert f"worker '{dead}' crashed while running" in run.out
    assert (
        f"worker {dead} died while running test_crash.py::test_dies (call): "
        in run.out.partition("memguard: 1 leak")[0]
    )
    assert run.quiet, run.out


SECOND = """
import os

runs = []

def test_before(): pass

def test_dies_when_repeated():
    runs.append(1)
    if len(runs) == 2:
        os._exit(3)
"""


def test_a_worker_that_dies_in_a_repetition_fails_no_test(suite):
    suite.write("test_a.py", SECOND)
    suite.write("test_b.py", LARGE)
    run = suite.run("-n2", "--dist=loadfile", UNLIMITED)

    assert run.outcomes == {"failed": 1, "passed": 3}
    assert {name: test["outcome"] for name, test in run.tests.items()} == dict.fromkeys(seen(run), "passed")
    dead = run.tests["test_before"]["worker"]
    reason = f"worker {dead} died before it could report"
    assert run.verdict("test_before") == run.verdict("test_dies_when_repeated") == ("unchecked", reason)
    assert run.names("leak") == {"test_leaks"}
    (warning,) = run.report["warnings"]
    assert warning.startswith(f"worker {dead} died while running test_a.py::test_dies_when_repeated (repetition 1): ")
    assert warning.endswith("; its 2 tests are not checked")
    assert run.code == 1


PROVES = """
import os

runs = []
kept = []

def test_leaks():
    kept.append(bytearray(5000))

def test_dies_when_repeated():
    runs.append(1)
    if len(runs) == 2:
        os._exit(3)
"""


def test_what_a_worker_has_proved_before_it_dies_is_reported(suite):
    suite.write("test_a.py", PROVES.partition("def test_dies")[0])
    suite.write("test_b.py", PROVES.replace("def test_leaks", "def leaks"))
    suite.write("test_c.py", "def test_other(): pass")
    run = suite.run("-n1", UNLIMITED)

    assert run.quiet, run.out
    assert run.outcomes == {"failed": 1, "passed": 3}
    leak = run.leak("test_leaks")
    assert leak["notes"][-1] == "worker gw0 has proved this, and died before it could report"
    assert (leak["gates"], leak["sites"][0]["file"]) == (True, "test_a.py")
    assert run.verdict("test_leaks") == ("leak", None)
    assert run.verdict("test_other") == ("unchecked", "worker gw0 died before it could report")
    assert len(run.leaks) == len(failing_entries(run)) == 1
    assert run.code == 1


INTERRUPTS = """
import os, signal, time

runs = []

def test_interrupts_when_repeated():
    runs.append(1)
    if len(runs) == 2:
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)
"""


def test_what_a_worker_has_proved_when_the_run_is_interrupted_is_reported(suite):
    suite.write("test_a.py", PROVES.partition("def test_dies")[0])
    suite.write("test_b.py", INTERRUPTS)
    run = suite.run("-n1", UNLIMITED)

    assert run.leak("test_leaks")["notes"][-1] == "worker gw0 has proved this, and was stopped before it could report"
    assert len(run.leaks) == len(failing_entries(run)) == 1
    assert run.code == 2
    assert run.report["session"]["checked"] == len(run.names("leak")) == 1
    assert run.report["session"]["checking_cost_s"] > 0


IN_VAIN = """
import os, pathlib, signal, time

runs = []

def test_works_on():
    runs.append(1)
    pathlib.Path(f"run {len(runs)}").touch()
    if len(runs) == int(os.environ["INTERRUPT_IN_RUN"]):
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(4.5)  # of the five seconds that execnet gives to what it ends
        pathlib.Path("in vain").touch()
"""


@pytest.mark.parametrize(("number", "left"), [("1", ["in vain", "run 1"]), ("2", ["run 1", "run 2"])])
def test_nothing_is_repeated_for_a_controller_that_was_interrupted(suite, number, left):
    suite.write("test_a.py", IN_VAIN)
    run = suite.run("-n1", UNLIMITED, env={"INTERRUPT_IN_RUN": number})

    assert run.code == 2
    assert sorted(path.name for path in suite.path.iterdir() if " " in path.name) == left


KILLED = """
import os, signal, time
import pytest

kept = []
runs = []

@pytest.mark.parametrize("number", range(8))
def test_before(number): time.sleep(0.01)

@pytest.mark.xdist_group("one")
def test_killed():
    runs.append(1)
    kept.append(bytearray(20_000_000))
    if len(runs) == int(os.environ["KILL_IN_RUN"]):
        os.kill(os.getpid(), signal.SIGKILL)

@pytest.mark.parametrize("number", range(8))
def test_after(number): time.sleep(0.01)
"""

ARGUMENTS = {
    "pass 1, restarted": ("1", ("-n4", "--dist=worksteal")),
    "pass 2, restarted": ("2", ("-n4", "--dist=loadgroup")),
    "pass 1, not restarted": ("1", ("-n4", "--maxprocesses=2", "--max-worker-restart=0")),
    "pass 2, not restarted, -x": ("2", ("-n4", "--dist=loadfile", "--max-worker-restart=0", "-x")),
}


@pytest.mark.parametrize(("number", "arguments"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_where_a_worker_is_killed_the_run_ends_and_tells_all_that_is_known(suite, number, arguments):
    suite.write("pytest.ini", "[pytest]\nmarkers = xdist_group: known without xdist, too\n")
    suite.write("test_killed.py", KILLED)
    run = suite.run(*arguments, UNLIMITED, env={"KILL_IN_RUN": number})

    assert run.quiet, run.out
    assert run.code == (1 if number == "1" else 0)
    every = {"test_killed", *(f"test_{when}[{i}]" for when in ("before", "after") for i in range(8))}
    known = {name.partition("@")[0] for name in seen(run)}
    assert known == every if "--max-worker-restart=0" not in arguments or number == "2" else "test_killed" in known
    dead = {test["worker"] for test in run.report["tests"] if short(test["nodeid"]).startswith("test_killed")}
    for test in run.report["tests"]:
        told = ("unchecked", f"worker {test['worker']} died before it could report")
        assert (test["verdict"], test["reason"]) == (told if test["worker"] in dead else ("clean", None))
    for worker in dead:
        (warning,) = [line for line in run.report["warnings"] if line.startswith(f"worker {worker} died while running")]
        assert "test_killed.py::test_killed" in warning
        assert "ended by SIGKILL" in warning
