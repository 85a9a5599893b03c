"""What registered components offer: their own cleanups, their limits, being shut down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from pytest_memguard.cleanup.registry import Outcome, Strategy
from pytest_memguard.events import StrategyResult
from pytest_memguard.settings import CleanupLevel

__all__ = ["Components", "strategies"]

# Each component has a limit of its own for each thing that it does; this one is for all of them together.
_TIME_LIMIT_S = 60.0


class Components(Protocol):
    """What is asked of the component registry."""

    def __len__(self) -> int: ...

    def trim(self) -> int:
        """Bring containers down to their limits; gives the entries removed."""

    def clean(self, level: str) -> Sequence[StrategyResult]:
        """Run what components have for exactly this level."""

    def shut_down_nonessential(self) -> Sequence[str]:
        """Shut down what may be; gives the names."""


def strategies(components: Components) -> tuple[Strategy, ...]:
    """Gentle: expired entries. Moderate: limits. Aggressive: resets. Emergency: non-essential ones are shut down.

    Beside that each level runs what components have registered for it (``cleanup=``). Their code may run while a test
    does: that is what it was registered for.
    """
    return tuple(
        Strategy(
            name=name,
            run=partial(relieve, components, level),
            level=level,
            category="components",
            ready=components.__len__,
            time_limit_s=_TIME_LIMIT_S,
            during_tests=True,
        )
        for name, level in _NAMES
    )


_NAMES: tuple[tuple[str, CleanupLevel], ...] = (
    ("expired_entries", "gentle"),
    ("component_limits", "moderate"),
    ("component_resets", "aggressive"),
    ("component_shutdown", "emergency"),
)


def relieve(components: Components, level: CleanupLevel) -> Outcome:
    """The share of *level*; gives the entries freed, and by note the components that were shut down."""
    cleaned = components.clean(level)
    known = [result.freed_entries for result in cleaned if result.freed_entries is not None]
    errors = [f"{result.name}: {result.error}" for result in cleaned if result.error is not None]
    note = None
    if level == "moderate":
        known.append(components.trim())
    elif level == "emergency":
        down = components.shut_down_nonessential()
        note = f"shut down: {', '.join(down)}" if down else None
    return Outcome(entries=sum(known) if known or not cleaned else None, note=note, error="; ".join(errors) or None)
