"""The layers of the package, from the contract that ``lint-imports`` checks."""

from __future__ import annotations

import re

from tests.readme import ROOT


def listed() -> str:
    """One layer a line, the highest first."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    found = re.search(r"^layers = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise AssertionError("pyproject.toml has no layers")
    layers = re.findall(r'^  "(.*)",$', found[1], re.MULTILINE)
    return "```text\n" + "\n".join(layer.replace(" | ", "  ") for layer in layers) + "\n```"
