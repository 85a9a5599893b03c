"""Reports held against the JSON Schema that the package brings along."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema

from pytest_memguard.report.schema import schema_text

SCHEMA: dict[str, Any] = json.loads(schema_text())


def violations(report: Any, *, strict: bool = True) -> list[str]:
    """What is wrong with a report; *strict*: a key that the schema does not describe is wrong, too."""
    validator = jsonschema.Draft202012Validator(_closed(SCHEMA) if strict else SCHEMA)
    return sorted(f"{error.json_path}: {error.message}" for error in validator.iter_errors(report))


def _closed(schema: Any) -> Any:
    """The schema without room for keys that it does not describe."""
    if isinstance(schema, list):
        return [_closed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(inside) for name, inside in copy.copy(schema).items()}
    if "properties" in closed and isinstance(closed.get("type"), (str, list)):
        closed.setdefault("additionalProperties", False)
    return closed
