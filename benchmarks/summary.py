"""What a JSON report of a run says, in the few figures that the benchmarks print."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.places import BenchmarkError

# What a test that could not be repeated says for itself: "the repetition failed in call: ..", "was skipped", ..
_NOT_REPEATABLE = "repetition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Verdicts and findings of one run.

    ``repetitions`` counts every repetition, ``checked`` the tests repeated, ``clean`` those that retain nothing
    and ``clean_repetitions`` what these took. ``errors`` are the plugin's own. Times in seconds.
    """

    tests: int
    verdicts: Mapping[str, int]
    reasons: Mapping[str, int]
    not_repeatable: int
    checked: int
    repetitions: int
    clean: int
    clean_repetitions: int
    findings: tuple[dict[str, Any], ...]
    errors: tuple[str, ...]
    watching_cost_s: float | None
    checking_cost_s: float | None

    @property
    def repetitions_per_clean_test(self) -> float:
        """Repetitions for each test that retains nothing; 0 where there is none."""
        return self.clean_repetitions / self.clean if self.clean else 0.0

    @property
    def not_repeatable_share(self) -> float:
        """Share of the tests checked that could not be repeated, 0..1."""
        return self.not_repeatable / self.checked if self.checked else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "tests": self.tests,
            "checked": self.checked,
            "repetitions": self.repetitions,
            "clean": self.clean,
            "clean_repetitions": self.clean_repetitions,
            "repetitions_per_clean_test": self.repetitions_per_clean_test,
            "not_repeatable": self.not_repeatable,
            "not_repeatable_share": self.not_repeatable_share,
            "verdicts": dict(self.verdicts),
            "inconclusive_reasons": dict(self.reasons),
            "findings": list(self.findings),
            "errors": list(self.errors),
            "watching_cost_s": self.watching_cost_s,
            "checking_cost_s": self.checking_cost_s,
        }


def read(file: Path) -> Summary:
    """Reads a report. Raises BenchmarkError where it is missing or not one of schema 1."""
    try:
        report = json.loads(file.read_text())
        return _summary(report)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(f"{file} is no report of schema 1: {type(error).__name__}: {error}") from error


def _summary(report: Mapping[str, Any]) -> Summary:
    tests = report["tests"]
    session = report["session"]
    verdicts = Counter(test["verdict"] for test in tests)
    reasons = Counter(test["reason"] or "" for test in tests if test["verdict"] == "inconclusive")
    return Summary(
        tests=len(tests),
        verdicts=dict(verdicts.most_common()),
        reasons=dict(reasons.most_common()),
        not_repeatable=sum(n for reason, n in reasons.items() if _NOT_REPEATABLE in reason),
        checked=session["checked"],
        repetitions=session["repetitions"],
        clean=session["clean"],
        clean_repetitions=session["clean_repetitions"],
        findings=tuple(_finding(leak) for leak in report["leaks"]),
        errors=tuple(report["errors"]),
        watching_cost_s=session["watching_cost_s"],
        checking_cost_s=session["checking_cost_s"],
    )


def _finding(leak: Mapping[str, Any]) -> dict[str, Any]:
    sites = [f"{s['file']}:{s['line']} in {s['function']}" for s in leak["sites"]]
    retainers = [r["path"] for r in leak["retainers"]]
    names = ("nodeid", "kind", "severity", "gates", "reason", "phase", "fixture", "bytes_per_run", "blocks_per_run")
    finding = {name: leak[name] for name in names}
    finding |= {
        "witnesses": len(leak["witnesses"]),
        "signature": leak["signature"],
        "component": leak["component"],
        "types": [f"{t['count']:+d} {t['type']}" for t in leak["types"]],
        "sites": sites,
        "retainers": retainers,
        "rounds": leak["rounds"],
    }
    return finding


def lines(finding: Mapping[str, Any]) -> list[str]:
    """A finding for people: two or three lines."""
    gate = "gates" if finding["gates"] else f"does not gate: {finding['reason']}"
    head = (
        f"{finding['kind']} {finding['severity']} {finding['nodeid']} (+{finding['witnesses'] - 1} witnesses) "
        f"{finding['bytes_per_run']:+} B {finding['blocks_per_run']:+} blocks a run [{finding['signature'][:8]}] {gate}"
    )
    site = finding["sites"][0] if finding["sites"] else "unknown"
    kept = finding["retainers"][0] if finding["retainers"] else "unknown"
    return [head, f"    types {', '.join(finding['types']) or 'unknown'}", f"    allocated {site}; kept by {kept}"]
