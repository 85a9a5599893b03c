"""The cleanup manager: runs the strategies of a level, measures what they give back, remembers which ones pay."""
# Signatures first, so that what reacts to pressure can be written against them.

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from pytest_memguard.cleanup.registry import StrategyRegistry
from pytest_memguard.events import CleanupResult, CleanupTrigger, StrategyStatistics
from pytest_memguard.settings import CleanupLevel, Settings

Reader = Callable[[], "int | None"]  # what ``Probes.reader(metric)`` gives


class CleanupManager(Protocol):
    """One per process. May be called from any thread, one cleanup at a time."""

    registry: StrategyRegistry

    def check(self) -> None:
        """Refuse unknown names in ``memory.strategies``; call it when ``pytest_memguard_strategies`` has been called."""

    def clean(
        self, level: CleanupLevel, *, trigger: CleanupTrigger, nodeid: str | None = None, during_test: bool = False
    ) -> CleanupResult:
        """Run *level* and what is below it; never raises but ``KeyboardInterrupt``.

        ``during_test``: a test is running (in whatever thread): only strategies that leave alone what it may use.
        A refusal is a result with ``refused`` set and no strategies: cleanups are off (``cleanup.enabled``), another one
        is running, or (triggers ``pressure`` and ``leak`` only) the last one at this level or above has ended too
        recently for what it took and gave.
        """

    @property
    def history(self) -> Sequence[CleanupResult]:
        """The last ``historySize`` results, oldest first, refusals included."""

    @property
    def cleanups(self) -> int:
        """How many were run, over all."""

    def statistics(self) -> Sequence[StrategyStatistics]:
        """Every strategy that has run, the one that pays best first."""


def open_cleanup(
    settings: Settings,
    *,
    components: object | None,
    reader: Callable[[str], Reader | None],
    clock: Callable[[], float],
    start_s: float,
    worker: str = "main",
    warnings_are_captured: bool = True,
    origin: str = "memory.strategies",
) -> CleanupManager:
    """A manager with the built-in strategies. ``reader`` is ``Probes.reader``; ``start_s``: the session's start by *clock*.

    ``components``: the ComponentRegistry. ``warnings_are_captured``: pytest's own warnings plugin is active.
    """
    raise RuntimeError
