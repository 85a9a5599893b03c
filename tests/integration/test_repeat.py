"""A repetition finds what a first run finds, and leaves nothing of itself in pytest: what that rests on, by piece.

Each piece is private to pytest or Hypothesis; where one of them changes, a test here says which.
"""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.integration.suite import UNLIMITED

# Tests write down what they find: the name of what is noted, and a value, in every run of theirs.
CONFTEST = """
import json, os

import pytest

ROOT = os.path.dirname(os.path.abspath(__file__))

def note(name, value):
    with open(os.path.join(ROOT, "notes"), "a") as file:
        file.write(json.dumps([name, value]) + "\\n")
"""


class Notes(dict):
    """What the tests of a suite wrote down: a list of values by name, in order."""

    def __init__(self, suite):
        super().__init__()
        for line in (suite.path / "notes").read_text(encoding="utf-8").splitlines():
            name, value = json.loads(line)
            self.setdefault(name, []).append(value)

    def always(self, name):
        """The one value that was noted in the first run and in each repetition, of which there are some."""
        values = self[name]
        assert len(values) >= 2, (name, values)
        assert all(value == values[0] for value in values), (name, values)
        return values[0]


def checked(suite, **files):
    """The run of a suite of which all tests are clean."""
    suite.write("conftest.py", CONFTEST + files.pop("conftest", ""))
    for name, text in files.items():
        suite.write(f"{name}.py", text)
    run = suite.run(UNLIMITED, "-p", "no:cacheprovider")
    assert run.code == 0, run.out
    assert set(run.verdicts.values()) == {"clean"}, run.out
    assert run.quiet, run.out
    return run


# -- temporary folders

FOLDERS = """
import os
import signal

import pytest
from conftest import note

pytestmark = pytest.mark.memguard(runs=3)

def look(name, folder):
    note(name, [folder.name, sorted(os.listdir(folder))])
    (folder / "file").write_text("x")
    (folder / "sub").mkdir()
    (folder / "sub" / "more").write_text("x")

def test_own(tmp_path):
    look("own", tmp_path)

@pytest.mark.parametrize("name", ["a", "b"])
def test_parametrized(tmp_path, name):
    look(name, tmp_path)

def test_several(tmp_path, tmp_path_factory):
    look("first", tmp_path)
    look("second", tmp_path_factory.mktemp("box"))
    look("third", tmp_path_factory.mktemp("box"))
    look("plain", tmp_path_factory.mktemp("plain", numbered=False))

def test_old_style(tmpdir):
    note("tmpdir", [tmpdir.basename, len(tmpdir.listdir())])
    tmpdir.join("file").write("x")

def test_goes_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open("file", "x").close()

def test_link(tmp_path, tmp_path_factory):
    (tmp_path / "link").symlink_to(os.path.dirname(__file__))
"""

WIDER = """
import os
import signal

import pytest
from conftest import note

@pytest.fixture(scope="session")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    (folder / "goods").write_text("tea")
    yield folder
    note("store at the end", sorted(os.listdir(folder)))

@pytest.fixture(scope="module")
def shelf(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "top").write_text((store / "goods").read_text())
    yield folder
    note("shelf at the end", sorted(os.listdir(folder)))

@pytest.fixture(scope="class")
def box(tmp_path_factory):
    folder = tmp_path_factory.mktemp("box")
    (folder / "lid").touch()
    return folder

def test_before(tmp_path):
    (tmp_path / "x").touch()

@pytest.mark.parametrize("number", [1, 2, 3])
def test_reads(store, shelf, tmp_path, number):
    note("reads", [(store / "goods").read_text(), (shelf / "top").read_text(), os.listdir(tmp_path)])
    (tmp_path / "copy").write_text("x")

class TestBox:
    def test_lid(self, box, tmp_path):
        note("box", [box.name, os.listdir(box)])
        (tmp_path / "x").touch()

    def test_lid_again(self, box, shelf):
        note("box", [box.name, os.listdir(box)])
        assert (shelf / "top").exists()

def test_without(tmp_path): pass
"""

AFTER = """
import os
import signal

def pytest_collection_finish(session):
    factory = session.config._tmp_path_factory
    note("base", str(factory.getbasetemp()))
    note("numbers", factory.mktemp("run").name)

def pytest_sessionfinish(session):
    factory = session.config._tmp_path_factory
    note("base", str(factory.getbasetemp()))
    for name in ("run", "box"):
        note("numbers", factory.mktemp(name).name)
    note("left", sorted(os.listdir(factory.getbasetemp())))
    folder = factory.getbasetemp() / "test_own0"
    note("kept", sorted(os.listdir(folder)) if folder.exists() else None)
"""


@pytest.fixture(scope="module")
def folders(make_suite):
    suite = make_suite()
    checked(suite, test_folders=FOLDERS, test_more=WIDER, conftest=AFTER)
    return Notes(suite)


def test_a_test_finds_its_folder_empty_and_under_the_same_name(folders):
    for name, folder in {
        "own": "test_own0",
        "a": "test_parametrized_a_0",
        "b": "test_parametrized_b_0",
        "first": "test_several0",
        "plain": "plain",
    }.items():
        assert folders.always(name) == [folder, []]
    assert folders.always("tmpdir") == ["test_old_style0", 0]


def test_numbered_folders_that_a_test_makes_are_apart(folders):
    for second, third in zip(folders["second"], folders["third"], strict=True):
        assert second[1] == third[1] == []
        assert second[0] != third[0]
    # In repetitions the count begins anew each time.
    assert folders["second"][1:] == [["box0", []]] * (len(folders["second"]) - 1)


def test_folders_of_wider_fixtures_stay_as_long_as_the_fixture(folders):
    assert folders.always("reads") == ["tea", "tea", []]
    assert folders.always("store at the end") == ["goods"]
    assert folders.always("shelf at the end") == ["top"]
    assert [files for _, files in folders["box"]] == [["lid"]] * len(folders["box"])


def test_the_base_of_folders_and_their_numbers_are_put_back(folders):
    assert folders.always("base")
    # The tests have made three of the name "box" in the run itself.
    assert folders["numbers"] == ["run0", "run1", "box3"]


def test_the_folders_of_the_run_itself_are_untouched_and_no_others_left(folders):
    assert folders["kept"] == [["file", "sub"]]
    (left,) = folders["left"]
    assert not [name for name in left if name.startswith("_")]
    assert {"test_own0", "shelf0", "store0", "run0", "run1"} <= set(left)


# -- Hypothesis

PROPERTIES = """
import unittest

from conftest import note
from hypothesis import given, settings, strategies as st

@settings(max_examples=30)
@given(st.integers())
def test_function(number):
    assert number == number

class TestClass:
    @given(st.integers())
    @settings(max_examples=5)
    def test_method(self, number):
        assert not hasattr(self, "seen") or self.seen < 5
        self.seen = getattr(self, "seen", 0) + 1

    @given(st.text(max_size=3))
    def test_plain_settings(self, text):
        assert len(text) <= 3

class Case(unittest.TestCase):
    @given(st.booleans())
    @settings(max_examples=3)
    def test_of_a_case(self, flag):
        self.assertIn(flag, (True, False))
"""

SETTINGS = """
before = []

def settings_of(item):
    function = getattr(getattr(item.parent.obj, item.originalname), "__func__", None)
    function = function or getattr(item.parent.obj, item.originalname)
    return function._hypothesis_internal_use_settings

def pytest_collection_finish(session):
    before.extend(settings_of(item) for item in session.items)

def pytest_sessionfinish(session):
    note("same", [settings_of(item) is settings for item, settings in zip(session.items, before)])
    note("most", [settings_of(item).max_examples for item in session.items])
    note("health", [len(settings_of(item).suppress_health_check) for item in session.items])

def pytest_runtest_teardown(item):
    note("runs", item.name)
"""


def test_properties_are_repeated_and_keep_their_settings(suite):
    pytest.importorskip("hypothesis", reason="hypothesis is not installed")
    checked(suite, test_properties=PROPERTIES, conftest=SETTINGS)
    notes = Notes(suite)

    for name in ("test_function", "test_method", "test_plain_settings", "test_of_a_case"):
        assert notes["runs"].count(name) >= 2
    assert notes["same"] == [[True] * 4]
    assert notes["most"] == [[30, 5, 100, 3]]
    assert notes["health"] == [[0] * 4]


# -- what pytest keeps on a test

STATE = """
import unittest

import pytest
from conftest import note

pytestmark = pytest.mark.memguard(runs=3)

class TestInstances:
    @pytest.fixture(autouse=True)
    def prepared(self):
        self.basket = []
        note("instance", sorted(vars(self)))
        self.mark = 1

    def setup_method(self):
        note("setup_method", sorted(vars(self)))
        self.from_setup = 1

    def test_one(self, request):
        self.basket.append("tea")
        note("basket", self.basket)
        note("request", request.instance is self)

    @pytest.mark.parametrize("number", [1, 2])
    def test_two(self, number):
        self.basket.append(number)
        note("basket of two", len(self.basket))

class Case(unittest.TestCase):
    def test_case(self):
        note("case", hasattr(self, "seen"))
        self.seen = True

runs = [0]

def test_properties(record_property, request, capsys, caplog):
    record_property("sum", 3)
    request.node.add_report_section("call", "bill", "paid")
    request.node.add_marker(pytest.mark.skipif(False, reason="never"))
    request.node.extra_keyword_matches.add("extra")
    request.node.stash[pytest.StashKey()] = "of this run"
    runs[0] += 1
    request.node.keywords[f"run {runs[0]}"] = "red"
    note("properties", len(request.node.user_properties))
    note("sections", len(request.node._report_sections))
    print("printed")

def test_finalizer(request):
    request.addfinalizer(lambda: note("finalizer", 1))

@pytest.fixture
def resource(request):
    yield {}

def test_fixture_is_fresh(resource):
    note("resource", resource)
    resource["used"] = 1

@pytest.fixture(scope="module")
def shared():
    note("shared", "opens")
    yield []
    note("shared", "closes")

def test_uses_shared(shared, request):
    request.getfixturevalue("resource")

def test_uses_shared_too(shared): pass
"""

LOOK = """
def pytest_sessionfinish(session):
    for item in session.items:
        note("tests", item.name)
        sections = [section[:2] for section in item._report_sections]
        note("item", [item.name, sections, item.user_properties, len(item.own_markers)])
        note("item", [item.name, len(item.stash._storage), [key for key in item.keywords if key.startswith("run ")]])
    note("stack", [str(node) for node in session._setupstate.stack])
    note("reports", len(session.config.pluginmanager.getplugin("terminalreporter").stats.get("passed", [])))
    note("collected", [session.testscollected, session.testsfailed])
"""


@pytest.fixture(scope="module")
def states(make_suite):
    """What tests of all sorts found in each of their runs, and what was kept of them after memguard."""
    suite = make_suite()
    checked(suite, test_state=STATE, conftest=LOOK)
    return Notes(suite), suite


def test_each_repetition_has_a_new_instance(states):
    notes, _ = states
    assert notes.always("setup_method") == []
    assert notes.always("instance") == ["basket", "from_setup"]
    assert notes.always("basket") == ["tea"]
    assert notes.always("basket of two") == 1
    assert notes.always("request") is True
    assert notes.always("case") is False


def test_each_repetition_finds_the_test_as_it_was(states):
    notes, _ = states
    assert notes.always("resource") == {}
    assert notes.always("finalizer") == 1


def test_what_a_test_adds_to_itself_is_not_there_twice(states):
    notes, suite = states
    (suite.path / "notes").unlink()
    suite.run("-p", "no:cacheprovider", memguard=False)
    plain = Notes(suite)
    assert notes["item"] == plain["item"]
    assert ["run 1"] in [item[2] for item in plain["item"]]


def test_what_a_test_adds_to_itself_does_not_add_up(states):
    notes, _ = states
    for name in ("properties", "sections"):
        first, *again = notes[name]
        assert len(again) >= 3
        assert set(again) == {again[0]}
        assert again[0] <= 3 * first


def test_fixtures_of_a_module_are_opened_and_closed_in_turns(states):
    notes, _ = states
    turns = notes["shared"]
    assert len(turns) >= 4
    assert turns == ["opens", "closes"] * (len(turns) // 2)


def test_pytest_is_left_with_nothing_set_up_and_one_report_a_test(states):
    notes, _ = states
    assert notes["stack"] == [[]]
    assert notes["reports"] == [len(notes["tests"])]
    assert notes["collected"] == [[len(notes["tests"]), 0]]


def test_what_is_recorded_for_the_junit_file_is_no_leak(suite):
    pytest.importorskip("hypothesis", reason="hypothesis is not installed")
    suite.write(
        "test_records.py",
        """
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=3)
        @given(st.integers())
        def test_property(number): pass

        def test_records(record_testsuite_property):
            record_testsuite_property("till", 4)
        """,
    )
    run = suite.run(UNLIMITED, "--junitxml=junit.xml")

    assert run.verdicts == {"test_property": "clean", "test_records": "clean"}
    assert run.leaks == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may remove everything")
def test_a_read_only_folder_goes_too(suite):
    test = """
    import pytest
    from conftest import note

    @pytest.mark.memguard(runs=3)
    def test_read_only(tmp_path):
        note("name", tmp_path.name)
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "file").touch()
        (tmp_path / "sub").chmod(0o500)
    """
    checked(suite, test_read_only=test, conftest=AFTER)
    notes = Notes(suite)

    assert notes.always("name") == "test_read_only0"
    assert not [name for name in notes["left"][0] if name.startswith("_")]


def test_names_of_modules_that_a_test_makes_up_are_no_leak(suite):
    suite.write(
        "test_imports.py",
        """
        import importlib, itertools, sys

        numbers = itertools.count()

        def test_imports(tmp_path, monkeypatch):
            name = f"made_up_{next(numbers)}"
            (tmp_path / f"{name}.py").write_text("value = 1")
            monkeypatch.syspath_prepend(tmp_path)
            assert importlib.import_module(name).value == 1
            del sys.modules[name]
        """,
    )
    run = suite.run(UNLIMITED)

    assert run.leaks == []
    assert run.verdict("test_imports")[0] != "leak"


# -- output and signals

LOUD = """
import os, subprocess, sys, warnings

import pytest

@pytest.fixture(scope="module")
def loud_module():
    print("module fixture up")
    yield
    print("module fixture down")

def test_prints(loud_module):
    print("printed")
    print("printed to stderr", file=sys.stderr)
    os.write(1, b"written\\n")
    subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)

def test_shows_it_at_once(capsys):
    with capsys.disabled():
        print("shown at once")

def test_reads_what_it_printed(capsys, capfd):
    pass

def test_reads(capfd):
    os.write(1, b"to the descriptor\\n")
    print("and by name")
    assert capfd.readouterr().out.split("\\n")[0] in ("to the descriptor", "and by name")

_kept = []

def test_leaks():
    print("printed while leaking")
    _kept.append(object())
"""

LOUD_HOOK = """
def pytest_memguard_suspect(suspect):
    print("SUSPECT", suspect.nodeid)
"""


@pytest.mark.parametrize("capture", ["fd", "sys"])
def test_repetitions_print_nothing_and_hooks_do(suite, capture):
    source = LOUD.replace("def test_reads_what_it_printed(capsys, capfd):\n    pass\n\n", "")
    source = (
        source
        if capture == "fd"
        else source.replace('os.write(1, b"', 'sys.stdout.write("')
        .replace('subprocess.run([sys.executable, "-c", "print(\'by a child\')"], check=True)', "pass")
        .replace("capfd", "capsys")
    )
    suite.write("test_loud.py", source)
    suite.write("conftest.py", LOUD_HOOK)
    run = suite.run(UNLIMITED, "-rN", "--no-summary", f"--capture={capture}")

    assert run.names("leak") == {"test_leaks"}
    assert run.out.count("shown at once") == 1
    assert run.out.count("SUSPECT test_loud.py::test_leaks") == 1
    assert not [word for word in ("printed", "written", "by a child", "module fixture") if word in run.out], run.out


def test_the_report_of_a_failing_test_has_its_own_output_only(suite):
    suite.write(
        "test_output.py",
        """
        def test_first():
            print("of the first")

        def test_fails():
            print("of the second")
            assert False
        """,
    )
    run = suite.run(UNLIMITED)
    assert run.out.count("of the second") == 2  # in the line that prints it, too
    assert "of the first" not in run.out


SIGNALS = """
import signal

from conftest import note

def ring(*_):
    pass

def test_uses_the_alarm():
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 5)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)

def test_plain(): pass
"""

AFTER_SIGNALS = """
import signal

def pytest_unconfigure():
    note("handler", signal.getsignal(signal.SIGALRM) == signal.SIG_DFL)
    note("timer", signal.getitimer(signal.ITIMER_REAL))
"""

needs_alarm = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there is no alarm signal here")


@needs_alarm
def test_the_alarm_signal_is_given_back(suite):
    checked(suite, test_signals=SIGNALS, conftest=AFTER_SIGNALS)
    notes = Notes(suite)
    assert notes["handler"] == [True]
    assert notes["timer"] == [[0.0, 0.0]]


@needs_alarm
@pytest.mark.parametrize("number", [1, 3])
def test_a_repetition_that_hangs_is_stopped(suite, number):
    suite.write(
        "test_hangs.py",
        f"""
        import array, time

        import pytest

        runs = array.array("q", [0])

        def test_before(): pass

        @pytest.mark.memguard(runs={number})
        def test_hangs():
            runs[0] += 1
            if runs[0] > {number}:
                time.sleep(1000)

        _kept = []

        def test_leaks():
            _kept.append(object())
        """,
    )
    suite.write("conftest.py", "import pytest_memguard.agenda\npytest_memguard.agenda._LEAST_PATIENCE_S = 0.3\n")
    run = suite.run(UNLIMITED)
    assert run.verdict("test_hangs")[0] == "inconclusive"
    assert "took many times longer" in run.verdict("test_hangs")[1]
    assert run.names("leak") == {"test_leaks"}


def test_a_test_case_costs_no_cycle_of_a_setup_that_does_nothing(suite):
    suite.write(
        "test_cases.py",
        """
        import unittest

        kept = []

        class TestPlain(unittest.TestCase):
            def test_plain(self):
                pass

        class TestOwn(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                kept.append(bytearray(100))

            def test_own(self):
                pass
        """,
    )
    suite.write(
        "conftest.py",
        """
        setups = {"TestPlain": 0, "TestOwn": 0}

        def pytest_fixture_setup(fixturedef):
            for name in setups:
                setups[name] += name in fixturedef.argname

        def pytest_unconfigure():
            print("setups:", *setups.values())
        """,
    )
    run = suite.run(UNLIMITED)
    plain, own = (int(n) for n in next(line for line in run.lines if line.startswith("setups:")).split()[1:])
    assert plain in (2, 3)  # in the run, once for all repetitions, and once more where the first frees something
    assert own > 30
    assert run.leaks[0]["fixture"] == "setUpClass"


LEAVES_STREAMS = """
import os, sys

AT_IMPORT = sys.stdout

def test_leaves_a_closed_stream(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", sys.stderr)

def test_leaves_a_closed_descriptor():
    if CAPTURES_DESCRIPTORS:
        os.close(1)

def test_meets_them():
    assert sys.stdout is AT_IMPORT
    print("printed")
    if CAPTURES_DESCRIPTORS:
        os.write(1, b"written")
"""


@pytest.mark.parametrize("capture", ["fd", "sys"])
def test_streams_that_a_test_leaves_behind_do_not_meet_the_next(suite, capture):
    suite.write("test_streams.py", LEAVES_STREAMS.replace("CAPTURES_DESCRIPTORS", str(capture == "fd")))
    run = suite.run(UNLIMITED, f"--capture={capture}")
    assert run.verdicts == dict.fromkeys(run.verdicts, "clean")
    assert run.outcomes == {"passed": 3}
    assert "printed" not in run.out
    assert "written" not in run.out
