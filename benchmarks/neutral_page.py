"""The table of suites that ran as they do without memguard, for the terminal and docs/reference/real-suites.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.pages import markdown, replace
from benchmarks.places import ROOT

PAGE = ROOT / "docs" / "reference" / "real-suites.md"
HEAD = ("suite", "run", "tests", "lines compared", "vary by themselves", "differences", "findings")
_NONE = "-"


def row(result: Mapping[str, Any]) -> tuple[str, ...]:
    """One suite in one variant: what was compared, or why nothing could be."""
    first = (f"{result['name']} {result['version']}", result["variant"])
    if "cannot" in result:
        return (*first, _NONE, _NONE, _NONE, f"cannot be run so without memguard: {result['cannot']}", _NONE)
    tests, findings = str(result.get("tests", _NONE)), str(len(result.get("findings", ())))
    differences = str(result["differences"] + len(result["errors"]))
    return (*first, tests, f"{result['lines']:,}", _varying(result), differences, findings)


def write(results: Sequence[Mapping[str, Any]]) -> None:
    """Puts the table of these results, and with what they came about, into the page."""
    replace(PAGE, "neutral", f"{_about(results)}\n\n{_table(results)}" if results else "Nothing was compared yet.")


def _table(results: Sequence[Mapping[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = []
    shown = ""
    for result in results:
        suite, *rest = row(result)
        rows.append(("" if suite == shown else suite, *rest))
        shown = suite
    return markdown(HEAD, rows)


def _about(results: Sequence[Mapping[str, Any]]) -> str:
    dates = sorted(result["date"] for result in results)
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    pythons = ", ".join(sorted({result["python"] for result in results}))
    names = ("pytest", "pytest-xdist", "pytest-memguard")
    versions = sorted({f"{n} {r['versions'][n]}" for r in results for n in names if n in r["versions"]})
    suites = len({result["name"] for result in results})
    tests = sum(result.get("tests", 0) for result in results)
    lines = sum(result.get("lines", 0) for result in results)
    plain = " or ".join(map(str, sorted({result["plain_runs"] for result in results})))
    return (
        f"{when}, Python {pythons}, {', '.join(versions)}; {plain} plain runs of each.\n"
        f"In all {suites} suites, {tests:,} tests in their {len(results)} runs, {lines:,} lines compared."
    )


def _varying(result: Mapping[str, Any]) -> str:
    counts = (("line", result["unstable"]), ("text", result["loose"]))
    return ", ".join(f"{n} {what}{'s' if n > 1 else ''}" for what, n in counts if n) or _NONE
