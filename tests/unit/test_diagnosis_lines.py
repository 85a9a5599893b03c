"""Which line makes a number grow, from where in a test, and through which compiled modules."""

from __future__ import annotations

import sys
import types

import pytest

from pytest_memguard.diagnosis.extensions import used_by
from pytest_memguard.diagnosis.lines import Lines
from pytest_memguard.diagnosis.origins import Gauge, by_both, by_lines, by_phases
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.diagnosis.scenario import Scenario
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.stacks import Stacks
from pytest_memguard.model import Origin
from tests.unit.diagnosis_lab import laboratory, settle

APP = """
KEPT = []
TEXT = bytearray()

def put(value):
    KEPT.append(value)  # <-

def twice():
    put(1)
    KEPT.append(2)

def through_a_library():
    list(map(put, [3]))
    return sorted([1, 2], key=lambda n: KEPT and n)

def replaced():
    KEPT.append(4)
    KEPT.pop()
    put(5)

def generated():
    def numbers():
        yield 1
        put(6)
        yield 2
    return sum(numbers())

def failing():
    put(7)
    raise ValueError
"""


@pytest.fixture
def lab(tmp_path):
    with laboratory(tmp_path) as lab:
        yield lab


@pytest.fixture
def app(lab):
    return lab.module("app", APP)


def lines_of(lab, app):
    return Lines(lab.paths, app.KEPT.__len__)


@pytest.mark.parametrize("name", ["through_a_library", "generated"])
def test_the_line_that_makes_it_grow(lab, app, name):
    lines = lines_of(lab, app)
    lines.run(getattr(app, name))
    found = lines.most(1)
    assert found is not None
    assert found.place == (app.__file__, lab.marked_line("app"))
    assert found.by == 1
    assert found.frames[0] == found.place


def test_of_two_lines_the_one_that_accounts_for_all_is_it(lab, app):
    lines = lines_of(lab, app)
    lines.run(app.twice)
    assert lines.most(1) is None
    assert lines.most(2) is None


def test_earlier_repetitions_count_no_more(lab, app):
    lines = lines_of(lab, app)
    for _ in range(3):
        lines.run(app.generated)
    found = lines.most(1)
    assert found is not None
    assert found.by == 1


def test_a_line_that_does_not_account_for_the_growth_is_not_it(lab, app):
    lines = lines_of(lab, app)
    lines.run(app.replaced)
    assert lines.most(5) is None  # two lines add one each, and neither accounts for five


def test_tracing_ends_where_the_test_raises(lab, app):
    lines = lines_of(lab, app)
    with pytest.raises(ValueError, match=r"^$"):
        lines.run(app.failing)
    assert sys.gettrace() is None
    found = lines.most(1)
    assert found is not None
    assert found.place[1] == lab.marked_line("app")


def test_a_debugger_is_left_alone(lab, app):
    def debugger(_frame, _event, _arg):
        return None

    gauge = Gauge(read=app.KEPT.__len__, per_run=1)
    sys.settrace(debugger)
    try:
        traced = by_lines(Scenario(repeat=app.generated, settle=settle), gauge, lab.paths, Sources())
        grown = by_both(no_phases, app.KEPT.__len__, app.generated, lab.paths)
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(None)
    assert traced.site is None
    assert grown == ({}, None)


class no_phases:  # noqa: N801 - stands for a function
    """Nothing tells phases apart."""

    def __init__(self, _read):
        pass

    def __enter__(self):
        return {}

    def __exit__(self, *_exc_info):
        return None


class Watched:
    """Says of each repetition what it was told to say."""

    def __init__(self, grown):
        self.grown = grown
        self.reads = []

    def __call__(self, read):
        self.reads.append(read)
        return self

    def __enter__(self):
        return self.grown

    def __exit__(self, *exc_info):
        return None


SETUP, CALL, TEARDOWN = (Origin(phase=phase) for phase in ("setup", "call", "teardown"))


@pytest.mark.parametrize(
    ("grown", "expected"),
    [
        ({CALL: 3}, (CALL, True)),
        ({}, (None, False)),
        ({CALL: -1}, (None, False)),
        ({SETUP: 1, CALL: 2, TEARDOWN: -1}, (CALL, False)),
        ({SETUP: 1, CALL: 1}, (SETUP, False)),
    ],
)
def test_the_phase_that_grows_most(grown, expected):
    watched = Watched(grown)
    gauge = Gauge(read=int, per_run=1)
    assert by_phases(Scenario(repeat=list, settle=settle, watched=watched), gauge) == expected
    assert watched.reads == [int]


def test_without_a_gauge_nothing_is_repeated():
    watched = Watched({CALL: 1})
    assert by_phases(Scenario(repeat=pytest.fail, settle=settle, watched=watched), None) == (None, False)


def test_the_origin_of_frames_is_that_of_the_runner(lab, app):
    runner, case = sys.modules["_pytest.runner"], sys.modules["unittest"].TestCase
    here = (app.__file__, lab.marked_line("app"))
    fixtures = ("/somewhere/_pytest/fixtures.py", 10)
    setup = first_line(runner.pytest_runtest_setup)
    call = first_line(runner.pytest_runtest_call)
    teardown = first_line(runner.pytest_runtest_teardown)
    stacks = Stacks(lab.paths, Sources())

    assert stacks.origin([here, ("lib.py", 1), call]) == Origin(phase="call")
    assert stacks.origin([here, fixtures, setup]) == Origin(phase="setup", fixture="put")
    assert stacks.origin([here, fixtures, call]) == Origin(phase="call", fixture="put")
    assert stacks.origin([("lib.py", 1), here, ("lib.py", 2), fixtures, fixtures, teardown]) == Origin(
        phase="teardown", fixture="put"
    )
    assert stacks.origin([here, first_line(case._callSetUp), call]) == Origin(phase="setup")
    assert stacks.origin([here, first_line(case._callTearDown), call]) == Origin(phase="teardown")
    assert stacks.origin([here, ("lib.py", 1)]) is None
    assert stacks.origin([]) is None


def first_line(function):
    code = function.__code__
    return code.co_filename, next(line for _, _, line in code.co_lines() if line is not None)


def test_hooks_of_the_suite_itself_are_phases(lab):
    hooks = lab.module("hooks", "def pytest_runtest_teardown(item):\n    list()  # <-\n")
    stacks = Stacks(lab.paths, Sources())
    assert stacks.origin([(hooks.__file__, 2), ("pluggy.py", 3)]) == Origin(phase="teardown")


def codes_of(*functions):
    return {function.__code__: function.__globals__ for function in functions}


def test_compiled_modules_that_code_refers_to(lab, monkeypatch):
    fake = types.ModuleType("imaging")
    fake.__file__ = "/opt/lib/imaging.abi3.so"
    monkeypatch.setitem(sys.modules, "imaging", fake)
    app = lab.module(
        "native_app",
        """
        import ctypes
        import json
        import math
        import imaging
        encode = imaging

        def named(): return encode, math.pi, json
        def by_ctypes(): return ctypes.c_int
        def plain(): return len([])
        """,
    )
    owners = Owners(lab.paths)
    assert used_by(codes_of(app.named), owners) == ("imaging",)
    assert used_by(codes_of(app.by_ctypes), owners) == ("ctypes",)
    assert used_by(codes_of(app.named, app.by_ctypes), owners) == ("imaging", "ctypes")
    assert used_by(codes_of(app.plain), owners) == ()
    assert used_by({}, owners) == ()
