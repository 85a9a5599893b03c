"""A suite that leaks, accepts its leaks, mends some, and finds new ones: baseline, suppressions, include-only."""

from __future__ import annotations

import re

import pytest

from tests.integration.suite import UNLIMITED

UPDATE = "--memguard-update-baseline"

SHOP = """
    ORDERS = []
    EVENTS = []

    class Order:
        pass

    def checkout():
        ORDERS.append(Order())

    def publish(event):
        EVENTS.append({"event": event})

    def total(prices):
        return sum(prices)
"""
MENDED = (
    SHOP.replace('EVENTS.append({"event": event})', "return event")
    .replace("EVENTS = []", "EVENTS = []\n    TOTALS = []")
    .replace("return sum(prices)", 'TOTALS.append({"prices": list(prices)})\n        return sum(prices)')
)
ORDERS = """
    import shop

    def test_checkout():
        shop.checkout()

    def test_checkout_again():
        shop.checkout()
"""
EVENTS = """
    import shop

    def test_publish():
        shop.publish("paid")

    def test_total():
        assert shop.total([1, 2]) == 3
"""


@pytest.fixture
def shop(suite):
    suite.write("pytest.ini", "[pytest]\naddopts = --memguard-budget=unlimited\n")
    suite.write("shop.py", SHOP)
    suite.write("test_orders.py", ORDERS)
    suite.write("test_events.py", EVENTS)
    return suite


@pytest.fixture
def baseline(shop):
    return shop.path / "memguard-baseline.yaml"


def states(run):
    return {next(iter(each["patterns"].values())): each["state"] for each in run.report["accepted"]}


def warnings(run):
    return " ".join(run.report["warnings"])


def signature(run, name):
    return run.leak(name)["signature"]


def test_the_life_of_a_baseline(shop, baseline):
    found = shop.run(UPDATE)
    orders, events = signature(found, "test_checkout"), signature(found, "test_publish")
    assert (found.code, found.outcomes, found.quiet) == (0, {"passed": 4}, True)
    assert warnings(found).startswith(
        "memguard-baseline.yaml: accepted 2 new there are accepted leaks without a reason"
    )
    assert 'warning: there are accepted leaks without a reason: write why in place of "?" in' in found.out

    baseline.write_text(baseline.read_text("utf-8").replace('"?"', '"the audit log"  # by law'), "utf-8")
    text = baseline.read_text("utf-8")
    known = shop.run("-p", "no:randomly")
    assert known.code == 0
    assert states(known) == {orders: "used", events: "used"}
    assert not warnings(known)
    leak = known.leak("test_checkout_again")
    assert (leak["verdict"], leak["gates"]) == ("leak", False)
    assert re.fullmatch(r"known since 20\d\d-\d\d-\d\d: the audit log", leak["reason"])
    assert re.fullmatch(r"memguard-baseline\.yaml, line \d+", leak["suppressed_by"])
    assert "  known       test_orders.py::test_checkout\n" in known.out

    shop.write("shop.py", MENDED)
    narrowed = shop.run("-k", "publish")
    assert (narrowed.code, states(narrowed)) == (0, {orders: "not seen", events: "not seen"})
    assert not warnings(narrowed)
    new = shop.run()
    assert (new.code, states(new)) == (1, {orders: "used", events: "fixed"})
    assert new.leak("test_total")["gates"]
    assert "a known leak is fixed, remove its entry: memguard-baseline.yaml, line " in warnings(new)
    assert baseline.read_text("utf-8") == text

    updated = shop.run(UPDATE)
    assert updated.code == 0
    assert states(updated) == {orders: "used", signature(updated, "test_total"): "used"}
    assert "accepted 1 new, took out 1 that is fixed" in warnings(updated)
    changed = baseline.read_text("utf-8")
    assert '"the audit log"  # by law' in changed
    assert events not in changed

    expired = changed.replace('  - signature: "' + orders, '  - expires: 2020-01-31\n    signature: "' + orders)
    baseline.write_text(expired, "utf-8")
    over = shop.run(UPDATE)
    assert over.code == 1
    assert over.leak("test_checkout")["reason"].startswith("accepted until 2020-01-31 (memguard-baseline.yaml, line ")
    assert "expired    accepted until 2020-01-31" in over.out
    assert baseline.read_text("utf-8") == expired


def test_workers_shards_and_orders_give_one_baseline(shop, baseline):
    together = shop.run(UPDATE, "-n", "2")
    assert together.code == 0, together.out
    whole = sorted(states(together))

    baseline.unlink()
    first = shop.run(UPDATE, "test_events.py")
    second = shop.run(UPDATE, "test_orders.py")
    assert (first.code, second.code) == (0, 0)
    assert sorted(states(second)) == whole
    assert set(states(second).values()) == {"used", "not seen"}
    workers = shop.run("-n", "2", "--dist=loadfile")
    assert (workers.code, set(states(workers).values())) == (0, {"used"})


def test_a_run_that_is_stopped_says_of_nothing_that_it_is_fixed(shop, baseline):
    assert shop.run(UPDATE, "test_orders.py").code == 0
    shop.write("shop.py", SHOP.replace("ORDERS.append(Order())", "return Order()"))
    shop.write("test_zz.py", "def test_fails():\n    assert False\n")
    text = baseline.read_text("utf-8")

    stopped = shop.run(UPDATE, "-x", "test_orders.py", "test_zz.py")
    unchecked = shop.run(UPDATE, "--memguard-confirm=none", "test_orders.py")

    for run in (stopped, unchecked):
        assert list(states(run).values()) == ["not seen"]
    assert baseline.read_text("utf-8") == text
    assert list(states(shop.run("test_orders.py")).values()) == ["fixed"]


def test_suppressions_and_packages(shop):
    shop.write("vendored/__init__.py", "KEPT = []\n\nclass Row: pass\n\ndef keep():\n    KEPT.append(Row())\n")
    shop.write("test_vendored.py", "import vendored\n\ndef test_keep():\n    vendored.keep()\n")
    shop.write("conftest.py", "")
    shop.write(
        "memguard.yaml",
        """
        memory:
          confirm:
            packages: [shop]
          suppressions:
            - retainer: shop.ORDERS
              reason: the audit log
            - type: dict
              test: test_events.py::test_publish
              reason: until the bus is rewritten
              expires: 2020-01-31
            - package: elsewhere
              reason: vendored
        """,
    )

    run = shop.run("-v")

    assert run.code == 1
    assert (run.leak("test_checkout")["verdict"], run.leak("test_checkout")["reason"]) == (
        "suppressed",
        "the audit log",
    )
    assert run.leak("test_checkout")["suppressed_by"] == "memguard.yaml, line 5"
    assert run.verdict("test_checkout_again") == ("suppressed", "the audit log")
    assert run.leak("test_publish")["gates"]
    assert run.leak("test_keep")["reason"] == "third-party: outside confirm.packages (shop)"
    assert states(run) == {"shop.ORDERS": "used", "test_events.py::test_publish": "expired", "elsewhere": "unused"}
    assert run.report["warnings"] == [
        "no longer accepted, because its time is over: memguard.yaml, line 7",
        "1 suppression matched no leak: memguard.yaml, line 11",
    ]
    table = run.out[run.out.index("accepted leaks (1 of 3 entries used)") :].splitlines()
    assert [row.split()[0] for row in table[1:8] if re.match("  [eu]", row)] == ["expired", "unused", "used"]
    assert "  used       retainer shop.ORDERS, 1 leak: the audit log (memguard.yaml, line 5)" in run.out


def test_leaks_that_only_warn_can_be_accepted(shop, baseline):
    run = shop.run(UPDATE, "--memguard-fail-on=never", UNLIMITED)

    assert run.code == 0
    assert sorted(states(run).values()) == ["used", "used"]
    assert baseline.exists()
