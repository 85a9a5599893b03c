"""The core manager: pressure is measured, events are told, cleanups escalate, and what does not help ends in good order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pytest_memguard.events import CleanupResult, CleanupTrigger, ComponentUsage
from pytest_memguard.settings import CleanupLevel

__all__ = ["Cleaner", "Components"]


class Cleaner(Protocol):
    """What is asked of the cleanup manager."""

    def clean(
        self, level: CleanupLevel, *, trigger: CleanupTrigger, nodeid: str | None = None, during_test: bool = False
    ) -> CleanupResult:
        """Run *level* and what is below it; a refusal is a result, too. Never raises what strategies raise."""


class Components(Protocol):
    """What is asked of the component registry."""

    def measure(self, nodeid: str | None) -> Sequence[ComponentUsage]:
        """What every component holds now."""

    def shut_down_nonessential(self) -> list[str]:
        """Shut down what is running and may be; gives the names of those that went down."""

    def restart_all(self) -> list[str]:
        """Start again what was shut down; gives the names of those that are back."""
