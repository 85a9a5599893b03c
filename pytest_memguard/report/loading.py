"""A report in JSON read back, whatever the file holds: the run as a value, or an error that says what is wrong.

Nothing in the file is trusted (see ``decoding``). Schemas are read for ever: each has its reader here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pytest_memguard.acceptance import ACCEPTANCE_STATES, Acceptance
from pytest_memguard.errors import MemguardError, shown
from pytest_memguard.events import (
    CleanupResult,
    CollectionSummary,
    ComponentUsage,
    PressureEvent,
    PressureFailure,
    StrategyStatistics,
)
from pytest_memguard.model import (
    SCHEMA_VERSION,
    Diagnosis,
    Environment,
    Finding,
    GrownTest,
    LimitExceeded,
    MemoryRecord,
    RunReport,
    SessionSummary,
)
from pytest_memguard.report.decoding import decoded, decoded_all
from pytest_memguard.report.text import quoted_path
from pytest_memguard.values import dataclass

__all__ = ["LoadedReport", "UnreadableReportError", "load_report"]

T = TypeVar("T")

_MOST_BYTES = 1 << 29
_MOST_LISTED = 100_000
_HIGHEST = 2**63
_GENERATIONS = 3
_TOOL = "pytest-memguard"
_UNKNOWN_TEST = "(unknown test)"
_OTHER_FILE = "give a file that `pytest --memguard --memguard-json=FILE` has written"


class UnreadableReportError(MemguardError):
    """A file that is no report, or none that this version can read."""

    slug = "report-unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedReport:
    """A run, and the file that tells of it."""

    path: str
    run: RunReport

    @property
    def version(self) -> str:
        """Of the program that made the report."""
        return self.run.version

    @property
    def python(self) -> str:
        """The version of Python that the tests ran on."""
        return self.run.environment.python

    @property
    def started(self) -> str:
        """When the run began."""
        return self.run.session.started

    @property
    def leaks(self) -> Sequence[Finding]:
        """Its leaks."""
        return self.run.leaks

    @property
    def accepted(self) -> Sequence[Acceptance]:
        """What it says of the leaks that are accepted."""
        return self.run.accepted


class LoadedRecords:
    """The tests of a report: data until they are asked for, each a value then."""

    def __init__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[MemoryRecord]:
        return map(_record, self._entries)


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
    return LoadedReport(path=path, run=_READERS[_schema(path, data)](data))


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


def _schema(path: str, data: Mapping[str, Any]) -> int:
    schema = data.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise _unreadable(path, f"its schema is {shown(schema)}", _OTHER_FILE)
    if schema > SCHEMA_VERSION:
        version = _mapping(data, "tool").get("version")
        made_by = version[:100] if isinstance(version, str) and version else "a newer version"
        raise _unreadable(
            path,
            f"its schema is {min(schema, _HIGHEST)}, and schemas up to {SCHEMA_VERSION} are known here",
            f"it was made by {_TOOL} {made_by}: use that version or a newer one",
        )
    return schema


def _unreadable(path: str, reason: str, remedy: str) -> UnreadableReportError:
    return UnreadableReportError(f"cannot read the report {quoted_path(path)}: {reason}", remedy=remedy)


def _schema_1(data: Mapping[str, Any]) -> RunReport:
    version = _mapping(data, "tool").get("version")
    tests = data.get("tests")
    return RunReport(
        version=version[:100] if isinstance(version, str) else "",
        environment=decoded(Environment, _mapping(data, "environment")),
        session=_session(_mapping(data, "session")),
        tests=LoadedRecords([entry for entry in tests if isinstance(entry, dict)] if isinstance(tests, list) else []),
        leaks=tuple(map(_finding, _objects(data, "leaks"))),
        limits=tuple(decoded(LimitExceeded, entry, gates=_gates(entry)) for entry in _objects(data, "limits")),
        pressure=tuple(e for e in _all(PressureEvent, data, "pressure") if e.limit_bytes > 0),
        cleanups=_all(CleanupResult, data, "cleanups"),
        strategies=_all(StrategyStatistics, data, "strategies"),
        failures=_all(PressureFailure, data, "failures"),
        warnings=_texts(data, "warnings"),
        errors=_texts(data, "errors"),
        components=_all(ComponentUsage, data, "components"),
        grown=_all(GrownTest, data, "grown"),
        accepted=tuple(map(_acceptance, _objects(data, "accepted"))),
    )


# One for each schema that there ever was.
_READERS: dict[int, Callable[[Mapping[str, Any]], RunReport]] = {1: _schema_1}


def _session(data: Mapping[str, Any]) -> SessionSummary:
    found = data.get("collections")
    collections = decoded(CollectionSummary, found) if isinstance(found, dict) else None
    if collections is not None and len(collections.generations) != _GENERATIONS:
        collections = None
    return decoded(SessionSummary, data, collections=collections)


def _record(data: Mapping[str, Any]) -> MemoryRecord:
    # A verdict or a number that is not there is not known, which is not the same as good or none.
    record = decoded(MemoryRecord, data)
    return record if record.nodeid else replace(record, nodeid=_UNKNOWN_TEST)


def _finding(data: Mapping[str, Any]) -> Finding:
    finding = decoded(Finding, data, gates=_gates(data), diagnosis=decoded(Diagnosis, data))
    return replace(
        finding,
        nodeid=finding.nodeid or _UNKNOWN_TEST,
        verdict="suppressed" if finding.verdict == "suppressed" else "leak",
        phase=finding.phase if data.get("phase") == finding.phase else "call",
        confidence=finding.confidence if 0 <= finding.confidence <= 1 and _is_number(data, "confidence") else math.nan,
    )


def _gates(data: Mapping[str, Any]) -> bool:
    """What does not say that the run passes in spite of it fails the run."""
    return data.get("gates") is not False


def _acceptance(data: Mapping[str, Any]) -> Acceptance:
    state = data.get("state")
    return decoded(Acceptance, data, state=state if state in ACCEPTANCE_STATES else "not seen")


def _is_number(data: Mapping[str, Any], key: str) -> bool:
    return isinstance(data.get(key), (int, float)) and not isinstance(data[key], bool)


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _objects(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = data.get(key)
    return [entry for entry in found[:_MOST_LISTED] if isinstance(entry, dict)] if isinstance(found, list) else []


def _all(cls: type[T], data: Mapping[str, Any], key: str) -> tuple[T, ...]:
    return decoded_all(cls, data.get(key), most=_MOST_LISTED)


def _texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return decoded(_Texts, {"texts": data.get(key)}).texts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    texts: tuple[str, ...] = ()
