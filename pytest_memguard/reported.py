"""Brings a baseline up to date from reports: of one run, or of all shards of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from pytest_memguard.baseline import BaselineFile, entry_of
from pytest_memguard.gate import ONLY_WARNS
from pytest_memguard.model import Finding
from pytest_memguard.report.loading import LoadedReport
from pytest_memguard.settings.baselineedit import edited
from pytest_memguard.settings.baselinefile import Baseline, BaselineEntry, is_signature
from pytest_memguard.values import dataclass

__all__ = ["Changes", "accept_reported", "prune_reported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has become of a baseline. ``known``: its entries whose leaks the reports have."""

    added: tuple[BaselineEntry, ...] = ()
    removed: tuple[BaselineEntry, ...] = ()
    known: tuple[BaselineEntry, ...] = ()


def accept_reported(
    file: BaselineFile,
    reports: Sequence[LoadedReport],
    *,
    today: dt.date,
    reason: str | None = None,
    expires: dt.date | None = None,
) -> Changes:
    """Accept each leak of the reports that a run fails for, or that their own baseline has; the file may be new.

    Raises ``MemguardError``.
    """
    done = Changes()

    def change(current: Baseline) -> str:
        nonlocal done
        fresh: dict[str, Finding] = {}
        tests: dict[str, tuple[str, ...]] = {}
        for leak in _leaks(reports):
            entry = current.matching(leak.diagnosis.signature)
            if entry is not None:
                tests[entry.signature] = (*tests.get(entry.signature, ()), *leak.witnesses)
            elif _is_accepted(leak):
                fresh.setdefault(leak.diagnosis.signature, leak)
        added = [entry_of(leak, first_seen=today, reason=reason, expires=expires) for leak in fresh.values()]
        known = [entry for entry in current.entries if entry.signature in tests]
        done = Changes(added=tuple(added), known=tuple(known))
        return edited(current, add=added, tests=tests)

    file.change(change)
    return done


def prune_reported(file: BaselineFile, reports: Sequence[LoadedReport]) -> Changes:
    """Take out each entry that a report calls fixed, and whose leak no report has. Raises ``MemguardError``."""
    fixed = {
        accepted.patterns.get("signature", "")
        for report in reports
        for accepted in report.accepted
        if accepted.source == "baseline" and accepted.state == "fixed"
    }
    file.read()  # a file that is not there is a mistake here
    done = Changes()

    def change(current: Baseline) -> str:
        nonlocal done
        seen = {entry.signature for leak in _leaks(reports) if (entry := current.matching(leak.diagnosis.signature))}
        known = [entry for entry in current.entries if entry.signature in seen]
        removed = [entry for entry in current.entries if entry.signature in fixed - seen]
        done = Changes(removed=tuple(removed), known=tuple(known))
        return edited(current, drop={entry.signature for entry in removed})

    file.change(change)
    return done


def _is_accepted(leak: Finding) -> bool:
    """Whether a run fails for it, or would if leaks did, or another baseline had not had it."""
    return leak.verdict == "leak" and (leak.gates or leak.reason == ONLY_WARNS or leak.suppressed_by is not None)


def _leaks(reports: Sequence[LoadedReport]) -> Iterator[Finding]:
    return (leak for report in reports for leak in report.leaks if is_signature(leak.diagnosis.signature))
