"""Every kind of test that pytest runs: the one that leaks is found and explained, its innocent twin is not."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tests.integration.suite import UNLIMITED, Suite

FUNCTIONS = """
import collections, ctypes, functools, mmap, threading, weakref
import pytest

class Parcel:
    def __init__(self, weight):
        self.weight = weight

_shipped, _bare, _rates, _large, _mapped = [], [], {}, [], []
_seen = weakref.WeakSet()
_malloc = ctypes.CDLL(None).malloc
_malloc.restype, _malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
_free = ctypes.CDLL(None).free
_free.restype, _free.argtypes = None, [ctypes.c_void_p]

def test_ship_keeps_every_parcel():
    _shipped.append(Parcel(2))

def test_ship_forgets():
    seen = Parcel(2)
    _seen.add(seen)
    assert seen in _seen

def test_one_bare_object():
    _bare.append(object())

def test_twenty_megabytes():
    _large.append(b"x" * 20_000_000)

def test_twenty_megabytes_for_a_moment():
    assert len(b"x" * 20_000_000) == 20_000_000

@pytest.mark.parametrize("country", ["de", "fr", "it"])
def test_rate(country):
    rate = _rates.setdefault(country, [])
    if country == "fr":
        rate.append(Parcel(country))

def test_native_kilobyte():
    assert _malloc(1024)

def test_native_kilobyte_given_back():
    _free(_malloc(1024))

def test_mapped_pages():
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
    place = libc.mmap(None, 65536, 3, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    ctypes.memset(place, 1, 65536)

def test_mapped_pages_given_back():
    with mmap.mmap(-1, 65536) as pages:
        pages.write(b"x" * 65536)
"""

CASES = """
import unittest

_in_setup, _in_body, _in_class, _in_async, _in_subtest = [], [], [], [], []

class Order:
    pass

class LeakyInSetUp(unittest.TestCase):
    def setUp(self):
        self.order = Order()
        _in_setup.append(self.order)

    def test_leaks_in_set_up(self):
        assert self.order

class InBody(unittest.TestCase):
    def setUp(self):
        self.order = Order()
        self.addCleanup(setattr, self, "order", None)

    def test_leaks_in_body(self):
        _in_body.append(Order())

    def test_keeps_it_on_the_instance(self):
        self.orders = [Order(), self.order]

class InSetUpClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.orders = [Order() for _ in range(5)]
        _in_class.append(cls.orders)

    def test_uses_the_class(self):
        assert len(self.orders) == 5

class InnocentClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.orders = [Order() for _ in range(5)]

    @classmethod
    def tearDownClass(cls):
        del cls.orders

    def test_uses_the_innocent_class(self):
        assert len(self.orders) == 5

class Coroutines(unittest.IsolatedAsyncioTestCase):
    async def test_async_leaks(self):
        _in_async.append(Order())

    async def test_async_does_not(self):
        assert Order()

class SubTests(unittest.TestCase):
    def test_subtests_leak(self):
        for number in range(3):
            with self.subTest(number=number):
                if number == 1:
                    _in_subtest.append(Order())

    def test_subtests_do_not(self):
        for number in range(3):
            with self.subTest(number=number):
                assert number < 3
"""

SUBTESTS = """
_kept = []

def test_subtests_fixture_leaks(subtests):
    for number in range(3):
        with subtests.test("count", number=number):
            if number == 2:
                _kept.append({"number": [number]})

def test_subtests_fixture_does_not(subtests):
    for number in range(3):
        with subtests.test("count", number=number):
            assert number < 3
"""

DOCTESTS = '''
"""Prices.

>>> price(3)
6
"""

_asked = []

def price(quantity):
    return 2 * quantity

def quote(quantity):
    """A price that is remembered.

    >>> quote(3)
    6
    """
    _asked.append([quantity, price(quantity)])
    return _asked[-1][1]

def rounded(amount):
    """
    >>> rounded(2.6)
    3
    """
    return round(amount)
'''

GUIDE = """
How to quote
============
>>> import prices
>>> prices.quote(4)
8
"""

INNOCENT_GUIDE = """
>>> import prices
>>> prices.price(4)
8
"""

FIXTURES = """
import pytest

class Connection:
    def __init__(self):
        self.buffer = bytearray(2000)

opened, closed, warm, listeners, sessions = [], [], [], [], []

@pytest.fixture
def leaky_setup():
    connection = Connection()
    opened.append(connection)
    yield connection

@pytest.fixture
def leaky_teardown():
    yield
    closed.append(Connection())

@pytest.fixture
def tidy():
    connection = Connection()
    opened.append(connection)
    yield connection
    opened.remove(connection)

@pytest.fixture(scope="class")
def class_wide():
    warm.append(Connection())

@pytest.fixture(scope="module")
def module_wide():
    connection = Connection()
    yield connection
    listeners.append(connection)

@pytest.fixture(scope="module")
def tidy_module_wide():
    connection = Connection()
    yield connection
    connection.buffer.clear()

@pytest.fixture(scope="package")
def package_wide():
    sessions.append(Connection())

@pytest.fixture(scope="session")
def session_wide():
    yield
    sessions.append([Connection()])

@pytest.fixture(scope="session")
def tidy_session_wide():
    sessions.append(3)
    yield
    sessions.remove(3)
"""

FIXTURE_USERS = """
class TestWithClass:
    def test_class_user(self, tidy_session_wide, class_wide): pass
    def test_other_class_user(self, class_wide): pass

def test_setup_user(leaky_setup): assert leaky_setup.buffer
def test_teardown_user(leaky_teardown): pass
def test_tidy_user(tidy): pass
def test_module_user(tidy_module_wide, module_wide): pass
def test_tidy_module_user(tidy_module_wide): pass
def test_package_user(tidy_session_wide, package_wide): pass
def test_session_user(session_wide): pass
def test_tidy_session_user(tidy_session_wide): pass
def test_no_user(): pass
"""

VERDICTS = """
import collections, functools, threading, time
import pytest

_numbers = iter(range(10_000_000))

class Answer:
    def __init__(self, number):
        self.number = number

@functools.lru_cache(maxsize=128)
def answer(number):
    return Answer(number)

_recent = collections.deque(maxlen=50)
_trimmed = []
_retries = set()
_state = {"warm": None, "runs": 0, "skips": 0}
_kept, _accepted, _known = [], [], []

def test_lru_cache_fills():
    answer(next(_numbers))

def test_deque_fills():
    _recent.append(Answer(next(_numbers)))

def test_list_trimmed_by_hand():
    _trimmed.append(Answer(next(_numbers)))
    if len(_trimmed) > 100:
        del _trimmed[0]

_masked, _slow = {}, []

def test_slow_and_counts_round():
    time.sleep(0.005)
    _masked[next(_numbers) & 4095] = Answer(1)

def test_slow_leak():
    time.sleep(0.005)
    _slow.append([Answer(1) for _ in range(100)])

def test_timer_gives_back():
    order = Answer(1)
    _retries.add(order)
    threading.Timer(0.2, _retries.discard, [order]).start()

def test_warms_up_once():
    if _state["warm"] is None:
        _state["warm"] = [bytearray(1000) for _ in range(5000)]

def test_fails_when_repeated():
    _state["runs"] += 1
    assert _state["runs"] == 1, "only once"

def test_skips_when_repeated():
    _state["skips"] += 1
    if _state["skips"] > 1:
        pytest.skip("not again")

@pytest.mark.memguard(leak="1 KB", reason="the audit log is kept on purpose")
def test_accepted():
    _accepted.append(Answer(3))

@pytest.mark.memguard(leak="10 B", reason="too little")
def test_more_than_accepted():
    _kept.append([Answer(3) for _ in range(100)])

def test_known_to_the_hook():
    _known.append(Answer(4))

@pytest.mark.memguard(leak=False, reason="a soak test")
def test_left_out():
    _known.append(Answer(5))
"""

SUPPRESS = """
import pytest

def pytest_memguard_suppress(finding):
    if any("_known" in retainer.path for retainer in finding.diagnosis.retainers):
        return "tracked in issue 12"
    return None
"""

ASYNCIO = """
import asyncio
import pytest

_jobs = []

class Job: pass

@pytest.mark.asyncio
async def test_asyncio_leaks():
    await asyncio.sleep(0)
    _jobs.append(Job())

@pytest.mark.asyncio
async def test_asyncio_does_not():
    done = asyncio.Event()
    task = asyncio.create_task(done.wait())
    done.set()
    assert await task

@pytest.fixture
async def tidy_job():
    yield Job()
    await asyncio.sleep(0)
"""

ANYIO = """
import anyio
import pytest

_jobs = []

class Job: pass

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_anyio_leaks():
    await anyio.sleep(0)
    _jobs.append(Job())

@pytest.mark.anyio
async def test_anyio_does_not():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0)
"""

SHARED = """
import array
import pytest

class Registry:
    rows = []

class Row: pass

runs = array.array("q", [0]) * 60

@pytest.mark.parametrize("number", range(60))
def test_registers(number):
    runs[number] += 1
    Registry.rows.append(Row())

@pytest.mark.parametrize("number", range(10))
def test_does_not_register(number):
    Row()
"""

COUNT_RUNS = """
import sys

def pytest_unconfigure(config):
    print("runs:", *sys.modules["test_rows"].runs)
"""


def found_by(run):
    """Names of the tests that are leaks by verdict."""
    return run.names("leak")


@pytest.fixture(scope="module")
def functions(make_suite):
    suite = make_suite()
    suite.write("test_parcels.py", FUNCTIONS)
    return suite.run(UNLIMITED)


def test_functions_that_leak_are_found_and_no_others(functions):
    leaking = {"test_ship_keeps_every_parcel", "test_one_bare_object", "test_twenty_megabytes", "test_rate[fr]"}
    native = {"test_native_kilobyte", "test_mapped_pages"} if sys.platform == "linux" else set()
    assert found_by(functions) == leaking | native
    assert functions.names("clean") == functions.tests.keys() - leaking - native
    assert functions.quiet, functions.out


def test_the_run_fails_and_outcomes_stay(functions):
    assert functions.code == 1
    assert {test["outcome"] for test in functions.report["tests"]} == {"passed"}
    assert functions.outcomes == {"failed": len(functions.leaks), "passed": 12}


def test_a_leak_is_explained(functions):
    leak = functions.leak("test_ship_keeps_every_parcel")
    assert leak["kind"] == "python"
    assert [t["type"] for t in leak["types"]] == ["test_parcels.Parcel"]
    assert leak["retainers"][0]["root"] == "test_parcels._shipped"
    assert [site["function"] for site in leak["sites"]] == ["test_ship_keeps_every_parcel"]
    assert leak["confidence"] > 0.9


def test_what_is_kept_is_weighed(functions):
    assert 20_000_000 <= functions.leak("test_twenty_megabytes")["bytes_per_run"] < 21_000_000
    assert 16 <= functions.leak("test_one_bare_object")["bytes_per_run"] < 64


@pytest.mark.skipif(sys.platform != "linux", reason="the heap of the C library can be read on Linux only")
def test_native_leaks_are_native(functions):
    heap, mapped = functions.leak("test_native_kilobyte"), functions.leak("test_mapped_pages")
    assert heap["kind"] == mapped["kind"] == "native"
    assert 1024 <= heap["bytes_per_run"] < 1100
    assert mapped["bytes_per_run"] == 65536


@pytest.fixture(scope="module")
def cases(make_suite):
    suite = make_suite()
    suite.write("test_orders.py", CASES)
    suite.write("test_count.py", SUBTESTS if pytest.version_tuple >= (9,) else "")
    return suite.run(UNLIMITED)


def test_test_cases_that_leak_are_found_and_no_others(cases):
    leaking = {"test_leaks_in_set_up", "test_leaks_in_body", "test_async_leaks", "test_subtests_leak"}
    if pytest.version_tuple >= (9,):
        leaking.add("test_subtests_fixture_leaks")
    assert found_by(cases) == leaking
    assert cases.names("clean") == cases.tests.keys() - leaking
    assert cases.quiet, cases.out


def test_set_up_class_is_a_finding_on_it(cases):
    leak = cases.leak("fixture:setUpClass")
    assert leak["fixture"] == "setUpClass"
    assert leak["nodeid"].endswith("::InSetUpClass::test_uses_the_class")
    assert not [leak for leak in cases.leaks if "InnocentClass" in str(leak["witnesses"])]


def test_doctests_that_leak_are_found_and_no_others(suite):
    suite.write("prices.py", DOCTESTS)
    suite.write("guide.rst", GUIDE)
    suite.write("innocent.rst", INNOCENT_GUIDE)
    run = suite.run(UNLIMITED, "--doctest-modules", "--doctest-glob=*.rst")
    assert found_by(run) == {"prices.quote", "guide.rst"}
    assert run.names("clean") == {"prices", "prices.rounded", "innocent.rst"}
    # One cause, met in two ways.
    assert len(run.leaks) == 1
    assert run.leaks[0]["retainers"][0]["root"] == "prices._asked"
    assert run.outcomes == {"failed": 1, "passed": 5}


@pytest.fixture(scope="module")
def fixtures(make_suite):
    suite = make_suite()
    suite.write("store/__init__.py", "")
    suite.write("store/conftest.py", FIXTURES)
    suite.write("store/test_users.py", FIXTURE_USERS)
    return suite.run(UNLIMITED)


def test_function_fixtures_leak_in_their_tests(fixtures):
    assert found_by(fixtures) == {"test_setup_user", "test_teardown_user"}
    assert "opened" in fixtures.leak("test_setup_user")["retainers"][0]["path"]
    assert "closed" in fixtures.leak("test_teardown_user")["retainers"][0]["path"]


@pytest.mark.parametrize(
    ("name", "users"),
    [
        ("class_wide", {"test_class_user", "test_other_class_user"}),
        ("module_wide", {"test_module_user"}),
        ("package_wide", {"test_package_user"}),
        ("session_wide", {"test_session_user"}),
    ],
)
def test_wider_fixtures_leak_on_their_own_account(fixtures, name, users):
    leak = fixtures.leak(f"fixture:{name}")
    assert leak["fixture"] == name
    assert {nodeid.rpartition("::")[2] for nodeid in leak["witnesses"]} == users | {f"fixture:{name}"}


def test_tidy_fixtures_are_clean(fixtures):
    assert {leak["fixture"] for leak in fixtures.leaks} == {
        "leaky_setup", "leaky_teardown", "class_wide", "module_wide", "package_wide", "session_wide"
    }  # fmt: skip
    assert fixtures.names("clean") == fixtures.tests.keys() - found_by(fixtures)
    assert not fixtures.report["warnings"]
    assert fixtures.quiet, fixtures.out


@pytest.fixture(scope="module")
def verdicts(make_suite):
    suite = make_suite()
    suite.write("test_answers.py", VERDICTS)
    suite.write("conftest.py", SUPPRESS)
    return suite.run(UNLIMITED, "-v")


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("test_lru_cache_fills", "saturating", "128"),
        ("test_deque_fills", "saturating", ""),
        ("test_list_trimmed_by_hand", "saturating", ""),
        ("test_slow_and_counts_round", "inconclusive", "counts round"),
        ("test_slow_leak", "leak", None),
        ("test_timer_gives_back", "deferred", ""),
        ("test_warms_up_once", "one-off", "first run"),
        ("test_fails_when_repeated", "inconclusive", "failed in call: AssertionError: only once"),
        ("test_skips_when_repeated", "inconclusive", "was skipped in call"),
        ("test_accepted", "suppressed", "the audit log is kept on purpose"),
        ("test_more_than_accepted", "leak", None),
        ("test_known_to_the_hook", "suppressed", "tracked in issue 12"),
        ("test_left_out", "unchecked", "a soak test"),
    ],
)
def test_verdicts(verdicts, name, verdict, reason):
    given, why = verdicts.verdict(name)
    assert given == verdict, why
    assert why is None if reason is None else reason in why


def test_a_suppressed_leak_is_listed_and_does_not_gate(verdicts):
    leak = verdicts.leak("test_known_to_the_hook")
    assert (leak["verdict"], leak["gates"]) == ("suppressed", False)
    assert leak["suppressed_by"] == leak["reason"] == "tracked in issue 12"
    accepted = verdicts.leak("test_accepted")
    assert (accepted["verdict"], accepted["gates"]) == ("suppressed", False)
    assert accepted["reason"].endswith(" a run accepted by its marker: the audit log is kept on purpose")
    named = " ".join(line for line in verdicts.lines if line.startswith("LEAK "))
    assert {name for name in verdicts.tests if name in named} == {"test_more_than_accepted", "test_slow_leak"}
    assert verdicts.outcomes == {"failed": 2, "passed": 13}


def test_only_a_gating_leak_fails_the_run(suite):
    suite.write("test_answers.py", VERDICTS)
    suite.write("conftest.py", SUPPRESS)
    run = suite.run(UNLIMITED, "-k", "accepted and not more or known or left_out")
    assert run.code == 0
    assert len(run.leaks) == 2
    assert "no gating leaks in 3 tests" in run.out


@pytest.mark.parametrize(("plugin", "source"), [("asyncio", ASYNCIO), ("anyio", ANYIO)])
def test_async_tests_that_leak_are_found_and_no_others(tmp_path, plugin, source):
    package = {"asyncio": "pytest_asyncio"}.get(plugin, plugin)
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    suite = Suite(tmp_path, asyncio=plugin == "asyncio")
    suite.write("test_jobs.py", source)
    run = suite.run(UNLIMITED)
    assert run.names("leak") == {f"test_{plugin}_leaks"}
    assert run.names("clean") == {f"test_{plugin}_does_not"}
    assert run.leak(f"test_{plugin}_leaks")["retainers"][0]["root"] == "test_jobs._jobs"
    assert run.quiet, run.out


def test_one_cause_that_many_tests_share_is_proved_once(suite):
    suite.write("test_rows.py", SHARED)
    suite.write("conftest.py", COUNT_RUNS)
    run = suite.run(UNLIMITED)
    assert len(run.leaks) == 1
    assert len(run.leaks[0]["witnesses"]) == 60
    assert run.outcomes == {"failed": 1, "passed": 70}
    assert len(run.names("leak")) == 60
    runs = sorted(int(n) for n in next(line for line in run.lines if line.startswith("runs:")).split()[1:])
    proved = runs.pop()
    assert proved > 32
    assert sum(runs) < 6 * 59


LARGE = """
import array
import mmap

_kept, _maps = [], []
runs = array.array("q", [0]) * 4

def test_thirty_megabytes():
    runs[0] += 1
    _kept.append(bytearray(30_000_000))

def test_twenty_mapped_megabytes():
    runs[1] += 1
    pages = mmap.mmap(-1, 20_000_000)
    pages.write(b"x" * 20_000_000)
    _maps.append(pages)

def test_thirty_megabytes_for_a_moment():
    runs[2] += 1
    assert bytearray(30_000_000)

def test_object():
    runs[3] += 1
    _kept.append(object())
"""

PRINT_RUNS = """
import sys

def pytest_unconfigure(config):
    print("runs:", *sys.modules["test_large"].runs)
"""

LITTLE_MEMORY = """
import pytest_memguard.engine

pytest_memguard.engine.spare_memory = lambda: 400_000_000
"""


def runs_of(run):
    return [int(n) for n in next(line for line in run.lines if line.startswith("runs:")).split()[1:]]


def test_a_large_leak_is_proved_in_few_repetitions(suite):
    suite.write("test_large.py", LARGE)
    suite.write("conftest.py", PRINT_RUNS)
    run = suite.run(UNLIMITED)
    assert run.names("leak") == {"test_thirty_megabytes", "test_twenty_mapped_megabytes", "test_object"}
    assert 30_000_000 <= run.leak("test_thirty_megabytes")["bytes_per_run"] < 31_000_000
    assert run.leak("test_thirty_megabytes")["retainers"][0]["root"] == "test_large._kept"
    if sys.platform == "linux":
        assert 20_000_000 <= run.leak("test_twenty_mapped_megabytes")["bytes_per_run"] < 21_000_000
    assert max(runs_of(run)[:2]) <= 40
    assert run.quiet, run.out


def test_repeating_leaks_does_not_use_up_the_memory(suite):
    suite.write("test_large.py", LARGE)
    suite.write("conftest.py", PRINT_RUNS + LITTLE_MEMORY)
    run = suite.run(UNLIMITED)
    assert run.code == 0
    assert run.verdict("test_thirty_megabytes")[0] == "inconclusive"
    assert "leaves too little for another repetition" in run.verdict("test_thirty_megabytes")[1]
    assert run.names("unchecked") == run.tests.keys() - {"test_thirty_megabytes"}
    assert all("too little memory is left" in run.verdict(name)[1] for name in run.names("unchecked"))
    assert sum(runs_of(run)) * 30_000_000 < 400_000_000
    assert run.quiet, run.out


PAGES = """
import ctypes
import mmap

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
places = [libc.mmap(None, 1 << 20, 3, FLAGS, -1, 0) for _ in range(60)]

class TestKeeps:
    def test_pages(self):
        ctypes.memset(libc.mmap(None, 65536, 3, FLAGS, -1, 0), 1, 65536)

class TestGivesBack:
    def test_a_piece_a_run(self):
        if places:
            libc.munmap(places.pop(), 1 << 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mapped pages are read on Linux only")
def test_pages_that_one_test_gives_back_hide_no_leak_of_another(suite):
    suite.write("test_pages.py", PAGES)
    run = suite.run(UNLIMITED)
    assert run.names("leak") == {"test_pages"}
    assert run.quiet, run.out


def test_what_adds_once_to_a_holder_that_leaks_is_no_witness(suite):
    suite.write("shelf.py", "class Book: pass\n\nbooks = {}\n")
    suite.write(
        "test_a.py",
        """
        import itertools

        from shelf import Book, books

        numbers = itertools.count(1000)

        def test_leaks():
            books[next(numbers)] = Book()
        """,
    )
    suite.write(
        "test_b.py",
        """
        from shelf import Book, books

        def test_comes_first(): pass

        def test_lends():
            books[int("777")] = Book()

        def test_takes_back():
            books.pop(777, None)
        """,
    )
    run = suite.run(UNLIMITED)
    assert run.names("leak") == {"test_leaks"}
    assert run.verdict("test_lends")[0] == "clean"
    assert [leak["witnesses"] for leak in run.leaks] == [["test_a.py::test_leaks"]]


def test_what_watching_costs_is_told(suite):
    suite.write(
        "test_a.py", "import pytest\n\n@pytest.mark.parametrize('number', range(64))\ndef test_one(number): pass\n"
    )
    session = suite.run("--memguard-confirm=none").report["session"]

    assert 0 < session["watching_cost_s"] < session["duration_s"]
