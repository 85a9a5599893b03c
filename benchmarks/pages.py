"""Writes what a benchmark found into a page of the documentation, between two comments that name it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import progress
from benchmarks.places import ROOT, BenchmarkError


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a bar within a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def replace(page: Path, name: str, body: str) -> None:
    """Puts ``body`` between ``<!-- NAME: written by .. -->`` and ``<!-- end of NAME -->``; the rest stays."""
    text = page.read_text("utf-8")
    pattern = re.compile(rf"(<!-- {re.escape(name)}: [^\n]* -->\n).*?(<!-- end of {re.escape(name)} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise BenchmarkError(f"{page.relative_to(ROOT)} has no single place between comments for {name!r}")
    page.write_text(pattern.sub(lambda found: f"{found[1]}\n{body.strip()}\n\n{found[2]}", text), "utf-8")
    progress(f"{name} written to {page.relative_to(ROOT)}")
