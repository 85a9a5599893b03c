"""Cleanup: named strategies at four levels, what each of them gave back, and which ones pay."""

from __future__ import annotations

from collections.abc import Callable

from pytest_memguard.cleanup.manager import CleanupManager
from pytest_memguard.cleanup.meter import Meter, Reader
from pytest_memguard.cleanup.registry import Outcome, Strategy, StrategyRegistry
from pytest_memguard.cleanup.strategies import Components, built_in
from pytest_memguard.settings import Settings

__all__ = ["CleanupManager", "Components", "Outcome", "Strategy", "StrategyRegistry", "open_cleanup"]


def open_cleanup(
    settings: Settings,
    *,
    components: Components,
    reader: Callable[[str], Reader | None],
    clock: Callable[[], float],
    start_s: float,
    worker: str = "main",
    warnings_are_captured: bool = True,
    origin: str = "memory.strategies",
) -> CleanupManager:
    """A manager with the built-in strategies.

    ``reader`` is ``Probes.reader``, ``start_s`` the session's start by *clock*, ``components`` the component registry.
    ``warnings_are_captured``: pytest's own plugin for warnings is active. ``origin``: where ``memory.strategies`` comes
    from, for messages about names in it.
    """
    strategies = built_in(
        components=components,
        packages=settings.packages,
        clock=clock,
        warnings_are_captured=warnings_are_captured,
    )
    return CleanupManager(
        settings,
        StrategyRegistry(strategies),
        Meter(reader, clock=clock),
        clock=clock,
        start_s=start_s,
        worker=worker,
        origin=origin,
    )
