"""The text of one failing entry, word for word."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest

from pytest_memguard.model import Retainer, RoundSeries
from pytest_memguard.report.failure import grown_text, leak_text, limit_text
from pytest_memguard.report.text import cells
from tests.unit.reported import GROWN, LEAK, LIMIT, NATIVE, THREAD


def shown(lines):
    return "\n".join(entry.text for entry in lines)


def expect(text):
    return dedent(text).strip("\n")


def test_a_leak():
    leak = replace(LEAK, witnesses=(*LEAK.witnesses, "tests/test_cart.py::test_total"), advice="empty it in teardown")

    assert shown(leak_text(leak, 80)) == expect(
        """
        python leak confirmed: +1.0 MiB per run in 5 of 5 runs (confidence 0.99)
          test       tests/test_cart.py::test_checkout
          phase      call
          round      blocks       heap
          1             +30   +1048576
          2             +30   +1048592
          3             +30   +1048576
          4             +31   +1048576
          5             +30   +1048576
          types      +10 shop.cart.Order, +10 dict
          allocated  shop/cart.py:41 in checkout: _ORDERS.append(Order(...))
          kept by    shop.cart._ORDERS (list)
                     ~~~~~~~~~~~~~~~~~
                     -> [*] shop.cart.Order
          component  shop.cart
          signature  3fa9c1d2e4
          also seen  in 1 other test: tests/test_cart.py::test_total
          advice     empty it in teardown
          repeat     pytest --memguard "tests/test_cart.py::test_checkout"
          accept     @pytest.mark.memguard(leak="1 MiB", reason=...) on the test
        """
    )


def test_many_rounds_of_a_native_leak():
    assert shown(leak_text(NATIVE, 80)) == expect(
        """
        native leak confirmed: +4.0 KiB per run in 32 of 32 runs (confidence 0.94)
          test       tests/test_parse.py::test_xml
          phase      call
          round       heap
          1          +4096
          2          +4096
          3          +4096
          4          +4096
          5          +4096
          6          +4096
          7          +4096
          8          +4096
          ..
          32         +4096
          signature  beef01
          note       no Python object stays: the memory was allocated by a C extension
          repeat     pytest --memguard "tests/test_parse.py::test_xml"
          accept     @pytest.mark.memguard(leak="4 KiB", reason=...) on the test
        """
    )


def test_a_thread_has_no_size_to_accept():
    text = shown(leak_text(THREAD, 80)).splitlines()

    assert text[0] == "thread leak confirmed: +1 thread per run in 3 of 3 runs (confidence 0.95)"
    assert text[-1] == "  accept     @pytest.mark.memguard(leak=False, reason=...) on the test"


def test_a_guilty_reference_in_the_middle_is_underlined_below_its_step():
    path = Retainer(
        path="app.CACHE._by_id[*]",
        root="app.CACHE",
        type="app.Session",
        steps=("app.CACHE (app.Cache)", "._by_id (dict)", "[*] app.Session"),
        suspect=1,
    )
    leak = replace(LEAK, diagnosis=replace(LEAK.diagnosis, retainers=(path, Retainer(path="x.y", root="x", type="z"))))
    text = shown(leak_text(leak, 80)).splitlines()
    start = next(index for index, entry in enumerate(text) if entry.startswith("  kept by"))

    assert text[start : start + 5] == [
        "  kept by    app.CACHE (app.Cache)",
        "             -> ._by_id (dict)",
        "                ~~~~~~~",
        "             -> [*] app.Session",
        "  and by     x.y (z)",
    ]


def test_a_root_with_spaces_in_its_name_is_underlined_whole():
    path = Retainer(path="cache of f", root="cache of f", type="int", steps=("cache of f (lru_cache)",), suspect=0)
    leak = replace(LEAK, diagnosis=replace(LEAK.diagnosis, retainers=(path,)))

    assert "  kept by    cache of f (lru_cache)\n             ~~~~~~~~~~\n" in shown(leak_text(leak, 80))


def test_metrics_with_different_numbers_of_rounds_share_a_table():
    rounds = (RoundSeries(metric="blocks", deltas=(2, 2)), RoundSeries(metric="heap", deltas=(64,)))
    text = shown(leak_text(replace(LEAK, rounds=rounds), 80)).splitlines()

    assert [entry.rstrip() for entry in text[3:6]] == [
        "  round      blocks   heap",
        "  1              +2    +64",
        "  2              +2",
    ]


@pytest.mark.parametrize(
    ("size", "accepted"), [(1, "1 B"), (1023, "1023 B"), (1025, "2 KiB"), (2**20 + 1, "2 MiB"), (5 * 2**30, "5120 MiB")]
)
def test_the_accepted_size_is_never_below_the_leak(size, accepted):
    assert f'leak="{accepted}"' in shown(leak_text(replace(LEAK, bytes_per_run=size), 80))


def test_a_limit():
    assert shown(limit_text(LIMIT, 80)) == expect(
        """
        memory limit exceeded: peak +80.0 MiB, limit 50.0 MiB
          test       tests/test_import.py::test_big
          peak       80.0 MiB above what the test started with
          set by     @pytest.mark.memguard(limit='50 MiB')
          repeat     pytest --memguard "tests/test_import.py::test_big"
        """
    )


def test_a_test_that_has_grown():
    assert shown(grown_text(GROWN, 80)) == expect(
        """
        memory has grown: peak 82.0 MiB, usually 20.0 MiB (10 runs: 19.0 MiB to 21.0
        MiB)
          test       tests/test_import.py::test_big
          peak       82.0 MiB above what the test started with
          usually    20.0 MiB, the median of 10 earlier runs
          history    memguard history "tests/test_import.py::test_big"
        """
    )


def test_hostile_text_is_harmless_and_within_the_width():
    bad = "\x1b[31m\n" * 30
    site = replace(LEAK.diagnosis.sites[0], file=bad, function=bad, source=bad)
    path = replace(LEAK.diagnosis.retainers[0], steps=(bad, bad), path=bad)
    leak = replace(
        LEAK,
        nodeid=bad,
        witnesses=(bad + "2",),
        diagnosis=replace(LEAK.diagnosis, sites=(site,), retainers=(path,), notes=(bad,), component=bad, signature=bad),
    )
    text = [entry.text for entry in leak_text(leak, 80)]

    assert all(entry.isprintable() for entry in text)
    assert all(cells(entry) <= 80 for entry in text if not entry.startswith("  repeat"))
