"""``--memguard-show-config``: each setting, its value and where it came from, as text that fits the terminal."""

from __future__ import annotations

import textwrap
from pathlib import Path

from pytest_memguard.settings.fields import Spec, specs
from pytest_memguard.settings.resolve import Resolved
from pytest_memguard.settings.table import Settings

__all__ = ["show_config"]

_MIN_WIDTH = 60
_VALUE_WIDTH = 24


def show_config(resolved: Resolved, *, width: int = 80, base: Path | None = None) -> str:
    """One line a setting, name, value and origin in columns; what does not fit in *width* goes below its column.

    Paths inside of *base* are shown relative to it.
    """
    listed = [spec for spec in specs(Settings) if not spec.is_action]
    rows = [(spec.name, _shown(spec, resolved, base), resolved.origins[spec.name]) for spec in listed]
    name_width = max(len(name) for name, _, _ in rows)
    value_width = min(max(len(value) for _, value, _ in rows), _VALUE_WIDTH)
    columns = f"{{:<{name_width}}}  {{:<{value_width}}}  {{}}"
    head = ("setting", "value", "where it came from")
    lines = [columns.format(*head), columns.format("-" * name_width, "-" * value_width, "-" * len(head[-1]))]
    for name, value, origin in rows:
        line = columns.format(name, value, origin)
        if len(value) <= value_width and len(line) <= width:
            lines.append(line)
        else:
            lines.extend(_wrapped(f"{name:<{name_width}}  ", (value, f"from {origin}"), max(width, _MIN_WIDTH)))
    return "\n".join(lines)


def _shown(spec: Spec, resolved: Resolved, base: Path | None) -> str:
    value = getattr(resolved.settings, spec.name)
    if isinstance(value, Path) and base is not None and value.is_relative_to(base):
        value = value.relative_to(base)
    return spec.show(value)


def _wrapped(name: str, parts: tuple[str, ...], width: int) -> list[str]:
    """*name*, and beside and below it *parts*, each beginning a line of its own."""
    inside = [line for part in parts for line in textwrap.wrap(part, width - len(name), break_on_hyphens=False) or [""]]
    return [name + inside[0], *(" " * len(name) + line for line in inside[1:])]
