"""Compares the JSON report of one suite with its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labels import Label, match


#: Kinds that a finding must have exactly; memory may be found as python or native, by the Python that runs it.
EXACT = frozenset({"fd", "socket", "thread", "task", "process", "timer", "tempfile", "garbage"})


@dataclass(slots=True, kw_only=True)
class Comparison:
    """How one run of one suite compares with its labels; tests by node id, ``suite/`` in front."""

    suite: str
    tests: int = 0
    leaks: dict[str, list[str]] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)
    found_below_floor: list[str] = field(default_factory=list)
    below_floor: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    false_alarms: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    innocent: int = 0
    flagged: frozenset[str] = frozenset()
    verdicts: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    failure: str = ""

    @property
    def good(self) -> bool:
        return not (self.failure or self.missed or self.false_alarms or self.unexpected)

    @property
    def decided(self) -> frozenset[str]:
        """What must be the same in every run: the leaks that were found, and whatever else was flagged wrongly."""
        found = (nodeid for nodeids in self.found.values() for nodeid in nodeids)
        return frozenset((*found, *(line.split(": ", 1)[0] for line in self.false_alarms)))

    def counts(self) -> Counter[str]:
        """How many tests got each verdict."""
        return Counter(self.verdicts.values())


def compare(suite: str, labels: Sequence[Label], report: Mapping[str, Any]) -> Comparison:
    """Judge the report; raises ``labels.WrongLabels`` when the labels are not those of the tests that ran."""
    verdicts = {test["nodeid"]: test["verdict"] for test in report["tests"]}
    findings = [finding for finding in report["leaks"] if finding["verdict"] == "leak"]
    flagged = {name: finding for finding in findings for name in (finding["nodeid"], *finding["witnesses"])}
    kinds = {(name, finding["kind"]) for finding in findings for name in finding["witnesses"]}
    matched = match(labels, verdicts)
    result = Comparison(suite=suite, tests=len(verdicts), flagged=frozenset(flagged), verdicts=verdicts)
    shown = _shown_fixtures(matched, flagged, findings)
    for nodeid, label in matched.items():
        if not label.judged:
            result.unjudged.append(nodeid)
        elif label.label == "leak":
            found = nodeid in flagged or label.fixture in shown
            _leak(result, nodeid, label, found)
            if found and nodeid in flagged and label.kind in EXACT and (nodeid, label.kind) not in kinds:
                result.unexpected.append(f"{nodeid}: {_what(flagged[nodeid])}, not {label.kind}")
        else:
            _innocent(result, nodeid, label, flagged.get(nodeid))
    result.false_alarms += [
        f"{name}: {_what(finding)}" for name, finding in flagged.items() if _strange(name, finding, matched)
    ]
    return result


def _shown_fixtures(
    matched: Mapping[str, Label], flagged: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]
) -> set[str | None]:
    """The labelled fixtures that a finding names, or that a finding's tests use."""
    named = {name.removeprefix("fixture:") for name in flagged if name.startswith("fixture:")}
    named |= {finding["fixture"] for finding in findings}
    used = {label.fixture for nodeid, label in matched.items() if nodeid in flagged}
    return ({label.fixture for label in matched.values()} & named | used) - {None}


def _strange(name: str, finding: Mapping[str, Any], matched: Mapping[str, Label]) -> bool:
    """A finding about something that is neither a test of the suite nor a fixture that leaks.

    pytest has names of its own for ``setUpClass`` and the like: a fixture whose users are those of a labelled one is it.
    """
    if name in matched:
        return False
    users = [matched[witness] for witness in finding["witnesses"] if witness in matched]
    fixtures = {label.fixture for label in matched.values()}
    return name.removeprefix("fixture:") not in fixtures and not any(label.fixture for label in users)


def _leak(result: Comparison, nodeid: str, label: Label, found: bool) -> None:
    kind = str(label.kind)
    if not label.floor:
        (result.found_below_floor if found else result.below_floor).append(nodeid)
        return
    result.leaks.setdefault(kind, []).append(nodeid)
    if found:
        result.found.setdefault(kind, []).append(nodeid)
    else:
        verdict = result.verdicts[nodeid]
        result.missed.append(f"{nodeid}: {verdict}; {label.bytes} B per run, {label.retained} ({label.where})")


def _innocent(result: Comparison, nodeid: str, label: Label, finding: Mapping[str, Any] | None) -> None:
    result.innocent += 1
    verdict = result.verdicts[nodeid]
    if finding is not None or verdict == "leak":
        result.false_alarms.append(f"{nodeid}: {_what(finding)}" + (f"; {label.notes}" if label.notes else ""))
    elif label.expect not in (None, verdict):
        result.unexpected.append(f"{nodeid}: {verdict}, not {label.expect}; {label.notes}")


def _what(finding: Mapping[str, Any] | None) -> str:
    if finding is None:
        return "verdict leak without a finding"
    return ", ".join(_parts(finding))


def _parts(finding: Mapping[str, Any]) -> Iterator[str]:
    yield f"{finding['kind']} {finding['severity']}"
    yield f"{finding['blocks_per_run']} blocks and {finding['bytes_per_run']} B per run"
    yield from finding["resources"][:1]
    for retainer in finding["retainers"][:1]:
        yield f"kept by {retainer['path']}"
    for site in finding["sites"][:1]:
        yield f"allocated at {site['file']}:{site['line']}"
