"""Writes what a benchmark found into a page of the documentation, between comments that name it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import progress
from benchmarks.places import BenchmarkError


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a bar within a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def replace(page: Path, name: str, body: str) -> None:
    """Puts ``body`` between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; the rest of the page stays."""
    text = page.read_text("utf-8")
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise BenchmarkError(f"{page} has no single {begin.strip()} with its end")
    before, _, rest = text.partition(begin)
    page.write_text(f"{before}{begin}\n{body.strip()}\n\n{end}{rest.partition(end)[2]}", "utf-8")
    progress(f"{name} written to {page}")
