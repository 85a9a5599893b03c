"""Which leaks are accepted: those that a suppression matches, and those whose signature is in the baseline. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_memguard.acceptance import Acceptance, AcceptanceState
from pytest_memguard.gate import ONLY_WARNS, in_packages
from pytest_memguard.model import Finding
from pytest_memguard.settings import Suppression
from pytest_memguard.values import dataclass

if TYPE_CHECKING:
    from pytest_memguard.settings.baselinefile import Baseline, BaselineEntry  # and PyYAML, for nothing without one

__all__ = ["Acceptances", "Evidence", "matches"]

_NAMED = 5
_FIXTURE = "fixture:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a run can tell of leaks that it has not found.

    ``complete``: it was neither stopped nor narrowed down to some tests by name. ``whole``: it was to run all tests,
    and all that passed were checked. ``clean``: the tests (and ``fixture:NAME``) that were repeated and retain nothing.
    ``gone``: whether there is no such test any more.
    """

    complete: bool = False
    whole: bool = False
    clean: Collection[str] = ()
    gone: Callable[[str], bool] = lambda _nodeid: False


class Acceptances:
    """The suppressions and the baseline of one run, and what they were good for."""

    def __init__(self, suppressions: Sequence[Suppression], baseline: Baseline | None, *, today: dt.date) -> None:
        self._suppressions = suppressions
        self._baseline = baseline
        self._today = today
        self._used = [0] * len(suppressions)
        self._known: dict[str, int] = {}

    def settle(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings, judged by all else before, with those that are accepted marked as such."""
        return [self._settled(finding) for finding in findings]

    def fresh(self, settled: Iterable[Finding]) -> list[Finding]:
        """Of the settled findings those that a baseline is to be given: one for each signature that is not in it."""
        found: dict[str, Finding] = {}
        for finding in settled:
            signature = finding.diagnosis.signature
            if finding.verdict != "leak" or finding.suppressed_by is not None or self._entry(finding) is not None:
                continue
            if signature and (finding.gates or finding.reason == ONLY_WARNS):
                first = found.setdefault(signature, finding)
                witnesses = tuple(dict.fromkeys((*first.witnesses, *finding.witnesses)))
                found[signature] = replace(first, witnesses=witnesses)
        return list(found.values())

    def witnesses(self, settled: Iterable[Finding]) -> dict[str, tuple[str, ...]]:
        """The tests that show the leaks of the baseline now, by its signatures."""
        found: dict[str, tuple[str, ...]] = {}
        for finding in settled:
            entry = self._entry(finding)
            if entry is not None:
                found[entry.signature] = (*found.get(entry.signature, ()), *finding.witnesses)
        return found

    def fixed(self, evidence: Evidence) -> list[BaselineEntry]:
        """The entries whose leak is gone: each of their tests was checked and is clean, or is not there any more."""
        return [entry for entry in self._entries if self._is_fixed(entry, evidence)]

    def results(self, evidence: Evidence) -> Iterator[Acceptance]:
        """What the run has made of each, in the order of the files."""
        for rule, used in zip(self._suppressions, self._used, strict=True):
            over = rule.expires is not None and rule.expires < self._today
            state: AcceptanceState = "expired" if over else "used" if used else "unused"
            if state == "unused" and not (evidence.complete and evidence.whole):
                state = "not seen"
            yield Acceptance(
                source="suppressions",
                origin=rule.origin,
                patterns=rule.patterns,
                reason=rule.reason,
                state=state,
                leaks=used,
                expires=_iso(rule.expires),
            )
        for entry in self._entries:
            yield Acceptance(
                source="baseline",
                origin=self._place(entry),
                patterns={"signature": entry.signature},
                reason=entry.reason,
                state=self._state(entry, evidence),
                leaks=self._known.get(entry.signature, 0),
                first_seen=_iso(entry.first_seen),
                expires=_iso(entry.expires),
            )

    def warnings(self, results: Sequence[Acceptance]) -> Iterator[str]:
        """What somebody is to act on, one sentence each."""
        unreasoned = [each for each in results if each.reason is None and each.state != "fixed"]
        if unreasoned:
            are = "is an accepted leak" if len(unreasoned) == 1 else "are accepted leaks"
            yield f'there {are} without a reason: write why in place of "?" in {_places(unreasoned)}'
        over = [each for each in results if each.state == "expired" and each.leaks]
        if over:
            yield f"no longer accepted, because its time is over: {_places(over)}"
        fixed = [each for each in results if each.state == "fixed"]
        if fixed:
            what = (
                "a known leak is fixed, remove its entry" if len(fixed) == 1 else "known leaks are fixed, remove them"
            )
            yield f"{what}: {_places(fixed)} (--memguard-update-baseline does it)"
        unused = [each for each in results if each.state == "unused"]
        if unused:
            noun = "suppression" if len(unused) == 1 else "suppressions"
            yield f"{len(unused)} {noun} matched no leak: {_places(unused)}"

    @property
    def _entries(self) -> Sequence[BaselineEntry]:
        return () if self._baseline is None else self._baseline.entries

    def _entry(self, finding: Finding) -> BaselineEntry | None:
        signature = finding.diagnosis.signature
        return None if self._baseline is None or not signature else self._baseline.matching(signature)

    def _place(self, entry: BaselineEntry) -> str:
        return "" if self._baseline is None else self._baseline.place(entry)

    def _settled(self, finding: Finding) -> Finding:
        accepted = list(self._accepted(finding))
        if finding.verdict != "leak":
            return finding  # accepted in another way already
        for by, origin in accepted:
            if self._over(by):
                continue
            if isinstance(by, Suppression):
                return replace(finding, verdict="suppressed", gates=False, reason=by.reason, suppressed_by=origin)
            return replace(finding, gates=False, reason=_known(by), suppressed_by=origin)
        if not accepted or not finding.gates:
            return finding
        by, origin = accepted[0]
        until = f"accepted until {_iso(by.expires)} ({origin})"
        return replace(finding, reason=f"{until}: {by.reason}" if by.reason else until)

    def _accepted(self, finding: Finding) -> Iterator[tuple[Suppression | BaselineEntry, str]]:
        """What accepts the finding or did so once, with file and line; each is counted."""
        for index, rule in enumerate(self._suppressions):
            if matches(rule, finding):
                self._used[index] += 1
                yield rule, rule.origin
        entry = self._entry(finding)
        if entry is not None:
            self._known[entry.signature] = self._known.get(entry.signature, 0) + 1
            yield entry, self._place(entry)

    def _over(self, accepted: Suppression | BaselineEntry) -> bool:
        return accepted.expires is not None and accepted.expires < self._today

    def _state(self, entry: BaselineEntry, evidence: Evidence) -> AcceptanceState:
        if self._is_fixed(entry, evidence):
            return "fixed"
        if self._over(entry):
            return "expired"
        return "used" if entry.signature in self._known else "not seen"

    def _is_fixed(self, entry: BaselineEntry, evidence: Evidence) -> bool:
        if not evidence.complete or not entry.tests or entry.signature in self._known:
            return False
        return all(
            test in evidence.clean or (not test.startswith(_FIXTURE) and evidence.gone(test)) for test in entry.tests
        )


def matches(rule: Suppression, finding: Finding) -> bool:
    """Whether every pattern of the rule matches something of the finding; that on the test, each test that shows it."""
    return all(_MATCHERS[name](pattern, finding) for name, pattern in rule.patterns.items())


def _on_test(pattern: str, finding: Finding) -> bool:
    tests = [witness for witness in finding.witnesses if not witness.startswith(_FIXTURE)] or [finding.nodeid]
    return all(
        _alike(test, pattern) or test.startswith((f"{pattern}[", f"{pattern}::", f"{pattern}/")) for test in tests
    )


def _on_type(pattern: str, finding: Finding) -> bool:
    diagnosis = finding.diagnosis
    names = [each.type for each in diagnosis.types] + [each.type for each in diagnosis.retainers]
    return any(_alike(name, pattern) for name in names)


def _on_site(pattern: str, finding: Finding) -> bool:
    """The file, ``file:line``, or the function."""
    sites = (*finding.diagnosis.sites, *finding.diagnosis.retained_at)
    return any(
        _alike(text, pattern) for site in sites for text in (site.file, f"{site.file}:{site.line}", site.function)
    )


def _on_retainer(pattern: str, finding: Finding) -> bool:
    return any(_alike(text, pattern) for each in finding.diagnosis.retainers for text in (each.path, each.root))


def _on_package(pattern: str, finding: Finding) -> bool:
    return in_packages(finding, (pattern.removesuffix(".*"),))


_MATCHERS: Mapping[str, Callable[[str, Finding], bool]] = {
    "test": _on_test,
    "type": _on_type,
    "site": _on_site,
    "retainer": _on_retainer,
    "package": _on_package,
}


def _alike(text: str, pattern: str) -> bool:
    """``*`` and ``?`` stand for anything; brackets for themselves, as in ids of tests and in paths of references."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _known(entry: BaselineEntry) -> str:
    since = f"known since {_iso(entry.first_seen)}" if entry.first_seen else "known"
    return f"{since}: {entry.reason or 'no reason given yet'}"


def _places(accepted: Sequence[Acceptance]) -> str:
    """``memguard-baseline.yaml, lines 5, 9 and 3 more``."""
    by_file: dict[str, list[str]] = {}
    for each in accepted:
        file, _, line = each.origin.rpartition(", line ")
        by_file.setdefault(file, []).append(line)
    texts = []
    for file, lines in by_file.items():
        left = f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
        texts.append(f"{file}, line{'s' * (len(lines) > 1)} {', '.join(lines[:_NAMED])}{left}")
    return "; ".join(texts)


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
