"""The history as one run sees it: compared with before the report is made, written after it.

Whatever is wrong with the file is one warning of the run, and never its failure.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone

from pytest_memguard.history.comparison import Tolerance, rises, worth_comparing
from pytest_memguard.history.database import Patience, set_aside, transaction
from pytest_memguard.history.header import DamagedError, EmptyError, HistoryError, check_file
from pytest_memguard.history.reading import open_past
from pytest_memguard.history.recording import figures_of, record
from pytest_memguard.history.revision import Revision, revision_of
from pytest_memguard.history.values import EnvironmentKey
from pytest_memguard.model import GrownTest, MemoryRecord, RunReport
from pytest_memguard.settings import Settings

__all__ = ["Logbook", "open_logbook"]

# The second attempt begins a new file; that this one is damaged, too, is nothing that a third would change.
_ATTEMPTS = 2


def open_logbook(
    settings: Settings, *, version: str, distributed: bool, rootdir: str, environ: Mapping[str, str], origin: str
) -> Logbook | None:
    """The logbook of a run, None without a history; raises ``HistoryError`` for a file that can be none."""
    if settings.history is None:
        return None
    path = os.path.abspath(settings.history)
    check_file(path, origin=origin)
    return Logbook(
        path,
        settings,
        revision=revision_of(rootdir, environ),
        environment=EnvironmentKey(
            python=sys.version.split()[0],
            platform=f"{sys.platform} {platform.machine()}",
            version=version,
            distributed=distributed,
        ),
    )


class Logbook:
    """The history file of one run. ``warnings``: what was wrong with it, and what became of that."""

    def __init__(
        self,
        path: str,
        settings: Settings,
        *,
        revision: Revision,
        environment: EnvironmentKey,
        patience: Patience | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.warnings: list[str] = []
        self._path = path
        self._settings = settings
        self._revision = revision
        self._environment = environment
        self._patience = patience
        self._now = now
        self._damage: DamagedError | None = None
        self._tolerance = Tolerance(bytes=settings.history_tolerance_bytes, share=settings.history_tolerance)

    def grown(self, tests: Iterable[MemoryRecord]) -> list[GrownTest]:
        """What of *tests* takes more than it did in the last runs."""
        candidates = [now for now in map(figures_of, tests) if worth_comparing(now, self._tolerance)]
        if not candidates or not os.path.exists(self._path):
            return []
        try:
            with open_past(self._path) as past:
                runs = past.comparable(self._environment, self._revision.branch, self._settings.history_runs)
                found = [r for now in candidates for r in rises(now, past.figures(now.nodeid, runs), self._tolerance)]
        except EmptyError:
            return []
        except DamagedError as error:
            self._damage = error  # told when it is set aside; what is written may not meet it
            return []
        except HistoryError as error:
            self._warn(f"not compared with earlier runs: {error.message}; {error.remedy}")
            return []
        gates = "growth" in self._settings.fail_on
        return [
            GrownTest(
                nodeid=rise.nodeid,
                metric="retained" if rise.metric == "retained" else "peak",
                bytes=rise.bytes,
                usual_bytes=rise.usual_bytes,
                lowest_bytes=rise.lowest_bytes,
                highest_bytes=rise.highest_bytes,
                runs=rise.runs,
                gates=gates,
            )
            for rise in sorted(found, key=lambda rise: -rise.rise_bytes)
        ]

    def write(self, report: RunReport) -> None:
        """Add the run; a run without tests is none."""
        if not report.session.tests:
            return
        if self._damage is not None:
            self._set_aside(self._damage)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                transaction(
                    self._path,
                    lambda connection: record(
                        connection,
                        report,
                        environment=self._environment,
                        revision=self._revision,
                        keep=self._settings.history_keep,
                    ),
                    patience=self._patience,
                )
            except DamagedError as error:
                if attempt == _ATTEMPTS or not self._set_aside(error):
                    self._warn(f"this run is not in the history: {error.message}; {error.remedy}")
                    return
            except HistoryError as error:
                self._warn(f"this run is not in the history: {error.message}; {error.remedy}")
                return
            else:
                return

    def _set_aside(self, error: DamagedError) -> bool:
        try:
            aside = set_aside(self._path, error.identity, stamp=self._now().strftime("%Y%m%dT%H%M%SZ"))
        except OSError:
            return False
        if aside is not None:
            self._warn(f"{error.message}; it is kept as {aside}, and a new one was begun")
        return True

    def _warn(self, text: str) -> None:
        """One warning is enough: what is wrong when the history is read is wrong when it is written, too."""
        if not self.warnings:
            self.warnings.append(text)
