"""The table of components, and their entries in the JSON report."""

from __future__ import annotations

import json
from dataclasses import replace

from pytest_memguard.events import ComponentUsage
from pytest_memguard.report import jsonfile
from pytest_memguard.report.components import component_table
from pytest_memguard.report.terminal import section
from tests.unit import reported

CACHE = ComponentUsage(
    component="cache",
    nodeid=None,
    entries=3,
    bytes=2048,
    grown_entries=-1,
    grown_bytes=None,
    accounted_bytes=1024,
    peak_entries=9,
    grown_most_by="t.py::test_fill",
    limits={},
    state="restarted",
    essential=True,
    worker="gw1",
    error="restart: RuntimeError: no",
)
UNKNOWN = ComponentUsage(
    component="billing", nodeid=None, entries=None, bytes=None, limits={"invoices": 5}, error="not loaded"
)


def texts(usages, width=100):
    return [line.text for line in component_table(usages, width)]


def test_a_row_and_its_notes():
    assert texts([reported.FULL, CACHE, UNKNOWN]) == [
        "component    entries  bytes     growth       limits       state",
        "messages     520      48.3 KiB  +25, +200 B  history 500  running",
        "  over its limit: history",
        "cache (gw1)  3        2.0 KiB   -1           -            restarted, essential",
        "  most entries after a test: 9",
        "  grew most in t.py::test_fill",
        "  tests marked as its own retained +1.0 KiB",
        "  restart: RuntimeError: no",
        "billing      ?        ?         ?            invoices 5   running",
        "  not loaded",
    ]


def test_without_components_there_is_no_table():
    assert texts([]) == []


def test_whatever_it_is_called_a_row_fits_and_does_no_harm():
    hostile = replace(CACHE, component="\x1b[31m" + "long" * 100, error="x" * 500, limits={"\n": 1, "y" * 300: 2})
    for width in (40, 80):
        found = texts([hostile], width)
        assert all(len(text) <= width for text in found)
        assert all(text.isprintable() for text in found)


def test_only_verbose_shows_the_table():
    report = reported.run(components=[CACHE])
    assert not any("cache" in line.text for line in section(report, width=80, verbosity=0, color=False))
    assert any("cache (gw1)" in line.text for line in section(report, width=80, verbosity=1, color=False))


def test_json_has_an_entry_each():
    written = json.loads("".join(jsonfile.render(reported.run(components=[CACHE, UNKNOWN]))))
    assert [ComponentUsage.from_json(entry) for entry in written["components"]] == [CACHE, UNKNOWN]
