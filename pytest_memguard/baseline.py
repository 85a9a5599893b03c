"""The accepted leaks of one run: the baseline is read before the first test, and brought up to date after the last."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from pytest_memguard.acceptance import Acceptance
from pytest_memguard.accepting import Acceptances, Evidence
from pytest_memguard.errors import MemguardError
from pytest_memguard.model import Finding
from pytest_memguard.report import write_report
from pytest_memguard.settings import Suppression
from pytest_memguard.values import dataclass

if TYPE_CHECKING:
    from pytest_memguard.settings.baselinefile import Baseline, BaselineEntry  # and PyYAML, for nothing without one

_lock: Callable[[int], None] | None
try:
    import fcntl
except ImportError:  # another system: two updates at once may lose one of them
    _lock = None
else:

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


__all__ = ["AcceptedLeaks", "BaselineFile", "entry_of"]

_PATIENCE_S = 10.0
_PAUSE_S = 0.05
_LONGEST = 300
_FLAG = "--memguard-update-baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineFile:
    """Where a baseline lies, what messages call it, and who named it."""

    path: Path
    label: str
    origin: str

    def read(self, *, may_be_new: bool = False) -> Baseline:
        """What it holds. Raises ``MemguardError`` with each mistake in it; *may_be_new*: a missing one is empty."""
        from pytest_memguard.settings.baselinefile import parse_baseline, read_baseline  # noqa: PLC0415

        named = f"baseline {self.label} (from {self.origin})"
        target = os.path.realpath(self.path)
        if not os.path.lexists(target):
            if not os.path.isdir(os.path.dirname(target)):
                raise BaselineFileError(f"{named}: there is no such directory", remedy="check the path")
            if may_be_new:
                return parse_baseline("", label=self.label)
            raise BaselineFileError(f"{named} does not exist", remedy=f"check the path, or make it with {_FLAG}")
        if _is_special(target, allowed=() if may_be_new else (stat.S_IFCHR,)):  # /dev/null: none at all
            raise BaselineFileError(f"{named} is no regular file", remedy="name one")
        return read_baseline(str(self.path), label=self.label, origin=self.origin)

    def change(self, make: Callable[[Baseline], str]) -> Baseline:
        """Replace its text by what *make* says, and give what it holds then.

        Nobody else who does the same comes in between, and a reader sees the old file or the new one, whole. Raises
        ``MemguardError``; the old file is kept then.
        """
        from pytest_memguard.settings.baselinefile import parse_baseline  # noqa: PLC0415

        with _locked(self.path):
            current = self.read(may_be_new=True)
            text = make(current)
            if text == current.source and os.path.exists(self.path):
                return current
            changed = parse_baseline(text, label=self.label)
            write_report(self.path, [text], setting="the baseline", origin=self.origin)
            return changed


class BaselineFileError(MemguardError):
    """A baseline that is not there, or cannot be one."""

    slug = "baseline"


class AcceptedLeaks:
    """What one run accepts. ``results`` and ``warnings`` are there once :meth:`settle` was called."""

    def __init__(
        self,
        suppressions: Sequence[Suppression],
        file: BaselineFile | None,
        *,
        updates: bool,
        today: dt.date,
    ) -> None:
        self.results: tuple[Acceptance, ...] = ()
        self.warnings: tuple[str, ...] = ()
        self._suppressions = suppressions
        self._file = file
        self._updates = updates
        self._today = today
        self._baseline = None if file is None else file.read(may_be_new=updates)

    def settle(self, findings: Sequence[Finding], look: Callable[[], Evidence]) -> list[Finding]:
        """The findings with those marked that are accepted; the baseline is updated first, where that is wanted.

        ``look`` tells what is known of leaks that were not found; it is asked where anything is accepted.
        """
        told: list[str] = []
        evidence = look() if self._suppressions or self._baseline is not None else Evidence()
        findings = list(map(_signed, findings))
        acceptances = Acceptances(self._suppressions, self._baseline, today=self._today)
        settled = acceptances.settle(findings)
        if self._updates and self._file is not None:
            try:
                told.extend(self._update(self._file, acceptances, settled, evidence))
            except MemguardError as error:
                message = " ".join(str(error.message).split())
                told.append(f"the baseline was not updated, so the new leaks count: {message}; {error.remedy}")
            else:
                acceptances = Acceptances(self._suppressions, self._baseline, today=self._today)
                settled = acceptances.settle(findings)
        self.results = tuple(acceptances.results(evidence))
        self.warnings = (*told, *acceptances.warnings(self.results))
        return settled

    def _update(
        self, file: BaselineFile, acceptances: Acceptances, settled: Sequence[Finding], evidence: Evidence
    ) -> Iterator[str]:
        from pytest_memguard.settings.baselineedit import edited  # noqa: PLC0415

        fresh = [entry_of(finding, first_seen=self._today) for finding in acceptances.fresh(settled)]
        fixed = {entry.signature for entry in acceptances.fixed(evidence)}
        tests = acceptances.witnesses(settled)
        if not fresh and not fixed and not tests and file.origin == "rootdir":
            return  # nothing to say, and nobody has asked for a file of that name

        def change(current: Baseline) -> str:
            add = [entry for entry in fresh if current.matching(entry.signature) is None]
            return edited(current, add=add, drop=fixed, tests=tests)

        self._baseline = file.change(change)
        done = [
            f"accepted {len(fresh)} new" if fresh else "",
            f"took out {len(fixed)} that {'is' if len(fixed) == 1 else 'are'} fixed" if fixed else "",
        ]
        if any(done):
            yield f"{file.label}: {', '.join(filter(None, done))}"


def entry_of(
    finding: Finding, *, first_seen: dt.date, reason: str | None = None, expires: dt.date | None = None
) -> BaselineEntry:
    """The entry that accepts the leak: by its signature; all else is for people, and to see when it is fixed."""
    from pytest_memguard.settings.baselineedit import MOST_TESTS  # noqa: PLC0415
    from pytest_memguard.settings.baselinefile import BaselineEntry  # noqa: PLC0415

    return BaselineEntry(
        signature=finding.diagnosis.signature,
        reason=reason,
        first_seen=first_seen,
        expires=expires,
        leak=_described(finding),
        tests=finding.witnesses[:MOST_TESTS],
    )


def _described(finding: Finding) -> str:
    """Without figures and lines, which change with every edit."""
    diagnosis = finding.diagnosis
    texts: list[str] = [finding.kind]
    texts += [each.type for each in (diagnosis.retainers or diagnosis.types)[:1] if each.type]
    texts += [f"kept by {each.path}" for each in diagnosis.retainers[:1]]
    texts += [f"allocated by {each.file} in {each.function}" for each in diagnosis.sites[:1]]
    text = ", ".join(texts)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}.."


def _signed(finding: Finding) -> Finding:
    """With a signature in any case: where nothing is known of a leak, the test is its name."""
    if finding.diagnosis.signature:
        return finding
    from pytest_memguard.diagnosis import sign  # noqa: PLC0415

    name = finding.nodeid if finding.fixture is None else f"fixture:{finding.fixture}"
    return replace(finding, diagnosis=replace(finding.diagnosis, signature=sign(finding.kind, fallback=name)))


def _is_special(path: str, *, allowed: Sequence[int]) -> bool:
    """Whether reading it may never end, or it cannot be replaced: a pipe, a device."""
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except OSError:
        return False  # reading it says why
    return kind not in (stat.S_IFREG, stat.S_IFDIR, *allowed)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other updates of files in that folder waiting, for a few seconds; the folder has no lock to clean up."""
    folder = os.path.dirname(os.path.realpath(path))
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield  # whoever writes there says why
        return
    try:
        until = monotonic() + _PATIENCE_S
        while not _taken(descriptor) and monotonic() < until:
            sleep(_PAUSE_S)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Whether the lock is ours now; where there are no locks, it is."""
    if _lock is None:
        return True
    try:
        _lock(descriptor)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
