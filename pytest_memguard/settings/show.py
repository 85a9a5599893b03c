"""``--memguard-show-config``: each setting, its value and where it came from, as text that fits the terminal."""

from __future__ import annotations

import textwrap

from pytest_memguard.settings.fields import specs
from pytest_memguard.settings.resolve import Resolved
from pytest_memguard.settings.table import Settings

__all__ = ["show_config"]

_MIN_WIDTH = 60
_VALUE_WIDTH = 24


def show_config(resolved: Resolved, *, width: int = 80) -> str:
    """One line a setting, name, value and origin in columns; what does not fit in *width* goes below its column."""
    listed = [spec for spec in specs(Settings) if not spec.is_action]
    rows = [
        (spec.name, spec.show(getattr(resolved.settings, spec.name)), resolved.origins[spec.name]) for spec in listed
    ]
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


def _wrapped(name: str, parts: tuple[str, ...], width: int) -> list[str]:
    """*name*, and beside and below it *parts*, each beginning a line of its own."""
    inside = [line for part in parts for line in textwrap.wrap(part, width - len(name)) or [""]]
    return [name + inside[0], *(" " * len(name) + line for line in inside[1:])]
