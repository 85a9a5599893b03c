"""The main job: ``pytest --memguard examples`` finds the three leaks of the shop, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import schema
from tests.readme import copy_examples, pytest_output

TESTS = 36

# By the type that stays: who shows it, the file of the allocation, what must occur in the path that keeps it.
LEAKS = {
    "shop.orders.Order": (
        {"test_orders.py::test_checkout", "test_orders.py::test_order_numbers_rise", "test_orders.py::test_buy_again"},
        {"examples/shop/orders.py"},
        "shop.orders._history",
    ),
    "shop.stock.LowStockAlert": (
        {
            "test_stock.py::test_low_stock[2-False]",
            "test_stock.py::test_low_stock[3-True]",
            "test_stock.py::test_low_stock[5-True]",
            "test_stock.py::test_delivery_ends_the_alert",
        },
        {"examples/shop/stock.py", "examples/tests/test_stock.py"},
        "shop.events.bus",
    ),
    "shop.importing._Problems": (
        {"test_importing.py::test_price_list", "test_importing.py::test_unreadable_lines"},
        {"examples/shop/importing.py"},
        "handlers",
    ),
}
LEAKING = {test for tests, _, _ in LEAKS.values() for test in tests}

# Keeps more after its first repetitions, and stops; the cache of the vouchers may be full when the second test comes.
FILLING = "test_catalogue.py::test_last_viewed"
VOUCHERS = ("test_cart.py::CartTest::test_voucher", "test_pricing.py::test_new_voucher")


@dataclass(frozen=True)
class Run:
    """What a run of the examples gave: exit status, output, and the JSON report."""

    status: int
    output: str
    report: dict[str, Any]

    @property
    def leaks(self) -> dict[str, dict[str, Any]]:
        return {main_type(leak): leak for leak in self.report["leaks"]}

    @property
    def verdicts(self) -> dict[str, str]:
        return {short(test["nodeid"]): test["verdict"] for test in self.report["tests"]}


def run(folder: Path, *arguments: str) -> Run:
    copy_examples(folder)
    target = folder / "report.json"
    # However busy the machine is: without a budget every test is reached.
    options = ("--memguard", "--memguard-budget=unlimited", f"--memguard-json={target}")
    status, output = pytest_output(*options, *arguments, "examples", cwd=folder)
    assert target.exists(), output
    return Run(status, output, json.loads(target.read_text("utf-8")))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run, in one process, for the tests that only read what it gave."""
    return run(tmp_path_factory.mktemp("alone"))


def short(nodeid: str) -> str:
    return nodeid.removeprefix("examples/tests/")


def main_type(leak: dict[str, Any]) -> str:
    """The shop's own type among those that stay; only one of the three findings has it."""
    found = [name for name in LEAKS if name in {entry["type"] for entry in leak["types"]}]
    assert len(found) == 1, leak["types"]
    return found[0]


def test_the_suite_passes_without_memguard(tmp_path: Path) -> None:
    copy_examples(tmp_path)

    status, output = pytest_output("-W", "error", "-p", "no:asyncio", "examples", cwd=tmp_path)

    assert status == 0, output
    assert f"{TESTS} passed" in output


def test_three_leaks_and_nothing_else(alone: Run) -> None:
    assert_found(alone)


def test_three_leaks_and_nothing_else_with_two_workers(tmp_path: Path) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")

    assert_found(run(tmp_path, "-n", "2"))


def assert_found(result: Run) -> None:
    assert result.status == 1, result.output
    assert schema.violations(result.report) == []
    assert len(result.report["leaks"]) == len(LEAKS), result.output
    assert set(result.leaks) == set(LEAKS)
    assert all(leak["gates"] and leak["kind"] == "python" for leak in result.report["leaks"])
    assert {nodeid for nodeid, verdict in result.verdicts.items() if verdict == "leak"} == LEAKING


@pytest.mark.parametrize("name", LEAKS)
def test_each_leak_is_explained(alone: Run, name: str) -> None:
    witnesses, files, holder = LEAKS[name]
    leak = alone.leaks[name]

    assert {short(witness) for witness in leak["witnesses"] if not witness.startswith("fixture:")} == witnesses
    assert files & {site["file"] for site in leak["sites"]}
    assert holder in leak["retainers"][0]["path"]
    assert leak["confidence"] > 0.9


def test_each_leak_is_laid_to_its_phase(alone: Run) -> None:
    found = {name: (leak["phase"], leak["fixture"]) for name, leak in alone.leaks.items()}

    assert found == {
        "shop.orders.Order": ("call", None),
        "shop.stock.LowStockAlert": ("setup", "alert"),
        "shop.importing._Problems": ("call", None),
    }


def test_look_alikes_are_called_what_they_are(alone: Run) -> None:
    innocent = {nodeid: verdict for nodeid, verdict in alone.verdicts.items() if nodeid not in LEAKING}

    assert len(alone.verdicts) == TESTS
    assert set(innocent.values()) <= {"clean", "saturating", "one-off", "deferred"}, alone.output
    assert innocent[FILLING] == "saturating"
    assert "saturating" in {innocent[nodeid] for nodeid in VOUCHERS}


def test_outcomes_of_the_suite_are_its_own(tmp_path: Path) -> None:
    result = run(tmp_path, "--memguard-fail-on=never")

    assert result.status == 0, result.output
    assert f"{TESTS} passed" in result.output
    assert {test["outcome"] for test in result.report["tests"]} == {"passed"}
    assert len(result.leaks) == len(LEAKS)
