"""How the values of settings are written for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_memguard.settings.structures import StrategySpec, Suppression
from pytest_memguard.units import format_bytes

__all__ = ["flag", "limit", "names", "path", "strategies", "suppressions"]


def flag(value: bool) -> str:
    """On or off."""
    return "on" if value else "off"


def path(value: Path | None) -> str:
    """A path, or none."""
    return "none" if value is None else str(value)


def names(value: tuple[Any, ...]) -> str:
    """Names, comma separated, or none."""
    return ", ".join(str(getattr(entry, "name", entry)) for entry in value) or "none"


def limit(value: int | None) -> str:
    """A size, or auto."""
    return "auto" if value is None else format_bytes(value)


def suppressions(value: tuple[Suppression, ...]) -> str:
    """How many there are."""
    return str(len(value)) if value else "none"


def strategies(value: StrategySpec) -> str:
    """Which level runs what, and the plan."""
    parts = [f"{level}: {', '.join(given)}" for level, given in value.levels.items()]
    if value.between_tests:
        parts.append(f"{value.between_tests} after every {'test' if value.every == 1 else f'{value.every} tests'}")
    if value.between_modules:
        parts.append(f"{value.between_modules} after every module")
    return "; ".join(parts) or "built-in"
