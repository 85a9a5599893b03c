"""The built-in strategies, one module a category. Each works where its library is loaded, and never imports it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_memguard.cleanup.registry import Strategy
from pytest_memguard.cleanup.strategies import (
    accelerators,
    batches,
    caches,
    collector,
    connections,
    databases,
    heap,
    interpreter,
    parts,
    receivers,
    timers,
)
from pytest_memguard.cleanup.strategies.parts import Components

__all__ = ["Components", "built_in"]


def built_in(
    *,
    components: Components,
    packages: Sequence[str],
    clock: Callable[[], float],
    warnings_are_captured: bool,
) -> tuple[Strategy, ...]:
    """All of them, in the order in which one level runs them."""
    return (
        *parts.strategies(components),
        *interpreter.strategies(clock=clock, warnings_are_captured=warnings_are_captured),
        *caches.strategies(packages),
        *receivers.strategies(),
        *batches.strategies(),
        *connections.strategies(),
        *databases.strategies(clock=clock),
        *timers.strategies(),
        *accelerators.strategies(),
        *collector.strategies(),
        *heap.strategies(),
    )
