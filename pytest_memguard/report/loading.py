"""A report in JSON read back, whatever the file holds: its leaks as values, or an error that says what is wrong.

Nothing in the file is trusted. Keys may be missing or of another type, texts and lists may be of any length: each value
is taken if it is what it should be, cut to a bearable size, and otherwise left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_args

from pytest_memguard.acceptance import ACCEPTANCE_STATES, Acceptance
from pytest_memguard.errors import MemguardError, shown
from pytest_memguard.model import (
    SCHEMA_VERSION,
    VERDICTS,
    AllocationSite,
    Diagnosis,
    Finding,
    Kind,
    Phase,
    Retainer,
    RoundSeries,
    TypeGrowth,
)
from pytest_memguard.report.text import quoted_path

__all__ = ["LoadedReport", "UnreadableReportError", "load_report"]

T = TypeVar("T")
_MOST_BYTES = 1 << 29
_LONGEST = 2_000
_MOST_ENTRIES = 1_000
_HIGHEST = 2**63
_TOOL = "pytest-memguard"
_OTHER_FILE = "give a file that `pytest --memguard --memguard-json=FILE` has written"


class UnreadableReportError(MemguardError):
    """A file that is no report, or none that this version can read."""

    slug = "report-unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedReport:
    """What a report in JSON says of the run and of its leaks."""

    path: str
    version: str
    python: str
    started: str
    leaks: tuple[Finding, ...]
    accepted: tuple[Acceptance, ...] = ()


def load_report(path: str) -> LoadedReport:
    """Read *path*; raises ``UnreadableReportError``."""
    try:
        data = json.loads(_content(path))
    except ValueError as error:  # of json, of a number with too many digits, of text that is no UTF-8
        reason = str(error).partition("\n")[0][:200]
        raise _unreadable(
            path, f"it is not JSON ({reason})", "the run may have been ended while it was written"
        ) from None
    except RecursionError:
        raise _unreadable(path, "it is nested too deeply", _OTHER_FILE) from None
    if not isinstance(data, dict) or _mapping(data, "tool").get("name") != _TOOL:
        raise _unreadable(path, f"it is not a report of {_TOOL}", _OTHER_FILE)
    _check_schema(path, data)
    return LoadedReport(
        path=path,
        version=_text(_mapping(data, "tool"), "version"),
        python=_text(_mapping(data, "environment"), "python"),
        started=_text(_mapping(data, "session"), "started"),
        leaks=tuple(_entries(data, "leaks", _finding, most=100 * _MOST_ENTRIES)),
        accepted=tuple(_entries(data, "accepted", _acceptance, most=100 * _MOST_ENTRIES)),
    )


def _content(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(path, reason[:1].lower() + reason[1:], _OTHER_FILE) from None
    if len(content) > _MOST_BYTES:
        raise _unreadable(path, f"it is larger than {_MOST_BYTES >> 20} MiB", _OTHER_FILE)
    return content.decode("utf-8-sig")


def _check_schema(path: str, data: Mapping[str, Any]) -> None:
    schema = data.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise _unreadable(path, f"its schema is {shown(schema)}", _OTHER_FILE)
    if schema > SCHEMA_VERSION:
        made_by = _text(_mapping(data, "tool"), "version") or "a newer version"
        raise _unreadable(
            path,
            f"its schema is {min(schema, _HIGHEST)}, and schemas up to {SCHEMA_VERSION} are known here",
            f"it was made by {_TOOL} {made_by}: use that version or a newer one",
        )


def _unreadable(path: str, reason: str, remedy: str) -> UnreadableReportError:
    return UnreadableReportError(f"cannot read the report {quoted_path(path)}: {reason}", remedy=remedy)


def _finding(data: Mapping[str, Any]) -> Finding:
    return Finding(
        nodeid=_text(data, "nodeid") or "(unknown test)",
        witnesses=tuple(_texts(data, "witnesses")),
        kind=cast("Kind", _word(data, "kind", get_args(Kind), "python")),
        verdict=cast("Any", _word(data, "verdict", VERDICTS, "leak")),
        gates=data.get("gates") is not False,
        reason=_text(data, "reason") or None,
        severity="low" if data.get("severity") == "low" else "high",
        phase=cast("Phase", _word(data, "phase", get_args(Phase), "call")),
        fixture=_text(data, "fixture") or None,
        bytes_per_run=_number(data, "bytes_per_run"),
        blocks_per_run=_number(data, "blocks_per_run"),
        count_per_run=_number(data, "count_per_run"),
        rounds=tuple(_entries(data, "rounds", _series)),
        confidence=_fraction(data, "confidence"),
        diagnosis=_diagnosis(data),
        suppressed_by=_text(data, "suppressed_by") or None,
        advice=_text(data, "advice") or None,
    )


def _acceptance(data: Mapping[str, Any]) -> Acceptance:
    return Acceptance(
        source="baseline" if data.get("source") == "baseline" else "suppressions",
        origin=_text(data, "origin"),
        patterns={_cut(name): _cut(value) for name, value in _mapping(data, "patterns").items()},
        reason=_text(data, "reason") or None,
        state=cast("Any", _word(data, "state", ACCEPTANCE_STATES, "not seen")),
        leaks=_number(data, "leaks"),
        first_seen=_text(data, "first_seen") or None,
        expires=_text(data, "expires") or None,
    )


def _diagnosis(data: Mapping[str, Any]) -> Diagnosis:
    return Diagnosis(
        types=tuple(
            _entries(
                data,
                "types",
                lambda d: TypeGrowth(type=_text(d, "type"), count=_number(d, "count"), bytes=_number(d, "bytes")),
            )
        ),
        sites=tuple(_entries(data, "sites", _site)),
        retainers=tuple(_entries(data, "retainers", _retainer)),
        component=_text(data, "component") or None,
        signature=_text(data, "signature"),
        notes=tuple(_texts(data, "notes")),
        retained_at=tuple(_entries(data, "retained_at", _site)),
    )


def _series(data: Mapping[str, Any]) -> RoundSeries:
    deltas = data.get("deltas")
    numbers = deltas[:_MOST_ENTRIES] if isinstance(deltas, list) else []
    return RoundSeries(metric=_text(data, "metric"), deltas=tuple(map(_whole, numbers)))


def _site(data: Mapping[str, Any]) -> AllocationSite:
    return AllocationSite(
        file=_text(data, "file"),
        line=_number(data, "line"),
        function=_text(data, "function"),
        bytes=_number(data, "bytes"),
        count=_number(data, "count"),
        source=_text(data, "source"),
    )


def _retainer(data: Mapping[str, Any]) -> Retainer:
    suspect = data.get("suspect")
    return Retainer(
        path=_text(data, "path"),
        root=_text(data, "root"),
        type=_text(data, "type"),
        steps=tuple(_texts(data, "steps")),
        suspect=_whole(suspect) if isinstance(suspect, int) else None,
    )


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _text(data: Mapping[str, Any], key: str) -> str:
    return _cut(data.get(key))


def _texts(data: Mapping[str, Any], key: str) -> list[str]:
    found = data.get(key)
    return [_cut(text) for text in found[:_MOST_ENTRIES] if isinstance(text, str)] if isinstance(found, list) else []


def _cut(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}.. ({len(value)} characters)"


def _number(data: Mapping[str, Any], key: str) -> int:
    return _whole(data.get(key))


def _whole(value: object) -> int:
    if not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - NaN, which JSON should not have
        return 0
    return int(max(-_HIGHEST, min(value, _HIGHEST)))


def _fraction(data: Mapping[str, Any], key: str) -> float:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        return math.nan
    return float(value)


def _word(data: Mapping[str, Any], key: str, words: Sequence[str], otherwise: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) and value in words else otherwise


def _entries(
    data: Mapping[str, Any], key: str, make: Callable[[Mapping[str, Any]], T], *, most: int = _MOST_ENTRIES
) -> list[T]:
    found = data.get(key)
    return [make(entry) for entry in found[:most] if isinstance(entry, dict)] if isinstance(found, list) else []
