"""``memguard schema``: the JSON Schema of the JSON report."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_memguard.commands.printing import print_text
from pytest_memguard.report.schema import schema_text

__all__ = ["add"]


def add(commands: Any) -> None:
    """Describe the command to the parser."""
    text = "print the JSON Schema of the JSON report, to check one with, or to make readers of it"
    schema = commands.add_parser("schema", help=text, description=text.replace("print", "Print", 1) + ".")
    schema.set_defaults(command=_schema)


def _schema(_options: argparse.Namespace) -> None:
    print_text(schema_text().rstrip("\n"))
