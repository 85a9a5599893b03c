"""Every hook has an example in its docstring, and every example does what it says."""

from __future__ import annotations

import inspect
import json
import textwrap

import pytest

from pytest_memguard import hookspecs

# What plugin.py does around the values; here the values are made up, so that each hook is called in every run.
CALLER = """
import pytest
from pytest_memguard.cleanup.registry import StrategyRegistry
from pytest_memguard.components import ComponentRegistry
from pytest_memguard.model import RoundSeries, Suspect
from tests.unit import reported

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    hook = session.config.hook
    small = reported.record("t.py::test_small")
    for sample in (small, reported.hungry("t.py::test_hungry")):
        hook.pytest_memguard_sample(sample=sample)
    hook.pytest_memguard_pressure(event=reported.PRESSURE)
    hook.pytest_memguard_cleanup(result=reported.CLEANUP)
    registry = ComponentRegistry()
    hook.pytest_memguard_components(registry=registry)
    if registry:
        print()
        print("registered:", [component.name for component in registry])
        print("freed:", [result.freed_entries for result in registry.clean("aggressive")])
        for usage in registry.measure("t.py::test_small"):
            print("usage:", usage.component, usage.entries, dict(usage.limits), usage.error)
    strategies = StrategyRegistry()
    hook.pytest_memguard_strategies(registry=strategies)
    print()
    for name in strategies.names:
        strategy = strategies[name]
        print("strategy:", name, strategy.level, strategy.time_limit_s, strategy.during_tests, strategy.run())
    for usage in (reported.USAGE, reported.FULL):
        hook.pytest_memguard_component_report(usage=usage)
    hook.pytest_memguard_suspect(suspect=Suspect(nodeid="t.py::test_a", metrics=("blocks", "heap")))
    hook.pytest_memguard_leak(finding=reported.LEAK)
    print()
    print("suppressed:", hook.pytest_memguard_suppress(finding=reported.VENDORED))
    print("suppressed:", hook.pytest_memguard_suppress(finding=reported.LEAK))
    hook.pytest_memguard_report(report=reported.run(reported.LEAK, tests=[small]))
"""

# What the example of components registers.
MESSAGES = """
history = list(range(7))

class queue:
    waiting = [1, 2]

def forget(): history.clear()
def start(): pass
def stop(): pass
"""

# What the example of strategies cleans.
SEARCH = """
results = {"shoes": [1, 2], "hats": [3]}

def forget_results():
    found = len(results)
    results.clear()
    return found

def stop(): pass
"""

SHOWN = ("suppressed: ", "registered: ", "freed: ", "usage: ", "strategy: ")

NAMES = [
    "pytest_memguard_pressure",
    "pytest_memguard_cleanup",
    "pytest_memguard_sample",
    "pytest_memguard_components",
    "pytest_memguard_component_report",
    "pytest_memguard_strategies",
    "pytest_memguard_suspect",
    "pytest_memguard_leak",
    "pytest_memguard_suppress",
    "pytest_memguard_report",
]


def example_of(name):
    """The code block of the docstring, which is what follows ``::``."""
    _, _, block = inspect.getdoc(getattr(hookspecs, name)).partition("::\n")
    return textwrap.dedent(block)


@pytest.fixture
def ran(pytester):
    """Run an empty suite with *source* as its conftest and the hooks called once each; gives the output."""

    def run(source):
        pytester.makepyfile(caller=CALLER)
        shop = pytester.mkpydir("shop")
        shop.joinpath("messages.py").write_text(MESSAGES)
        shop.joinpath("search.py").write_text(SEARCH)
        pytester.makeconftest(source)
        pytester.makepyfile(test_nothing="def test_nothing(): pass")
        pytester.syspathinsert()
        result = pytester.runpytest("-s", "-p", "caller")
        assert result.ret == pytest.ExitCode.OK
        return [entry for entry in result.outlines if entry.startswith(SHOWN)]

    return run


def test_these_are_the_hooks():
    assert sorted(name for name in vars(hookspecs) if name.startswith("pytest_memguard")) == sorted(NAMES)
    assert sorted(hookspecs.__all__) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_implements_its_hook(name, ran):
    source = example_of(name)
    assert f"def {name}(" in source

    ran(source)


def test_the_sample_example_writes_down_the_hungry_test_only(ran, pytester):
    ran(example_of("pytest_memguard_sample"))

    assert (pytester.path / "hungry-tests.txt").read_text() == f"t.py::test_hungry {1000 + 200 * 2**20}\n"


def test_the_pressure_example_drops_its_cache_when_memory_becomes_scarce(ran):
    source = example_of("pytest_memguard_pressure")
    check = """
    import pytest
    thumbnail("a")
    @pytest.hookimpl(trylast=True)
    def pytest_memguard_report(report):
        print("suppressed: entries", thumbnail.cache_info().currsize)
    """

    assert "suppressed: entries 0" in ran(source + textwrap.dedent(check))


def test_the_cleanup_example_writes_down_what_it_gave_back(ran, pytester):
    ran(example_of("pytest_memguard_cleanup"))

    assert (pytester.path / "cleanups.txt").read_text() == f"moderate by pressure: {3 * 2**20}\n"


def test_the_components_example_registers_two(ran, pytester):
    assert ran(example_of("pytest_memguard_components"))[:4] == [
        "registered: ['queue', 'history']",
        "freed: [7]",
        "usage: queue 2 {} None",
        "usage: history 0 {'history': 500} None",
    ]


def test_the_component_report_example_writes_down_who_fills_one(ran, pytester):
    ran(example_of("pytest_memguard_component_report"))

    assert (pytester.path / "over.txt").read_text() == "t.py::test_fill messages 520 (+25)\n"


def test_the_strategies_example_registers_what_it_says(ran):
    assert ran(example_of("pytest_memguard_strategies"))[:2] == [
        "strategy: search_results moderate 5.0 True 2",
        "strategy: search_index emergency 30 False None",
    ]


def test_the_suspect_example_says_what_grew(ran, pytester):
    ran(example_of("pytest_memguard_suspect"))

    assert (pytester.path / "suspects.txt").read_text() == "t.py::test_a: blocks, heap\n"


def test_the_leak_example_keeps_a_line(ran, pytester):
    ran(example_of("pytest_memguard_leak"))

    assert (pytester.path / "leaks.txt").read_text() == "3fa9c1d2e4 1048576 tests/test_cart.py::test_checkout\n"


def test_the_suppress_example_accepts_vendored_code_and_nothing_else(ran):
    assert ran(example_of("pytest_memguard_suppress")) == [
        "suppressed: vendored code, fixed in its next release",
        "suppressed: None",
    ]


def test_the_report_example_leaves_its_numbers(ran, pytester):
    ran(example_of("pytest_memguard_report"))

    assert json.loads((pytester.path / "memory-numbers.json").read_text()) == {
        "peak": 312 * 2**20,
        "leaks": 1,
        "tests": 1,
    }


def test_the_first_reason_suppresses(ran, pytester):
    pytester.makepyfile(second="def pytest_memguard_suppress(finding): return 'second'")
    source = """
    import pytest
    pytest_plugins = ["second"]
    @pytest.hookimpl(tryfirst=True)
    def pytest_memguard_suppress(finding): return "first"
    """

    assert ran(source) == ["suppressed: first", "suppressed: first"]


def test_a_wrong_argument_is_refused_by_name(pytester):
    pytester.makepyfile(caller=CALLER)
    pytester.makeconftest("def pytest_memguard_leak(leak): pass")
    pytester.syspathinsert()

    result = pytester.runpytest("-p", "caller")

    assert result.ret != pytest.ExitCode.OK
    assert "hook 'pytest_memguard_leak'" in result.stdout.str() + result.stderr.str()
