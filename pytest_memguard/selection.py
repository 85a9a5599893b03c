"""What of its suite a run has left out, and so what it can tell of leaks that it has not found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from pytest_memguard.guard import Guard
from pytest_memguard.model import Finding

if TYPE_CHECKING:
    from pytest_memguard.accepting import Evidence
    from pytest_memguard.baseline import AcceptedLeaks

_RETAINING_NOTHING = ("clean", "one-off", "saturating")
_NARROWING = ("keyword", "lf", "stepwise", "deselect")


class Selection:
    """Follows what is deselected; a plugin of its own.

    ``finished``: the run was not stopped before all its tests had run and been checked.
    """

    def __init__(self, config: pytest.Config, guard: Guard, accepted: AcceptedLeaks | None) -> None:
        self.finished = False
        self._config = config
        self._guard = guard
        self._accepted = accepted

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Note that tests were left out."""
        self._guard.deselected |= bool(items)

    def accept(self, findings: list[Finding]) -> list[Finding]:
        """The findings, with those marked that suppressions or the baseline accept; what became of these is noted."""
        if self._accepted is None or self._config.getoption("collectonly", False):
            return findings
        try:
            settled = self._accepted.settle(findings, self._evidence)
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite
            self._guard.fault("looking for accepted leaks", error)
            return findings
        self._guard.accepted = self._accepted.results
        self._guard.warnings.extend(self._accepted.warnings)
        return settled

    def _evidence(self) -> Evidence:
        from pytest_memguard.accepting import Evidence  # noqa: PLC0415 - loaded where there is anything accepted

        guard = self._guard
        complete = self.finished and not self._is_narrowed()
        nodeids = {guard.ledger.nodeid(index) for index in range(len(guard.ledger))}
        files = {nodeid.partition("::")[0] for nodeid in nodeids}

        def gone(nodeid: str) -> bool:
            file = nodeid.partition("::")[0]
            if file in files:
                return not guard.deselected and nodeid not in nodeids
            return not (self._config.rootpath / file).exists()

        given = self._config.args_source is pytest.Config.ArgsSource.ARGS
        whole = not (given or guard.deselected or guard.overdue()) and guard.settings.confirm == "all"
        return Evidence(complete=complete, whole=complete and whole, clean=_clean(guard), gone=gone)

    def _is_narrowed(self) -> bool:
        """By name or by hand; what a suite leaves out in its own settings is the suite's usual form."""
        typed = [str(arg) for arg in self._config.invocation_params.args]
        return (
            any(self._config.getoption(name, None) for name in _NARROWING)
            or any("::" in str(arg) for arg in self._config.args)
            or (bool(self._config.getoption("markexpr", None)) and any(arg.startswith("-m") for arg in typed))
        )


def _clean(guard: Guard) -> set[str]:
    """The tests that retain nothing, wherever they ran, and ``fixture:NAME`` of such fixtures."""
    found = {f"fixture:{name}" for name in guard.clean_fixtures()}
    others: set[str] = set()
    for index in range(len(guard.ledger)):
        retains_nothing = guard.verdicts.get(index).name in _RETAINING_NOTHING
        (found if retains_nothing else others).add(guard.ledger.nodeid(index))
    return found - others
