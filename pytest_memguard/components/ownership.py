"""Which component a confirmed leak belongs to: by the container that keeps it, else by the marker of its test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pytest_memguard.components.registry import ComponentRegistry
from pytest_memguard.model import Finding

__all__ = ["Ownership"]


class Ownership:
    """Roots of retainer paths and tests, each with the name of its component."""

    def __init__(self) -> None:
        self._roots: dict[str, str] = {}
        self._tests: dict[str, str] = {}

    def tracked(self, registry: ComponentRegistry) -> None:
        """Take the containers of all components that have references."""
        for component in registry:
            self._roots.update(dict.fromkeys(component.roots, component.name))

    def marked(self, nodeid: str, component: str) -> None:
        """A test says that it belongs to a component."""
        self._tests[nodeid] = component

    def settle(self, finding: Finding) -> Finding:
        """The finding with the name of the component that it belongs to, where that is known."""
        name = self._by_root(finding) or self._by_test(finding.witnesses)
        return finding if name is None else replace(finding, diagnosis=replace(finding.diagnosis, component=name))

    def to_wire(self) -> dict[str, dict[str, str]]:
        """As builtins for another process."""
        return {"roots": dict(self._roots), "tests": dict(self._tests)}

    def absorb(self, wire: Mapping[str, Mapping[str, str]]) -> None:
        """Take what another process knows."""
        self._roots.update(wire["roots"])
        self._tests.update(wire["tests"])

    def _by_root(self, finding: Finding) -> str | None:
        for retainer in finding.diagnosis.retainers:
            for root, name in self._roots.items():
                if retainer.root == root or retainer.path.startswith((f"{root}.", f"{root}[")):
                    return name
        return None

    def _by_test(self, witnesses: Iterable[str]) -> str | None:
        """The component that all marked witnesses name; witnesses may be fixtures, which have no markers."""
        names = {self._tests[witness] for witness in witnesses if witness in self._tests}
        return names.pop() if len(names) == 1 else None
