"""Cleanups as a user sees them, and every built-in strategy on the real library that it is for."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.suite import UNLIMITED

ROOT = Path(__file__).resolve().parent.parent.parent
LEVELS = ("gentle", "moderate", "aggressive", "emergency")
KIB = 1 << 10


class Lab:
    """What ``cleanup_lab.py`` printed."""

    def __init__(self, printed):
        self.works, self.absent, self.warned = printed["works"], printed["absent"], printed["warned"]
        self.cleanups = printed["cleanups"]
        self.results = {
            level: {found["name"]: found for found in result["strategies"]} for level, result in self.cleanups.items()
        }

    def freed(self, level, name, *, scene=None):
        """Entries and bytes that a strategy gave back in the cleanup at *level*."""
        if scene in self.absent:
            pytest.skip(f"the library that {scene} is about is not installed (pip install -e '.[libraries]')")
        found = self.results[level][name]
        return found["freed_entries"], found["freed_bytes"]


@pytest.fixture(scope="module")
def lab():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.integration.cleanup_lab"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Lab(json.loads(done.stdout))


# -- each strategy, at the lowest level that has it: what there was to clean was set up before the first cleanup


@pytest.mark.parametrize(
    ("level", "name", "entries", "least_bytes", "scene"),
    [
        ("gentle", "expired_entries", 1, 50 * KIB, None),
        ("gentle", "source_lines", 4, 400 * KIB, None),
        ("gentle", "warning_registries", 500, 20 * KIB, None),
        ("gentle", "django_expired_entries", 100, 100 * KIB, "django_databases"),
        ("gentle", "young_gc", 50, 400 * KIB, None),
        ("moderate", "component_limits", 200, 32 * KIB, None),
        ("moderate", "pattern_caches", 100, 10 * KIB, None),
        ("moderate", "parser_caches", 1, 0, None),
        ("moderate", "type_caches", 50, 4 * KIB, None),
        ("moderate", "package_caches", 200, 390 * KIB, None),
        ("moderate", "blinker_bookkeeping", 50, 1 * KIB, "blinker_signals"),
        ("moderate", "django_dead_receivers", 40, 2 * KIB, "django_signals"),
        ("moderate", "image_blocks", 1, 1024 * KIB, "images"),
        ("moderate", "sqlalchemy_compiled", 60, 400 * KIB, "sqlalchemy_engines"),
        ("moderate", "cancelled_handles", 60, 4 * KIB, None),
        ("moderate", "full_gc", 50, 400 * KIB, None),
        ("aggressive", "component_resets", 500, 400 * KIB, None),
        ("aggressive", "all_package_caches", 200, 390 * KIB, None),
        ("aggressive", "blinker_duplicates", 2, 0, "blinker_signals"),
        ("aggressive", "django_duplicates", 4, 0, "django_signals"),
        ("aggressive", "closed_handlers", 1, 0, None),
        ("aggressive", "figures", 4, 0, "figures"),  # full of cycles: the bytes are those of full_gc
        ("aggressive", "requests_connections", 1, 0, "requests_session"),  # one connection is about a kilobyte
        ("aggressive", "httpx_connections", 1, 0, "httpx_client"),
        ("aggressive", "aiohttp_connections", 1, 0, "aiohttp_sessions"),
        ("aggressive", "stranded_transports", 1, 0, "aiohttp_sessions"),
        ("aggressive", "sqlalchemy_pools", 3, 20 * KIB, "sqlalchemy_engines"),
        ("aggressive", "django_connections", 1, 20 * KIB, "django_databases"),
        ("aggressive", "django_query_logs", 3, 0, "django_databases"),
        ("aggressive", "sqlite_pages", None, 500 * KIB, None),
        ("aggressive", "stranded_tasks", 1, 90 * KIB, None),
        ("aggressive", "accelerator_caches", None, 0, None),
        ("aggressive", "heap_trim", None, 4096 * KIB, None),
        ("emergency", "component_shutdown", 0, 0, None),
        ("emergency", "exit_callbacks", 0, 0, None),
        ("emergency", "dead_sockets", 1, 0, None),
        ("emergency", "pending_timers", 1, 0, None),
        ("emergency", "gc_cycles", 0, 0, None),
    ],
)
def test_a_strategy_gives_back_what_there_is(lab, level, name, entries, least_bytes, scene):  # noqa: PLR0917
    freed_entries, freed_bytes = lab.freed(level, name, scene=scene)

    if name in (
        "source_lines",
        "pattern_caches",
        "parser_caches",
        "type_caches",
        "young_gc",  # before 3.11 the attributes of an instance are an object of their own
        "full_gc",
        "sqlalchemy_compiled",
        "cancelled_handles",
    ):
        assert freed_entries >= entries  # the libraries have put something of their own there, too
    elif name != "gc_cycles":
        assert freed_entries == entries
    # What a strategy of small things allocates to do so may be more than it frees.
    assert freed_bytes >= least_bytes or (least_bytes == 0 and freed_bytes > -64 * KIB)


@pytest.mark.parametrize("level", LEVELS)
def test_every_strategy_worked_and_was_measured(lab, level):
    results = lab.results[level].values()

    assert [(found["name"], found["error"]) for found in results if found["error"] is not None] == []
    assert all(isinstance(found["freed_bytes"], int) for found in results)
    assert LEVELS.index(level) >= max(LEVELS.index(found["level"]) for found in results)


def test_what_is_cleaned_is_gone_at_the_next_level(lab):
    for lower, higher in itertools.pairwise(LEVELS):
        again = {name for name in lab.results[lower] if lab.results[lower][name]["freed_entries"]}
        still = {name for name in again if (lab.results[higher].get(name, {}).get("freed_entries") or 0) > 5}

        assert still <= {"young_gc", "full_gc", "source_lines", "type_caches"}, (lower, higher)


def test_what_live_fixtures_hold_still_works(lab):
    assert {name: works for name, works in lab.works.items() if works is not True} == {}


def test_cleaning_warns_of_nothing(lab):
    assert lab.warned == []


def test_notes_tell_what_no_number_does(lab):
    notes = {name: found["note"] for name, found in lab.results["emergency"].items() if found["note"]}
    first = lab.results["aggressive"]["accelerator_caches"]["note"]

    assert first == "3.0 MiB of accelerator memory"
    assert notes["component_shutdown"] == "shut down: sessions"
    assert notes["exit_callbacks"] == "1 more callbacks at exit than at the start"


# -- in a run


CONFTEST = """
import os
import time

def raises():
    raise ValueError("no cache here")

def pytest_memguard_strategies(registry):
    registry.add("mine", lambda: 7, level="gentle")
    registry.add("raises", raises, level="moderate")
    registry.add("hangs", lambda: time.sleep(600), level="moderate", time_limit_s=0.2)
    registry.add("forks", os.fork, level="moderate")
    registry.add("absent", raises, level="gentle", needs="no_such_library")
"""
TESTS = """
import re
import warnings

import pytest

@pytest.mark.parametrize("number", range(4))
def test_plain(number):
    re.compile(f"{number}(.*)")
    warnings.warn("each test is told")

@pytest.mark.memguard(cleanup="moderate", reason="fills a cache")
def test_marked():
    warnings.warn("each test is told")
"""


@pytest.fixture(scope="module")
def run(make_suite):
    suite = make_suite()
    suite.write("conftest.py", CONFTEST)
    suite.write("test_one.py", TESTS)
    suite.write("test_two.py", "def test_other(): pass")
    suite.write(
        "memguard.yaml",
        """
        memory:
          strategies:
            gentle: [young_gc, source_lines, mine]
            between_tests: gentle
            every: 2
            between_modules: aggressive
        """,
    )
    return suite.run("-v", UNLIMITED, "-p", "no:cacheprovider")


def test_schedule_and_marker_run_their_levels(run):
    assert (run.code, run.quiet) == (0, True), run.out
    ran = [(entry["trigger"], entry["level"], entry["nodeid"]) for entry in run.report["cleanups"]]

    assert ran == [
        ("schedule", "gentle", "test_one.py::test_plain[1]"),
        ("schedule", "gentle", "test_one.py::test_plain[3]"),
        ("schedule", "aggressive", "test_one.py::test_marked"),
        ("schedule", "aggressive", "test_two.py::test_other"),
    ]


def test_the_list_in_the_settings_is_what_runs(run):
    first = run.report["cleanups"][0]

    assert [(found["name"], found["freed_entries"]) for found in first["strategies"]][1:] == [
        ("mine", 7),
        ("young_gc", first["strategies"][-1]["freed_entries"]),
    ]
    assert first["strategies"][0]["name"] == "source_lines"


def test_strategies_that_misbehave_are_recorded_and_the_suite_goes_on(run):
    errors = {found["name"]: found["error"] for found in run.report["cleanups"][2]["strategies"] if found["error"]}

    assert errors == {
        "raises": "ValueError: no cache here",
        "hangs": "took more than 0.2 s",
        "forks": "it forked; a child that came back from it was stopped",
    }
    again = {found["name"]: found["error"] for found in run.report["cleanups"][3]["strategies"]}
    assert again["hangs"] == "left out: it took too long before"
    assert run.outcomes["passed"] == 6
    assert run.outcomes["warnings"] == 5
    assert run.out.count("test_two.py::test_other PASSED") == 1


def test_the_report_says_which_strategies_pay(run):
    strategies = {entry["name"]: entry for entry in run.report["strategies"]}
    pays = [entry["bytes_per_ms"] for entry in run.report["strategies"] if entry["bytes_per_ms"] is not None]

    assert pays == sorted(pays, reverse=True)
    assert (strategies["mine"]["runs"], strategies["mine"]["freed_entries"], strategies["mine"]["errors"]) == (4, 28, 0)
    assert (strategies["raises"]["errors"], strategies["raises"]["last_error"]) == (2, "ValueError: no cache here")
    assert strategies["hangs"]["runs"] == 1
    assert "absent" not in strategies
    assert "strategies (" in run.out
    assert "what pays best first" in run.out


MISTAKES = """
memory:
  strategies:
    gentle: [yuong_gc]
    aggressive: [figures, heap_trimm]
"""


def test_unknown_strategies_end_the_run_before_it_starts(suite):
    suite.write("memguard.yaml", MISTAKES)
    suite.write("test_a.py", "def test_a(): pass")

    for workers in ((), ("-n2",)):
        run = suite.run(*workers)

        assert run.code == 4, run.out
        assert "unknown strategy 'yuong_gc' from memguard.yaml, line 3" in run.out
        assert "did you mean 'young_gc'?" in run.out
        assert "unknown strategy 'heap_trimm' from memguard.yaml, line 4" in run.out
        assert "did you mean 'heap_trim'?" in run.out


def test_a_strategy_that_is_registered_wrong_is_a_usage_error_and_a_hook_that_fails_is_told(suite):
    suite.write("test_a.py", "def test_a(): pass")
    suite.write(
        "conftest.py", "def pytest_memguard_strategies(registry): registry.add('full_gc', list, level='gentle')"
    )
    run = suite.run()
    assert run.code == 4
    assert "invalid strategy 'full_gc' from pytest_memguard_strategies" in run.out

    suite.write("conftest.py", "def pytest_memguard_strategies(registry): 1 / 0")
    run = suite.run()
    assert run.code == 0
    assert "hook pytest_memguard_strategies: ZeroDivisionError" in run.out


def test_cleanups_that_are_off_are_refused_with_the_reason(suite):
    suite.write("memguard.yaml", "memory: {cleanup: {enabled: false}, strategies: {between_tests: emergency}}")
    suite.write("test_a.py", "def test_a(): pass\ndef test_b(): pass")

    run = suite.run("-v")

    assert run.code == 0
    assert [(entry["refused"], entry["strategies"]) for entry in run.report["cleanups"]] == [
        ("cleanups are off (cleanup.enabled)", [])
    ]
    assert "refused, cleanups are off (cleanup.enabled)" in run.out


OUTCOMES = """
import functools
import gc
import re
import typing
import warnings
import weakref

import pytest

@functools.lru_cache
def settings():
    return object()

@functools.lru_cache(maxsize=None)
def user(number):
    return {"number": number}

FIRST, USER = settings(), user(1)

class Parent:
    pass

def warn():
    warnings.warn("again and again")

@pytest.fixture(scope="session")
def pattern():
    return re.compile("x+")

@pytest.mark.parametrize("number", range(3))
def test_identity(number, pattern):
    assert settings() is FIRST
    assert user(1) is USER
    assert pattern.match("xxx")
    assert typing.Dict[str, int] == typing.Dict[str, int]

@pytest.mark.parametrize("number", range(3))
def test_warnings(number):
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("once")
        warn(), warn()
    assert len(shown) == 1

@pytest.mark.parametrize("number", range(3))
def test_warns_like_before(number):
    warn()
    warn()

def test_fails():
    source = "of the failing line"
    assert source == "shown"
"""


@pytest.mark.parametrize("more", [(), ("-W", "once"), ("-W", "error"), ("-p", "no:warnings")], ids=" ".join)
def test_gentle_and_moderate_change_no_outcome(suite, more):
    suite.write("test_a.py", OUTCOMES)
    plain = suite.run("-p", "no:cacheprovider", *more, memguard=False)
    suite.write(
        "memguard.yaml", "memory: {strategies: {between_tests: moderate}, confirm: {mode: none, packages: [test_a]}}"
    )

    cleaned = suite.run("-p", "no:cacheprovider", *more)

    assert len(cleaned.report["cleanups"]) == 10
    assert (cleaned.code, cleaned.outcomes) == (plain.code, plain.outcomes)
    assert ("of the failing line" in cleaned.out) == ("of the failing line" in plain.out)
    assert cleaned.quiet, cleaned.out


def test_workers_clean_up_for_themselves_and_the_report_has_it_all(suite):
    suite.write("memguard.yaml", "memory: {strategies: {between_tests: gentle}}")
    suite.write("test_a.py", "import pytest\n@pytest.mark.parametrize('n', range(8))\ndef test_a(n): pass")

    run = suite.run("-n2", "--dist=each", "--memguard-confirm=none")

    assert run.code == 0, run.out
    assert {entry["worker"] for entry in run.report["cleanups"]} == {"gw0", "gw1"}
    assert {entry["name"]: entry["runs"] for entry in run.report["strategies"]}["young_gc"] == 16


def test_a_suite_without_cleanups_has_none(suite):
    suite.write("test_a.py", "def test_a(): pass")

    run = suite.run("-v")

    assert (run.report["cleanups"], run.report["strategies"]) == ([], [])
    assert "strategies (" not in run.out


def test_a_cleanup_goes_through_the_heap_once_whatever_libraries_are_loaded(suite):
    suite.write(
        "conftest.py",
        """
        import asyncio
        import sys
        from pytest_memguard.cleanup.strategies import living

        passes = []

        def counted(function):
            def count(*args):
                passes.append(len(args))
                return function(*args)
            return count

        living._referrers, living._objects = counted(living._referrers), counted(living._objects)

        def pytest_memguard_cleanup(result):
            names = {each.name for each in result.strategies}
            assert {"cancelled_handles", "stranded_tasks", "stranded_transports", "dead_sockets"} <= names
            print(f"passes {len(passes) - ('sqlite3' in sys.modules)}")  # what cannot be referred to weakly
            passes.clear()
        """,
    )
    suite.write(
        "test_one.py",
        """
        import pytest

        @pytest.mark.memguard(cleanup="emergency")
        def test_one(): pass

        @pytest.mark.memguard(cleanup="emergency")
        def test_two(): pass
        """,
    )

    run = suite.run("-s", "--memguard-confirm=none")

    assert run.quiet, run.out
    assert run.out.count("passes 1") == 2
