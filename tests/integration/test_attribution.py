"""A finding says in which phase and fixture it happens, at which lines, who keeps it, and what usually helps."""

from __future__ import annotations

import pytest

from tests.extension import build
from tests.integration.suite import UNLIMITED, short

SHOP = """
import logging

log = logging.getLogger("shop")
opened, closed, archived, calls = [], [], [], []

class Till:
    def __init__(self, number):
        self.number = number

def open_till(number):
    till = Till(number)  # made
    opened.append(till)  # kept
    return till

def close_till(till):
    closed.append({"till": till.number, "at": [1]})  # closed

def trace():
    log.addHandler(logging.NullHandler())  # handler
"""

CONFTEST = """
import functools
import pytest
import shop

@pytest.fixture
def till():
    return shop.open_till(1)

@pytest.fixture
def closing():
    yield
    shop.close_till(shop.Till(2))

@pytest.fixture
def final(request):
    request.addfinalizer(functools.partial(shop.close_till, shop.Till(3)))

@pytest.fixture
def borrowed():
    till = shop.open_till(4)
    yield till
    shop.opened.remove(till)

@pytest.fixture(scope="session")
def archive():
    shop.archived.append(shop.Till(5))  # archive
    return shop.archived

@pytest.fixture(scope="module")
def counter():
    yield
    shop.close_till(shop.Till(6))
"""

TESTS = """
import unittest
import pytest
import shop

def test_in_fixture(till): pass
def test_in_body(): shop.open_till(7)
def test_after_yield(closing): pass
def test_in_finalizer(final): pass
def test_among_borrowed(borrowed): shop.open_till(8)
def test_archive(archive): pass
def test_archive_too(archive): pass
def test_counter(counter): pass
def test_asks_for_it(request): request.getfixturevalue("till")
def test_handler(): shop.trace()

class TestMethods:
    def setup_method(self): shop.open_till(9)
    def test_setup_method(self): pass

class Case(unittest.TestCase):
    def setUp(self): shop.open_till(10)
    def test_set_up(self): pass

class OtherCase(unittest.TestCase):
    def tearDown(self): shop.close_till(shop.Till(11))
    def test_tear_down(self): pass

class AsyncCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): shop.open_till(12)
    async def test_async_set_up(self): pass
"""

EXPECTED = {
    "test_in_fixture": ("setup", "till", "made"),
    "test_in_body": ("call", None, "made"),
    "test_after_yield": ("teardown", "closing", "closed"),
    "test_in_finalizer": ("teardown", "final", "closed"),
    "test_among_borrowed": ("call", None, "made"),
    "test_asks_for_it": ("setup", "till", "made"),
    "test_handler": ("call", None, "handler"),
    "test_setup_method": ("setup", "setup_method", "made"),
    "test_set_up": ("setup", None, "made"),
    "test_tear_down": ("teardown", None, "closed"),
    "test_async_set_up": ("setup", None, "made"),
    "fixture:archive": ("setup", "archive", "archive"),
    "fixture:counter": ("teardown", "counter", "closed"),
}


def marked(text, mark):
    """The number of the line of a dedented text that ends in that mark."""
    return next(number for number, line in enumerate(text.strip("\n").splitlines(), 1) if line.endswith(f"# {mark}"))


@pytest.fixture(scope="module")
def run(make_suite):
    suite = make_suite()
    suite.write("shop.py", SHOP)
    suite.write("conftest.py", CONFTEST)
    suite.write("test_tills.py", TESTS)
    return suite.run(UNLIMITED, "-p", "no:cacheprovider")


@pytest.mark.parametrize("name", EXPECTED)
def test_phase_fixture_and_line_of_a_leak(run, name):
    phase, fixture, mark = EXPECTED[name]
    leak = run.leak(name)
    text, file = (CONFTEST, "conftest.py") if mark == "archive" else (SHOP, "shop.py")
    assert (leak["phase"], leak["fixture"]) == (phase, fixture)
    assert (leak["sites"][0]["file"], leak["sites"][0]["line"]) == (file, marked(text, mark))


def test_a_fixture_of_a_higher_scope_is_blamed_and_not_the_first_test_that_uses_it(run):
    assert run.quiet
    assert run.verdicts["test_archive"] == run.verdicts["test_archive_too"] == "clean"
    users = [short(witness) for witness in run.leak("fixture:archive")["witnesses"]]
    assert users == ["fixture:archive", "test_archive", "test_archive_too"]


def test_the_line_that_keeps_it_is_named_next_to_the_one_that_makes_it(run):
    (kept,) = run.leak("test_in_body")["retained_at"]
    assert (kept["file"], kept["line"], kept["source"]) == (
        "shop.py",
        marked(SHOP, "kept"),
        "opened.append(till)  # kept",
    )
    assert f"retained   shop.py:{kept['line']} in open_till: opened.append(till)" in run.out


def test_the_path_is_drawn_with_the_guilty_reference_underlined_and_the_cure_below(run):
    lines = [line.strip() for line in run.lines]
    start = lines.index("kept by    shop.log (logging.Logger)")
    assert lines[start + 1] == "-> .handlers list"
    assert lines[start + 2] == "~~~~~~~~~"
    assert lines[start + 3] == "-> [*] logging.NullHandler"
    advice = run.leak("test_handler")["advice"]
    assert "removeHandler()" in advice
    assert f"advice     {advice[:60]}" in run.out


def test_what_c_code_holds_loses_and_allocates_is_told_apart(make_suite):
    suite = make_suite()
    try:
        build.build(suite.path)
    except build.BuildError as reason:
        pytest.skip(f"the extension cannot be built: {reason}")
    text = """
    import pairs
    class Key: pass
    def test_lost():
        pairs.leak_argument(Key())  # lost
    def test_held():
        pairs.leak_append()  # held
    def test_allocated():
        pairs.leak_malloc_1k()  # allocated
    def test_balanced():
        pairs.free_argument(Key())
        pairs.free_malloc_1k()
    """
    suite.write("test_keys.py", text)
    run = suite.run(UNLIMITED, "-p", "no:cacheprovider")
    lost, held, allocated = (run.leak(f"test_{name}") for name in ("lost", "held", "allocated"))
    assert run.verdicts["test_balanced"] == "clean"

    for leak, name in ((lost, "lost"), (held, "held"), (allocated, "allocated")):
        assert leak["sites"][0]["line"] == marked(text, name), leak
        assert "compiled modules that it runs through: pairs" in leak["notes"]
    assert [leak["kind"] for leak in (lost, held, allocated)] == ["python", "python", "native"]

    assert [retainer["path"] for retainer in lost["retainers"]] == ["(held outside Python)"]
    assert "test_keys.Key has one reference more than the objects that refer to it explain" in lost["notes"][0]
    assert "Py_DECREF" in lost["advice"]

    assert [retainer["path"] for retainer in held["retainers"]] == ["(held outside Python)[*]"]
    assert "C code refers to list, which was there before" in held["notes"][0]

    assert allocated["retainers"] == []
    assert any("no fragmentation" in note for note in allocated["notes"])


TOGETHER = """
import collections
import pytest

class Till:
    pass

tills = []
notes = {}
seen = []
bounded = collections.deque(maxlen=50)
latest = {}

@pytest.fixture(scope="module")
def objects():
    tills.append(Till())  # objects

@pytest.fixture(scope="module")
def strings():
    yield
    notes[len(notes)] = "x" * (1000 + len(notes))  # strings

@pytest.fixture(scope="module")
def innocent():
    bounded.append(object())
    latest["one"] = [Till()]

@pytest.fixture(scope="class")
def inner():
    seen.append(Till())  # inner

@pytest.fixture(scope="class")
def also_inner():
    seen.append(Till())  # also_inner

@pytest.fixture(scope="session")
def first():
    tills.append(Till())  # first

@pytest.fixture(scope="session")
def second(first):
    yield Till()
    seen.append(Till())  # second

class TestOfAClass:
    def test_class(self, inner, also_inner): pass

def test_module(objects, strings, innocent): pass
def test_session(second): pass
def test_session_too(first): pass
"""
LEAKING = {
    "objects": ("setup", "test_together.tills"),
    "strings": ("teardown", "test_together.notes"),
    "inner": ("setup", "test_together.seen"),
    "also_inner": ("setup", "test_together.seen"),
    "first": ("setup", "test_together.tills"),
    "second": ("teardown", "test_together.seen"),
}


def test_fixtures_of_higher_scope_that_leak_together_have_a_finding_each(make_suite):
    suite = make_suite()
    suite.write("test_together.py", TOGETHER)

    run = suite.run(UNLIMITED, "-p", "no:cacheprovider")

    assert run.quiet, run.out
    found = {
        leak["fixture"]: (leak["phase"], leak["retainers"][0]["root"], leak["sites"][0]["line"]) for leak in run.leaks
    }
    assert found == {name: (*where, marked(TOGETHER, name)) for name, where in LEAKING.items()}
    assert len(run.leaks) == len(LEAKING)
    assert [short(witness) for witness in run.leak("fixture:first")["witnesses"]] == [
        "fixture:first",
        "test_session",
        "test_session_too",
    ]
    assert set(run.verdicts.values()) == {"clean"}
    assert {leak["gates"] for leak in run.leaks} == {True}
