"""One finding of a report with all its evidence: found by its signature, shown to people or given to programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from pytest_memguard.errors import MemguardError, shown
from pytest_memguard.model import Finding
from pytest_memguard.report.describe import amount
from pytest_memguard.report.failure import leak_text
from pytest_memguard.report.layout import field
from pytest_memguard.report.loading import LoadedReport
from pytest_memguard.report.text import Line, counted, quoted_path, shortened

__all__ = ["SignatureError", "explained", "explained_json", "with_signature"]

_LISTED = 10
_NEAREST = 3
_SHORT = 6
_SIGNATURE = 40
_NODEID = 70


class SignatureError(MemguardError):
    """No leak of the report, or more than one, has this signature."""

    slug = "signature"


def with_signature(report: LoadedReport, wanted: str) -> Finding:
    """The leak whose signature begins with *wanted*, which may stand in brackets; raises ``SignatureError``."""
    start = wanted.strip().strip("[]").lower()
    if not report.leaks:
        raise SignatureError(f"no leaks in {quoted_path(report.path)}", remedy="there is nothing to explain")
    found = [leak for leak in report.leaks if start and leak.diagnosis.signature.lower().startswith(start)]
    exact = [leak for leak in found if leak.diagnosis.signature.lower() == start]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        raise SignatureError(
            f"{counted(len(found), 'leak')} of {quoted_path(report.path)} begin with {shown(wanted)}",
            remedy=f"give more of one of them:\n{_listed(found)}",
        )
    raise SignatureError(
        f"no leak of {quoted_path(report.path)} has the signature {shown(wanted)}", remedy=_nearest(report.leaks, start)
    )


def explained(leak: Finding, report: LoadedReport, width: int) -> Iterator[Line]:
    """Everything that the report knows of one leak."""
    yield from leak_text(leak, width, whole=True)
    yield from field("severity", leak.severity, width)
    yield from field("gates", _gates(leak), width)
    made = [
        f"{name} {value}" for name, value in (("pytest-memguard", report.version), ("Python", report.python)) if value
    ]
    yield from field("report", ", ".join([report.path, *made, *filter(None, [report.started])]), width)


def explained_json(leak: Finding) -> str:
    """The leak's entry in the report, in one line of ASCII, which no terminal obeys."""
    data = leak.to_json()
    if not math.isfinite(leak.confidence):
        data["confidence"] = None
    return json.dumps(data, allow_nan=False)


def _gates(leak: Finding) -> str:
    reason = leak.reason or leak.suppressed_by
    return ("the run fails for it" if leak.gates else "the run does not fail for it") + (
        f": {reason}" if reason else ""
    )


def _nearest(leaks: Sequence[Finding], start: str) -> str:
    by_signature = {leak.diagnosis.signature[: max(_SHORT, len(start))].lower(): leak for leak in leaks}
    near = [by_signature[name] for name in get_close_matches(start[:100], by_signature, n=_NEAREST, cutoff=0.5)]
    return f"did you mean one of these?\n{_listed(near)}" if near else f"there are these:\n{_listed(leaks)}"


def _listed(leaks: Sequence[Finding]) -> str:
    texts = [
        f"    {shortened(leak.diagnosis.signature, _SIGNATURE) or '(none)'}  {shortened(leak.nodeid, _NODEID)}"
        f"  {amount(leak)}, {leak.kind}"
        for leak in leaks[:_LISTED]
    ]
    left = len(leaks) - _LISTED
    return "\n".join([*texts, f"    and {left} more"] if left > 0 else texts)
