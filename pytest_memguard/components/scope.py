"""The components of one test: those that it registers for itself, and those that are there for all."""

from __future__ import annotations

from typing import Any

from pytest_memguard.components.component import Component
from pytest_memguard.components.registry import ComponentRegistry

__all__ = ["Scope"]


class Scope:
    """What ``memguard.component(..)`` of one test works on. ``registry`` is None while memguard is off."""

    def __init__(self, registry: ComponentRegistry | None, *, origin: str) -> None:
        self._on = registry is not None
        self._registry = ComponentRegistry() if registry is None else registry
        self._origin = origin
        self._own: list[str] = []

    def component(self, name: str, **described: Any) -> Component:
        """The component of that name; with more than the name, a new one that lasts until the test has ended.

        Raises ``MemguardError`` on a name that is not known (or, for a new one, known already) and on wrong values.
        """
        if not described and (self._on or name in self._registry):
            return self._registry.get(name, origin=self._origin)
        component = self._registry.register(name, **described, origin=self._origin)
        self._own.append(name)
        component.measured(None)  # growth counts from here
        return component

    def close(self) -> None:
        """The test has ended: its own components end with it."""
        while self._own:
            self._registry.release(self._own.pop())
