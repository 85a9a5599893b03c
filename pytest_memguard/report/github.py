"""Annotations of GitHub Actions: workflow commands that put each finding next to the line that allocates.

GitHub shows ten errors, ten warnings and ten notices of a step; the last of each says how many more there are.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from pytest_memguard.events import PressureFailure
from pytest_memguard.gate import ONLY_WARNS
from pytest_memguard.model import AllocationSite, Finding, GrownTest, LimitExceeded, RunReport, SessionGrowth
from pytest_memguard.report import describe
from pytest_memguard.report.blocks import by_weight
from pytest_memguard.report.entry import Entry, failing, headline, nodeid_of
from pytest_memguard.report.text import harmless, shortened
from pytest_memguard.values import dataclass

__all__ = ["path_below", "workflow_commands"]

Level = Literal["error", "warning", "notice"]

_MOST = 10  # of a level and step, as GitHub documents it among its limits
_LONGEST_TITLE = 120
_LONGEST_LINE = 400
_LONGEST_COMMAND = 2_000
_IN_PACKAGE = re.compile(r"[A-Za-z0-9_.+-]+:(?!/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One annotation: the file relative to the checkout and the line, as far as they are known, and what to say."""

    level: Level
    file: str | None
    line: int | None
    title: str
    message: Sequence[str]


def workflow_commands(report: RunReport, *, below: str | None) -> Iterator[str]:
    """One workflow command a line, the most important first. *below*: see :func:`path_below`."""
    found = [*_failing(report, below), *_listed(report, below)]
    for level in ("error", "warning", "notice"):
        alike = [annotation for annotation in found if annotation.level == level]
        shown = alike if len(alike) <= _MOST else alike[: _MOST - 1]
        yield from map(_command, shown)
        if len(alike) > len(shown):
            yield _command(_rest(level, len(alike) - len(shown)))


def path_below(rootdir: str, checkout: str) -> str | None:
    """*rootdir*, from which files are named in a report, as seen from the *checkout*; None where it is not inside.

    Both are real paths, with slashes.
    """
    path = posixpath.relpath(rootdir, checkout)
    return None if path.split("/")[0] == ".." else path


def _failing(report: RunReport, below: str | None) -> Iterator[Annotation]:
    for entry in failing(report):
        file, line = _place(entry, below)
        yield Annotation(level="error", file=file, line=line, title=_title(entry), message=_message(entry))


def _listed(report: RunReport, below: str | None) -> Iterator[Annotation]:
    """What does not fail the run: accepted leaks and those that are only warned of, and then what is others' affair."""
    entries: list[Entry] = [*by_weight(f for f in report.leaks if not f.gates)]
    entries += [limit for limit in report.limits if not limit.gates]
    entries += [grown for grown in report.grown if not grown.gates]
    for entry in entries:
        file, line = _place(entry, below)
        warns = isinstance(entry, (LimitExceeded, GrownTest)) or (
            isinstance(entry, Finding) and (describe.standing(entry) == "suppressed" or entry.reason == ONLY_WARNS)
        )
        reason = entry.reason if isinstance(entry, Finding) else None
        yield Annotation(
            level="warning" if warns else "notice",
            file=file,
            line=line,
            title=f"{_title(entry)} (does not fail the run)",
            message=[*([shortened(f"listed only: {reason}", _LONGEST_LINE)] if reason else []), *_message(entry)],
        )


def _rest(level: Level, number: int) -> Annotation:
    message = f"{number} more like these: see the log, the summary of the job, or the JSON report"
    return Annotation(level=level, file=None, line=None, title=f"memguard: {number} more", message=[message])


def _title(entry: Entry) -> str:
    file, *names = nodeid_of(entry).split("::")
    name = "::".join([posixpath.basename(file), *names])
    if isinstance(entry, Finding):
        return f"leak: {describe.amount(entry)} in {name}"
    if isinstance(entry, GrownTest):
        return f"more memory than in earlier runs in {name}"
    if isinstance(entry, SessionGrowth):
        return "memory grew over the session"
    return f"memory limit exceeded in {name}" if isinstance(entry, LimitExceeded) else "memory pressure"


def _message(entry: Entry) -> list[str]:
    """What somebody who sees nothing else has to know; a line each."""
    lines = list(_facts(entry)) if isinstance(entry, Finding) else [f"test: {nodeid_of(entry)}", headline(entry)]
    repeat = f"repeat: {describe.repeat_command(nodeid_of(entry))}"
    # It is there to be copied: whole, or not at all. Pressure has no test to be repeated by itself.
    repeats = not isinstance(entry, PressureFailure) and len(repeat) <= _LONGEST_COMMAND
    return [shortened(line, _LONGEST_LINE) for line in lines] + [repeat] * repeats


def _facts(leak: Finding) -> Iterator[str]:
    diagnosis = leak.diagnosis
    runs = f"grew in {describe.evidence(leak) or 'every run'}"
    sure = f"({runs}, confidence {describe.two_decimals(leak.confidence)})"
    yield f"{nodeid_of(leak)} leaves {describe.amount(leak)} behind {sure}"
    types = describe.types_text(leak, limit=4)
    if types:
        yield f"stays: {types}"
    yield from (f"stays: {name}" for name in leak.resources[:3])
    yield from (f"allocated at {describe.site_text(site)}" for site in diagnosis.sites[:1])
    yield from (f"put there at {describe.site_text(site)}" for site in describe.retained_elsewhere(diagnosis)[:1])
    yield from (f"kept by {describe.kept_by(retainer)}" for retainer in diagnosis.retainers[:1])
    if not (diagnosis.sites or diagnosis.retainers):
        yield from diagnosis.notes[:3]
    if leak.advice:
        yield f"advice: {leak.advice}"


def _place(entry: Entry, below: str | None) -> tuple[str | None, int | None]:
    """The allocation, the line that keeps it, or else the test's file: the first of these that is in the checkout."""
    sites: Sequence[AllocationSite] = ()
    if isinstance(entry, Finding):
        sites = (*entry.diagnosis.sites, *entry.diagnosis.retained_at)
    for site in sites:
        file = _in_checkout(site.file, below)
        if file is not None and site.line > 0:
            return file, site.line
    return _in_checkout(nodeid_of(entry).partition("::")[0], below), None


def _in_checkout(file: str, below: str | None) -> str | None:
    if below is None or not file or file.startswith(("/", "<")) or _IN_PACKAGE.match(file):
        return None
    path = posixpath.normpath(posixpath.join(below, file))
    return None if path.split("/")[0] in ("..", ".", "") else path


def _command(annotation: Annotation) -> str:
    values = {
        "file": annotation.file,
        "line": annotation.line,
        "title": shortened(annotation.title, _LONGEST_TITLE),
    }
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in values.items() if value is not None)
    message = "%0A".join(map(_data, annotation.message))
    return f"::{annotation.level} {properties}::{message}"


def _data(text: str) -> str:
    """As ``@actions/core`` escapes it; nothing of *text* can end the command or begin another one."""
    return harmless(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
