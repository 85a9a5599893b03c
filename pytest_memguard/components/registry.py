"""The registry of components: who there is, what each holds after a test, and what can be done about it."""
# Signatures first, so that what cleans and what reacts to pressure can be written against them.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pytest_memguard.events import ComponentUsage, StrategyResult
from pytest_memguard.settings import ComponentSpec


class ComponentRegistry(Protocol):
    """All components of one process, in the order of registration. False while there are none."""

    def __len__(self) -> int: ...

    def register(
        self,
        name: str,
        *,
        track: str | Sequence[str] | Mapping[str, object] = (),
        measure: Callable[..., object] | str | None = None,
        limits: Mapping[str, int] | None = None,
        cleanup: Mapping[str, Callable[[], object] | str] | None = None,
        shutdown: Callable[[], object] | str | None = None,
        restart: Callable[[], object] | str | None = None,
        essential: bool = False,
    ) -> object:
        """Add a component; raises ``MemguardError`` on a name that is taken or a value that makes no sense."""

    def from_settings(self, specs: Sequence[ComponentSpec]) -> None:
        """Add the components of ``memory.components``."""

    def measure(self, nodeid: str | None) -> Sequence[ComponentUsage]:
        """What every component holds now, ``nodeid`` being the test that has just ended."""

    def trim(self) -> int:
        """Bring every container that is over its limit down to it, oldest entries first; gives the entries removed."""

    def clean(self, level: str) -> list[StrategyResult]:
        """Run the callables that components have for exactly this level; ``name`` is that of the component."""

    def shut_down_nonessential(self) -> list[str]:
        """Shut down what is running and may be; gives the names of those that went down."""

    def restart_all(self) -> list[str]:
        """Start again what was shut down; gives the names of those that are back."""

    def reset(self) -> None:
        """Forget what was measured so far: growth counts from now on. Containers and states stay as they are."""
