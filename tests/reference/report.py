"""The JSON report, from its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pytest_memguard.report.schema import schema_text
from tests.reference.table import table

_HEAD = ("key", "type", "what it is")


def sections() -> str:
    """The top of the report, and a section for each kind of object in it."""
    schema = json.loads(schema_text())
    parts = [f"### The whole\n\n{schema['description']}\n\n{_keys(schema)}"]
    parts += [f"### {name}\n\n{inside['description']}\n\n{_keys(inside)}" for name, inside in schema["$defs"].items()]
    return "\n".join(parts)


def _keys(schema: dict[str, Any]) -> str:
    return table(_HEAD, _rows(schema, ""))


def _rows(schema: dict[str, Any], before: str) -> Iterator[tuple[str, str, str]]:
    for name, inside in schema["properties"].items():
        said = inside.get("description", "")
        if "enum" in inside:
            said += f" One of {', '.join(f'`{word}`' for word in inside['enum'])}."
        if name not in schema["required"]:
            said += " Reports of older versions do not have it, or it is left out where it says nothing."
        yield f"`{before}{name}`", _type(inside), said.strip()
        item = inside.get("items", inside)
        if "properties" in item:
            yield from _rows(item, f"{before}{name}{'[]' if 'items' in inside else ''}.")


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    kind = schema["type"]
    if kind == "array":
        return f"array of {_type(schema['items'])}"
    return " or ".join(kind) if isinstance(kind, list) else kind
