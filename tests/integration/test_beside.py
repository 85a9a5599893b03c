"""Beside plugins that record each run of a test: repetitions reach neither their reports nor their memory."""

from __future__ import annotations

import re

import pytest

from tests.integration.suite import UNLIMITED
from tests.integration.test_neutral import settled

pytest.importorskip("pytest_bdd", reason="pytest-bdd is not installed")
pytest.importorskip("pytest_cov", reason="pytest-cov is not installed")
pytest.importorskip("syrupy", reason="syrupy is not installed")

SHOP = """
orders = []

def sell(price):
    orders.append([price])
    return price

def discount(price):
    if len(orders) > 3:
        return 0  # in a repetition only
    return price
"""

CONFTEST = """
import sys, types
import pytest

class Session:
    disabled = False
    benchmarks = []


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    config._benchmarksession = Session()

@pytest.fixture
def benchmark(request):
    session = request.config._benchmarksession
    def call(function, *args):
        if not session.disabled:
            session.benchmarks.append(request.node.nodeid)
        return function(*args)
    return call

def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"{len(Session.benchmarks)} benchmarks, {Session.disabled}")
"""

TESTS = """
import shop, threading
import pytest
from pytest_bdd import given, scenarios, then

scenarios("stall.feature")

@given("a stall", target_fixture="stall")
def stall(): return {"loaves": 3}

@given("an order that is kept")
def keep(): shop.sell(3)

@then("it has loaves")
def loaves(stall): assert stall["loaves"] == 3

def test_snapshot(snapshot): assert {"price": 3} == snapshot

def test_snapshot_leaks(snapshot): assert shop.sell(3) == snapshot

def test_discount(): assert shop.discount(3) in (0, 3)

def test_benchmark(benchmark): assert benchmark(abs, -3) == 3

def test_benchmark_leaks(benchmark): benchmark(shop.sell, 3)

@pytest.mark.no_cover
def test_uncovered(): pass

def test_thread_after_it():
    worker = threading.Thread(target=abs, args=(-3,))
    worker.start()
    worker.join()
"""

FEATURE = """
Feature: Stall
  Scenario: Bread
    Given a stall
    Then it has loaves

  Scenario: leaks
    Given a stall
    And an order that is kept
    Then it has loaves
"""

SNAPSHOTS = """
# serializer version: 1
# name: test_snapshot
  dict({
    'price': 3,
  })
# ---
# name: test_snapshot_leaks
  3
# ---
"""


@pytest.fixture(scope="module")
def shop(make_suite):
    suite = make_suite()
    files = {
        "shop.py": SHOP,
        "conftest.py": CONFTEST,
        "test_stall.py": TESTS,
        "stall.feature": FEATURE,
        "__snapshots__/test_stall.ambr": SNAPSHOTS,
    }
    for name, text in files.items():
        suite.write(name, text)
    return suite


def shown(run):
    """What is printed, without memguard's own section and the name of the plugin."""
    lines, ours = [], False
    for line in run.lines:
        ours = "= memguard: " in line or (ours and not re.match(r"^(={3}|-{3}|\d+ benchmarks)", line))
        if not (ours or line.startswith(("plugins: ", "rootdir: ")) or not line):
            lines.append(line)
    return settled("\n".join(lines))


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=" ".join)
def test_what_they_report_is_the_same_and_exactly_the_leaks_are_found(shop, workers):
    args = (
        "-p",
        "pytest-bdd",
        "-p",
        "syrupy",
        "-v",
        "--cov=shop",
        "--cov-branch",
        "--cov-report=term-missing",
        "-p",
        "no:randomly",
        *workers,
    )
    plain = shop.run(*args, memguard=False)
    run = shop.run(*args, "--memguard-fail-on=never", UNLIMITED)

    assert shown(run) == shown(plain)
    assert "2 snapshots passed" in plain.out
    assert re.search(r"shop\.py .* 85%|shop\.py .* \d+%", plain.out)
    assert "2 benchmarks, False" in plain.out or workers
    assert run.code == plain.code == 0
    assert run.names("leak") == {"test_leaks", "test_snapshot_leaks", "test_benchmark_leaks"}
    assert set(run.verdicts.values()) == {"leak", "clean"}
    assert run.quiet, run.out
