"""What others register before the first test: components and cleanup strategies, from settings, hooks and markers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_memguard.cleanup import CleanupManager
from pytest_memguard.errors import MemguardError
from pytest_memguard.guard import Guard
from pytest_memguard.settings import MarkerSettings, Resolved

__all__ = ["register_components", "register_strategies"]


def register_components(hooks: Any, guard: Guard, resolved: Resolved, markers: Mapping[Any, MarkerSettings]) -> None:
    """Components of the settings, of hooks, and of the markers by test. Raises ``MemguardError`` for a wrong one."""
    components = guard.components
    components.from_settings(resolved.settings.components, origin=resolved.origins["components"])
    _offer(hooks.pytest_memguard_components, components, guard)
    for item, marker in markers.items():
        if marker.component is not None:
            components.mark(marker.component, origin=marker.origins.get("component", "@pytest.mark.memguard"))
            guard.ownership.marked(item.nodeid, marker.component)


def register_strategies(hooks: Any, guard: Guard, cleaner: CleanupManager) -> None:
    """Strategies of hooks; then all names in the settings must be known. Raises ``MemguardError``."""
    if hooks.pytest_memguard_strategies.get_hookimpls():
        _offer(hooks.pytest_memguard_strategies, cleaner.registry, guard)
    cleaner.check()


def _offer(hook: Any, registry: object, guard: Guard) -> None:
    """Let others register: what they give wrong is a usage error, what they do wrong is told once."""
    try:
        hook(registry=registry)
    except MemguardError:
        raise
    except Exception as error:  # noqa: BLE001 - somebody else's code
        guard.fault(f"hook {hook.name}", error)
