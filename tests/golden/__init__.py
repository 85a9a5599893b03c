"""What every output makes of two fixed reports, whole: ``python -m tests.golden`` writes the files anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.model import AllocationSite, Diagnosis, GrownTest, Retainer, RunReport, TypeGrowth
from pytest_memguard.report.formats import formats
from tests.unit import reported as r

FOLDER = Path(__file__).parent
# Where the tests are in the checkout, as annotations need it.
BELOW = "services/shop"
_SUFFIXES = {"text": "txt", "json": "json", "markdown": "md", "junit": "xml", "github": "github.txt"}

_GROWN = GrownTest(
    nodeid="tests/test_import.py::test_big",
    metric="peak",
    bytes=82 * 2**20,
    usual_bytes=20 * 2**20,
    lowest_bytes=19 * 2**20,
    highest_bytes=21 * 2**20,
    runs=10,
    gates=True,
)

_ACCEPTED = Acceptance(
    source="baseline",
    origin="memguard-baseline.yaml, line 5",
    patterns={"signature": "3fa9c1b2d4e5"},
    reason="before 2.0",
    state="used",
    leaks=1,
    first_seen="2026-11-01",
    expires="2027-01-31",
)

EVERYTHING = r.run(
    r.LEAK,
    r.THREAD,
    r.NATIVE,
    r.LOW,
    r.SUPPRESSED,
    r.THIRD_PARTY,
    tests=(
        r.record(r.CHECKOUT, "leak"),
        r.record("tests/test_jobs.py::test_worker", "leak"),
        r.record("tests/test_parse.py::TestXml::test_parse[a/b.xml-[1]]", "clean"),
        r.record("tests/test_slow.py::test_import", "unchecked", "the budget was spent"),
        r.record("tests/test_slow.py::test_skipped", "unchecked", "it did not pass", outcome="skipped"),
        r.record("tests/test_slow.py::test_broken", "unchecked", "it did not pass", outcome="failed"),
        r.record("tests/test_slow.py::test_setup", "unchecked", "it did not pass", outcome="error"),
        r.record("tests/test_flaky.py::test_order", "inconclusive", "it failed when it was repeated"),
        r.hungry("tests/test_import.py::test_big"),
    ),
    limits=(r.LIMIT, replace(r.LIMIT, nodeid="tests/test_import.py::test_small", gates=False)),
    pressure=(r.PRESSURE, replace(r.PRESSURE, level="normal", previous="critical", alert=False)),
    cleanups=(r.CLEANUP,),
    strategies=(r.PAYS, r.FAILS),
    failures=(r.STOPPED,),
    grown=(_GROWN, replace(_GROWN, nodeid="tests/test_import.py::test_small", gates=False)),
    accepted=(_ACCEPTED, replace(_ACCEPTED, patterns={"signature": "a0b1c2d3e4f5"}, state="fixed", leaks=0)),
    components=(r.USAGE, r.FULL),
    warnings=("fixtures not checked: db, cache",),
    errors=("watching: ValueError: no such metric",),
    session={"tests": 9, "checked": 5, "collections": r.COLLECTIONS, "growth": replace(r.GROWTH, gates=True)},
)

_BAD = (
    "]`|<img src=x onerror=alert(1)>\n::error::owned %0A\x1b[31m\u202e @someone #1 www.evil.example "
    "::set-output name=a::b"
)

HOSTILE = r.run(
    replace(
        r.LEAK,
        nodeid=f"tests/t:a,b.py::test[{_BAD}]",
        witnesses=(f"tests/t:a,b.py::test[{_BAD}]", f"fixture:{_BAD}"),
        fixture=_BAD,
        resources=(_BAD, "```", "</details>", "--><script>"),
        advice=f"see [this](https://evil.example) {_BAD}",
        diagnosis=Diagnosis(
            types=(TypeGrowth(type=_BAD, count=1, bytes=8),),
            sites=(AllocationSite(file=f"src/{_BAD}.py", line=3, function=_BAD, bytes=8, count=1, source=_BAD),),
            retainers=(Retainer(path=_BAD, root=_BAD, type=_BAD, steps=(_BAD, "``` ~~~"), suspect=0),),
            component=_BAD,
            signature=_BAD,
            notes=(_BAD,),
        ),
    ),
    replace(r.SUPPRESSED, reason=_BAD),
    tests=(r.record(f"tests/t:a,b.py::test[{_BAD}]", "leak", _BAD),),
    limits=(replace(r.LIMIT, nodeid=_BAD, origin=_BAD),),
    accepted=(replace(_ACCEPTED, origin=_BAD, patterns={"test": _BAD}, reason=_BAD),),
    failures=(replace(r.STOPPED, nodeid=_BAD, reason=_BAD),),
    components=(replace(r.USAGE, component=_BAD, error=_BAD),),
    warnings=(_BAD, f"# {_BAD}", "- [ ] GH-12 $x$ ~~a~~"),
    errors=(_BAD,),
    session={"tests": 1, "checked": 1, "peak_nodeid": _BAD},
)

REPORTS = {"everything": EVERYTHING, "hostile": HOSTILE}


def outputs() -> Iterator[tuple[str, str]]:
    """The name and the text of every file; a page is no text to be compared, and has tests of its own."""
    for name, report in REPORTS.items():
        for made in formats(below=BELOW):
            if made.name in _SUFFIXES:
                yield f"{name}.{_SUFFIXES[made.name]}", text_of(report, made.name)


def text_of(report: RunReport, name: str) -> str:
    """The report in the format of that name."""
    (made,) = (entry for entry in formats(below=BELOW) if entry.name == name)
    return "".join(made.render(report))
