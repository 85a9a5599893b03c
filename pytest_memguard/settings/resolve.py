"""Layers of given values, merged into Settings in which every value knows where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_memguard.errors import ConflictError, MemguardError, SettingError, all_of
from pytest_memguard.settings.fields import Spec, specs
from pytest_memguard.settings.parsers import remedy_of
from pytest_memguard.settings.table import Settings, conflicts
from pytest_memguard.values import dataclass

__all__ = ["COMMAND_LINE", "DEFAULT", "Given", "Layer", "Resolved", "read", "resolve"]

COMMAND_LINE = "the command line"
DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value that was set, already parsed, and who set it."""

    value: Any
    origin: str


Layer = Mapping[str, Given]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The settings of a run, and for each of them its origin.

    ``on_command_line`` names those that the command line set: markers do not overrule these.
    """

    settings: Settings
    origins: Mapping[str, str]
    on_command_line: frozenset[str] = frozenset()


def read(spec: Spec, value: Any, *, name: str, origin: str, error: type[SettingError] = SettingError) -> Any:
    """*value* as *spec* parses it; raises *error*, which calls the setting *name*, if it cannot be parsed."""
    try:
        return spec.parse(value)
    except ValueError as exc:
        raise error(name, value, origin=origin, allowed=str(exc), known=spec.known, remedy=remedy_of(exc)) from None


def resolve(layers: Sequence[Layer], *, command_line: Layer | None = None) -> Resolved:
    """Merge *layers*, the lowest first and *command_line* on top of all. Raises ``MemguardError`` on a conflict."""
    merged: dict[str, Given] = {}
    for layer in (*layers, command_line or {}):
        merged.update(layer)
    origins = {spec.name: merged[spec.name].origin if spec.name in merged else DEFAULT for spec in specs(Settings)}
    values = {name: given.value for name, given in merged.items()}
    _refuse_conflicts(values, origins)
    return Resolved(settings=Settings(**values), origins=origins, on_command_line=frozenset(command_line or {}))


def _refuse_conflicts(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    table = {spec.name: spec for spec in specs(Settings)}
    complete = {**{name: spec.default for name, spec in table.items()}, **values}

    def told(name: str) -> str:
        return f"{name} {table[name].show(complete[name])} ({origins[name]})"

    errors: list[MemguardError] = [
        ConflictError(f"{told(low)} must be {relation} {told(high)}", remedy=f"lower {low} or raise {high}")
        for low, relation, high in conflicts(complete.__getitem__)
    ]
    if errors:
        raise all_of(errors)
