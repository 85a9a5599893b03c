"""A run with memguard on is the run that it would have been; and with memguard off nothing of it is there."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET

import pytest

from tests.integration.suite import UNLIMITED, Suite

CONFTEST = """
import atexit, gc, json, logging, os, random, signal, sys, threading, tracemalloc, warnings

import pytest

def state():
    handlers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1)
    return {
        "environment": dict(os.environ),
        "directory": os.path.basename(os.getcwd()),
        "random": repr(random.getstate()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "fds": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None,
        "signals": [str(signal.getsignal(number)) for number in handlers],
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "gc": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), len(gc.callbacks), gc.get_debug()],
        "hooks": [sys.gettrace(), sys.getprofile(), threading._trace_hook, threading._profile_hook,
                  sys.excepthook is sys.__excepthook__, sys.unraisablehook is sys.__unraisablehook__],
        "tracing": tracemalloc.is_tracing(),
        "streams": [sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
        "logging": [logging.getLogger().level, len(logging.getLogger().handlers), logging.raiseExceptions],
        "warnings": len(warnings.filters),
        "recursion": sys.getrecursionlimit(),
        "path": [part for part in sys.path if "suite" in part],
        "umask": _umask(),
    }

def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask

@atexit.register
def write_down_how_the_process_is_left():
    with open(os.path.join(os.path.dirname(__file__), "state.json"), "w") as file:
        json.dump(state(), file, default=repr)

def pytest_runtest_setup(item):
    print("setup of", item.name)

@pytest.fixture
def broken_start():
    raise LookupError("no server")

@pytest.fixture
def broken_end():
    yield
    print("the end is near")
    raise LookupError("server gone")

@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    print("shop opens")
    folder = tmp_path_factory.mktemp("shop")
    yield folder
    print("shop closes")
    assert not list(folder.glob("*.order"))
"""

OUTPUT = """
import logging, os, sys, warnings
import pytest

log = logging.getLogger("till")

def test_prints():
    print("printed")
    print("to the other one", file=sys.stderr)
    os.write(1, b"past the stream\\n")
    log.warning("logged")

def test_prints_and_fails():
    print("printed before the failure")
    log.error("logged before the failure")
    assert [1, 2] == [1, 3]

def test_warns():
    warnings.warn("old till")
    warnings.warn("old paper", DeprecationWarning)

def test_warns_again():
    warnings.warn("old till")

@pytest.mark.filterwarnings("ignore:quiet")
def test_warnings_that_are_expected():
    warnings.warn("quiet please")
    with pytest.warns(UserWarning, match="loud"):
        warnings.warn("loud")

def test_capsys(capsys):
    print("caught")
    assert capsys.readouterr().out == "caught\\n"
    print("left over")

def test_capfd(capfd):
    os.write(2, b"caught below\\n")
    assert capfd.readouterr().err == "caught below\\n"

def test_caplog(caplog):
    with caplog.at_level("DEBUG"):
        log.debug("noticed")
    assert caplog.messages == ["noticed"]

def test_number_of_records(caplog, recwarn):
    assert (len(caplog.records), len(recwarn)) == (0, 0)

def test_properties(record_property, record_testsuite_property):
    record_property("sum", 3)
    record_testsuite_property("till", 4)

def test_an_error_that_nobody_catches():
    class Noisy:
        def __del__(self):
            raise ValueError("in the finalizer")
    Noisy()
"""

OUTCOMES = """
import unittest
import pytest

def test_skips():
    pytest.skip("closed today")

@pytest.mark.skipif(True, reason="never on Sundays")
def test_is_skipped(): pass

@pytest.mark.xfail(reason="bug 7")
def test_xfails():
    assert 0

@pytest.mark.xfail(reason="bug 8")
def test_xpasses(): pass

@pytest.mark.xfail(strict=True, reason="bug 9")
def test_xpasses_against_the_rule(): pass

def test_no_start(broken_start): pass

def test_no_end(broken_end): pass

def test_neither(broken_end):
    assert 0, "in the middle"

@pytest.mark.parametrize("price", [3, 1, 2])
def test_price(price, shop):
    print("price", price)
    assert price != 1

class TestTill:
    count = 0
    def test_first(self):
        type(self).count = 1
        self.mine = 1
    def test_second(self):
        assert self.count == 1 and not hasattr(self, "mine")

class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("class opens")
    def setUp(self):
        self.addCleanup(print, "cleaned up")
    def test_passes(self):
        self.assertTrue(True)
    def test_fails(self):
        self.assertEqual(1, 2)
    @unittest.skip("not yet")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_expected(self):
        self.fail()
    def test_subtests(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

def test_fails_only_when_it_is_run_again(runs=[]):
    runs.append(1)
    assert len(runs) == 1

def test_skips_only_when_it_is_run_again(runs=[]):
    runs.append(1)
    if len(runs) > 1:
        pytest.skip("once is enough")
"""

STATE = """
import gc, os, random, sys, tempfile, threading
import pytest

kept = []

class Order: pass

random.seed(4)

def test_keeps_an_order():
    kept.append(Order())

def test_draws():
    assert random.random() == 0.23604808973743452

def test_draws_and_shows():
    assert not random.random()

def test_folder(tmp_path):
    (tmp_path / "bill").write_text("3")
    assert (tmp_path.name, os.listdir(tmp_path)) == ("test_folder0", ["bill"])

def test_patches(monkeypatch):
    monkeypatch.setenv("TILL", "2")
    monkeypatch.setattr(os, "sep", "|")
    assert os.sep == "|"

def test_patches_are_gone():
    assert "TILL" not in os.environ and os.sep != "|"

def test_moves_elsewhere(tmp_path_factory):
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    os.environ["ELSEWHERE"] = "1"

def test_is_elsewhere():
    assert (os.path.basename(os.getcwd()), os.environ["ELSEWHERE"]) == ("elsewhere0", "1")
    sys.setrecursionlimit(1500)
    gc.set_threshold(500, 5, 5)

def test_knows_its_threads():
    worker = threading.Thread(target=print, args=("from a thread",))
    worker.start()
    worker.join()
    assert (worker.name, threading.active_count()) == ("Thread-1 (print)", 1)

def test_a_thread_that_dies():
    worker = threading.Thread(target=int, args=("x",), name="worker")
    worker.start()
    worker.join()

def test_files():
    reading, writing = os.pipe()
    os.write(writing, b"x")
    assert os.read(reading, 9) == b"x"
    os.close(reading)
    os.close(writing)

def test_a_file_that_nobody_closes():
    open(os.devnull)

def test_garbage_waits():
    assert gc.isenabled()
    gc.disable()

def test_garbage_still_waits():
    assert not gc.isenabled()
    gc.enable()
"""

# What the process is left with cannot be compared where a thread or a file is left behind by a test again and again.
BACK_HOME = """
import os

def test_goes_back_home(request):
    os.chdir(request.config.rootpath)
"""

FILES = {
    "conftest.py": CONFTEST,
    "test_a_output.py": OUTPUT,
    "test_b_outcomes.py": OUTCOMES,
    "test_c_state.py": STATE,
    "test_d_home.py": BACK_HOME,
}


@pytest.fixture(scope="module")
def shop(make_suite):
    """A suite that has a little of everything that pytest shows."""
    suite = make_suite()
    for name, text in FILES.items():
        suite.write(name, text)
    return suite


@pytest.fixture(scope="module")
def fresh(shop):
    """The output of the plain run, the cache and the files that it leaves."""
    return Left(shop, "-v", "-rA", memguard=False)


@pytest.fixture(scope="module")
def watched(shop, fresh):
    """The same of the run with memguard."""
    return Left(shop, "-v", "-rA", memguard=True)


class Left:
    """One run of a suite and what it leaves behind; it begins with the cache that is given, or without any."""

    def __init__(self, suite: Suite, *args: str, memguard: bool, cache: Left | None = None) -> None:
        folder = suite.path / ".pytest_cache"
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in {} if cache is None else cache.cached.items():
            suite.write(f".pytest_cache/{name}", text)
        ours = ("--memguard-fail-on=never", UNLIMITED) if memguard else ()
        self.run = suite.run(*ours, *args, memguard=memguard)
        # What memguard itself keeps for its next run is its own.
        files = {str(file.relative_to(folder)): file for file in sorted(folder.rglob("*")) if file.is_file()}
        self.cached = {name: file.read_text(encoding="utf-8") for name, file in files.items() if "memguard" not in name}
        state = suite.path / "state.json"
        self.state = json.loads(state.read_text(encoding="utf-8"))
        state.unlink()

    @property
    def text(self) -> str:
        """What was printed, without the section of memguard, times, and numbers that no two runs share."""
        lines, ours = [], False
        for line in self.run.lines:
            ours = line.startswith("memguard: ") or " memguard: " in line or (ours and not line.startswith("==="))
            if not ours:
                lines.append(line)
        return settled("\n".join(lines))


def settled(text):
    """The text without times, and without numbers that no two runs share: addresses, threads, temporary folders."""
    # The last line is filled up with "=" to the width.
    text = re.sub(r"^=+ (.* in [\d.]+s.*?) =+$", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r" in [\d.]+s\b( \([\d:]+\))?", " in 0s", text)
    text = re.sub(r"\b0x[0-9a-f]+|\b\d{12,}\b", "0x..", text)
    return re.sub(r"pytest-\d+\b", "pytest-N", text)


def test_everything_that_the_suite_shows_is_the_same(fresh, watched):
    assert watched.text == fresh.text
    assert watched.run.code == fresh.run.code == 1
    assert watched.run.outcomes == fresh.run.outcomes
    assert watched.run.quiet, watched.run.out


def test_the_suite_was_indeed_checked_and_shows_indeed_everything(fresh, watched):
    assert watched.run.names("leak") == {"test_keeps_an_order"}
    assert watched.run.leaks[0]["gates"] is False
    assert watched.run.report["session"]["repetitions"] > 30
    assert {"passed", "failed", "skipped", "xfailed", "xpassed", "errors", "warnings"} <= set(fresh.run.outcomes)
    for text in ("past the stream", "left over", "logged before", "old paper", "in the finalizer", "shop closes"):
        assert text in fresh.text


def test_the_cache_is_the_same(fresh, watched):
    assert watched.cached == fresh.cached
    assert "v/cache/lastfailed" in fresh.cached


def test_the_process_is_left_as_the_suite_leaves_it(fresh, watched):
    assert watched.state == fresh.state
    assert fresh.state["environment"]["ELSEWHERE"] == "1"


def test_the_report_has_the_outcomes_of_the_suite(fresh, watched):
    words = {"passed": "PASSED", "failed": "FAILED", "skipped": "SKIPPED", "xfailed": "XFAIL", "xpassed": "XPASS"}
    for name in ("test_prints", "test_prints_and_fails", "test_skips", "test_xfails", "test_xpasses"):
        outcome = watched.run.tests[name]["outcome"]
        assert re.search(rf"::{name} {words[outcome]}\b", fresh.text)


@pytest.mark.parametrize(
    "args",
    [
        ("-q", "-W", "error", "-p", "no:randomly"),
        ("--lf", "-ra"),
        ("-k", "price or warn or Case", "--tb=short"),
        ("--collect-only",),
    ],
    ids=" ".join,
)
def test_with_options_it_is_the_same_too(shop, fresh, args):
    plain = Left(shop, *args, memguard=False, cache=fresh)
    watched = Left(shop, *args, memguard=True, cache=fresh)

    assert watched.text == plain.text
    assert watched.run.code == plain.run.code
    assert watched.cached == plain.cached
    assert watched.run.quiet, watched.run.out


def test_the_junit_file_is_the_same(shop):
    Left(shop, "--junitxml=plain.xml", "-o", "junit_logging=all", memguard=False)
    Left(shop, "--junitxml=watched.xml", "-o", "junit_logging=all", memguard=True)

    assert junit(shop.path / "watched.xml") == junit(shop.path / "plain.xml")


def junit(file):
    """Elements of the file, without times."""
    return [
        (entry.tag, {k: settled(v) for k, v in entry.items() if "time" not in k}, settled(entry.text or ""))
        for entry in ET.parse(file).iter()  # noqa: S314 - written by the test
    ]


# -- off means off


INSIDE = """
import json, sys

def pytest_unconfigure(config):
    plugins = [type(plugin) for plugin in config.pluginmanager.get_plugins() if plugin is not None]
    found = {
        "modules": sorted(name for name in sys.modules if name.startswith("pytest_memguard")),
        "others": sorted({"psutil", "objgraph", "yaml"} & set(sys.modules)),
        "plugins": [str(each) for each in plugins if each.__module__.startswith("pytest_memguard")],
        "named": config.pluginmanager.hasplugin("memguard-session"),
    }
    with open("inside.json", "w") as file:
        json.dump(found, file)
"""

SMALL = """
import warnings
kept = []
def test_leaks():
    kept.append([1])
    warnings.warn("kept")
def test_fails():
    print("soon")
    assert 0
"""


@pytest.fixture(scope="module")
def small(make_suite):
    suite = make_suite()
    suite.write("conftest.py", INSIDE)
    suite.write("test_small.py", SMALL)
    return suite


def inside(suite):
    return json.loads((suite.path / "inside.json").read_text(encoding="utf-8"))


# What measures, repeats and judges.
ENGINE = (
    *("agenda", "bounds", "census", "check", "confirm", "diagnosis", "engine", "entries", "fixture", "gate", "grace"),
    *("growth", "guard", "judge", "probes", "progress", "prove", "repeat", "schedule", "session", "settle", "subjects"),
    *("history", "verdicts", "watch", "xdist", "report.terminal", "report.jsonfile"),
)


def test_off_nothing_is_registered_imported_or_shown(small):
    off = small.run(memguard=False)
    found = inside(small)
    # Where the plugin is not there at all.
    without = small.run("-p", "no:memguard", "-p", "no:pytest_memguard.plugin", memguard=False)

    assert found["plugins"] == []
    assert not found["named"]
    assert inside(small)["plugins"] == []
    assert found["others"] == inside(small)["others"]
    engine = [f"pytest_memguard.{name}" for name in ENGINE]
    assert not [name for name in found["modules"] if name.startswith(tuple(engine))]
    # The line that lists the plugins is the one that may differ.
    shown = [settled(re.sub(r"^plugins: .*\n", "", run.out, flags=re.MULTILINE)) for run in (off, without)]
    assert shown[0] == shown[1]
    assert off.code == without.code == 1


def test_on_the_same_look_inside_sees_the_engine(small):
    """So that the test above would notice."""
    small.run()
    found = inside(small)

    assert found["named"]
    assert "<class 'pytest_memguard.session.MemguardSession'>" in found["plugins"]
    for name in ENGINE:
        if name not in ("fixture", "history", "xdist"):
            assert f"pytest_memguard.{name}" in found["modules"]
    assert "psutil" in found["others"]


def test_switched_off_again_is_off(small):
    small.write("pytest.ini", "[pytest]\nmemguard = true\n")
    off = small.run("--no-memguard", memguard=False)
    (small.path / "pytest.ini").unlink()

    assert not inside(small)["named"]
    assert "memguard:" not in off.out
