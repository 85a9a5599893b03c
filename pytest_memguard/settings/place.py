"""Where in which source a value stands, so that a message can point at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_memguard.errors import SettingError, UnknownNameError
from pytest_memguard.values import dataclass

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One key path in one source: ``memory.components.cart`` in ``memguard.yaml``, with the lines of its parts.

    ``lines`` maps paths to line numbers, counted from 1, and is empty for sources without lines.
    """

    source: str
    path: tuple[str, ...]
    lines: Mapping[tuple[str, ...], int]

    @property
    def name(self) -> str:
        """The dotted path."""
        return ".".join(part if part.isprintable() else ascii(part) for part in self.path)

    @property
    def origin(self) -> str:
        """File and line, as messages give them."""
        line = self.lines.get(self.path)
        return self.source if line is None else f"{self.source}, line {line}"

    def child(self, key: object) -> Place:
        """The place of *key* (a mapping's key or a list's index) in this place."""
        return Place(source=self.source, path=(*self.path, str(key)), lines=self.lines)

    def invalid(
        self, value: object, allowed: str, *, known: Sequence[str] = (), remedy: str | None = None
    ) -> SettingError:
        """The error for *value* at this place."""
        return SettingError(self.name, value, origin=self.origin, allowed=allowed, known=known, remedy=remedy)

    def unknown(self, key: object, known: Sequence[str]) -> UnknownNameError:
        """The error for a *key* that does not belong at this place."""
        return UnknownNameError(
            f"key of {self.name}" if self.path else "top-level key", key, origin=self.child(key).origin, known=known
        )
