"""The run as JUnit XML: every test as it ended, and each finding as one more failing case of its test.

It is what pytest's own ``--junitxml`` has of a run with memguard, as far as a JSON report knows it: of a test that
failed by itself there is the outcome, and no traceback.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from pytest_memguard.model import MemoryRecord, RunReport
from pytest_memguard.report.entry import (
    Entry,
    failing,
    headline,
    lines_of,
    nodeid_of,
    properties,
    site_of,
    test_address,
)
from pytest_memguard.report.text import harmless

__all__ = ["render"]

_WIDTH = 100
_ELSEWHERE = "the JSON report of memguard has the outcome of a test, and not why it failed"
_OUTCOMES = {
    "failed": f"<failure message={quoteattr('failed')}>{_ELSEWHERE}</failure>",
    "error": f"<error message={quoteattr('error in setup or teardown')}>{_ELSEWHERE}</error>",
    "skipped": "<skipped />",
    "xfailed": f"<skipped type={quoteattr('pytest.xfail')} />",
}


def render(report: RunReport) -> Iterator[str]:
    """The text of the XML file, in pieces of about one case each, in order."""
    entries = failing(report)
    outcomes = Counter(record.outcome for record in report.tests)
    totals = {
        "name": "memguard",
        "errors": outcomes["error"],
        "failures": outcomes["failed"] + len(entries),
        "skipped": outcomes["skipped"] + outcomes["xfailed"],
        "tests": outcomes.total() + len(entries),
        "time": f"{report.session.duration_s:.3f}",
        "timestamp": report.session.started,
    }
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="pytest tests">\n'
    yield f"<testsuite{_attributes(totals)}>\n"
    for record in report.tests:
        yield _test(record)
    for entry in entries:
        yield _finding(entry)
    yield "</testsuite>\n</testsuites>\n"


def _test(record: MemoryRecord) -> str:
    case = f"<testcase{_named(record.nodeid, record.duration_s)}"
    told = _OUTCOMES.get(record.outcome)
    return f"{case} />\n" if told is None else f"{case}>{told}</testcase>\n"


def _finding(entry: Entry) -> str:
    site = site_of(entry)
    place = {} if site is None else {"file": site[0], "line": site[1]}
    told = "".join(f"<property{_attributes({'name': name, 'value': value})} />" for name, value in properties(entry))
    text = "\n".join(line.text for line in lines_of(entry, _WIDTH))
    return (
        f"<testcase{_named(nodeid_of(entry), 0.0)}{_attributes(place)}><properties>{told}</properties>"
        f"<failure{_attributes({'message': headline(entry)})}>{escape(text)}</failure></testcase>\n"
    )


def _named(nodeid: str, duration_s: float) -> str:
    classname, name = test_address(nodeid)
    return _attributes({"classname": classname, "name": name, "time": f"{duration_s:.3f}"})


def _attributes(values: dict[str, object]) -> str:
    # What a terminal would obey is no character of XML 1.0 either.
    return "".join(f" {name}={quoteattr(harmless(str(value)))}" for name, value in values.items())
