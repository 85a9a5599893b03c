"""The parts of the reference that are made of the code: ``python -m tests.reference`` writes them anew.

A part stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; what is around it is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.readme import ROOT
from tests.reference import commands, hooks, layers, report, settings, verdicts

FOLDER = ROOT / "docs"

PARTS: dict[str, Callable[[], str]] = {
    "settings options": settings.options,
    "settings keys": settings.keys,
    "settings defaults": settings.defaults,
    "marker keywords": settings.keywords,
    "hooks": hooks.hooks,
    "values of hooks": hooks.values,
    "commands": commands.commands,
    "report": report.sections,
    "verdict names": verdicts.names,
    "kinds": verdicts.kinds,
    "layers": layers.listed,
    "confidence": hooks.confidence,
}

_BEGIN = re.compile(r"<!-- begin ([\w ]+) -->\n")


def pages() -> list[Path]:
    """The pages that have such parts."""
    return [page for page in sorted(FOLDER.rglob("*.md")) if parts_of(page.read_text("utf-8"))]


def parts_of(text: str) -> list[str]:
    """The parts of a page that are made here; others are made of what benchmarks have measured."""
    return [name for name in _BEGIN.findall(text) if name in PARTS]


def remade(text: str) -> str:
    """A page with its parts made anew."""
    for name in parts_of(text):
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->\n"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"the part {name!r} does not end")
        text = f"{before}{begin}\n{PARTS[name]().strip()}\n\n{end}{after}"
    return text
