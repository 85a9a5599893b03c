"""The JSON Schema of the JSON report, a file beside this one: what other programs check a report against."""

from __future__ import annotations

import os

from pytest_memguard.model import SCHEMA_VERSION

__all__ = ["schema_text"]


def schema_text() -> str:
    """The JSON Schema (draft 2020-12) of the reports that this version writes."""
    with open(os.path.join(os.path.dirname(__file__), f"schema{SCHEMA_VERSION}.json"), encoding="utf-8") as file:
        return file.read()
