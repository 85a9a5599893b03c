"""Figures: medians with their spread, tables for people, one JSON file for machines."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def progress(text: str) -> None:
    """One line on standard error: what is going on now."""
    now = dt.datetime.now().astimezone().strftime("%H:%M:%S")
    sys.stderr.write(f"{now} {text}\n")
    sys.stderr.flush()


def say(text: str = "") -> None:
    """One line of the result on standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The middle and the ends of some readings, in the unit of the readings."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, readings: Sequence[float]) -> Spread:
        """Raises ``statistics.StatisticsError`` where there is no reading."""
        return cls(median=statistics.median(readings), low=min(readings), high=max(readings), runs=len(readings))

    def text(self, decimals: int = 2) -> str:
        """Such as ``1.52 (1.48..1.60)``."""
        return f"{self.median:.{decimals}f} ({self.low:.{decimals}f}..{self.high:.{decimals}f})"

    def to_json(self) -> dict[str, float]:
        """Median, ends and number of readings."""
        return {"median": self.median, "low": self.low, "high": self.high, "runs": self.runs}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first to the left, numbers to the right."""
    widths = [max(len(str(row[i])) for row in (head, *rows)) for i in range(len(head))]
    lines = [_line(head, widths), "  ".join("-" * w for w in widths)]
    lines += [_line(row, widths) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    padded = [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
    return "  ".join(padded).rstrip()


def machine(python: str, versions: Mapping[str, str]) -> dict[str, Any]:
    """When, where and with what these figures came about."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "date": dt.datetime.now().astimezone().isoformat(timespec="seconds"),
        "python": python,
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "load": load,
        "versions": {name: versions[name] for name in ("pytest", "pytest-memguard", "psutil") if name in versions},
    }


def header(title: str, about: Mapping[str, Any]) -> None:
    """The lines above a table: what was measured where."""
    versions = "".join(f", {name} {version}" for name, version in about["versions"].items())
    load = "unknown" if about["load"] is None else f"{about['load']:.2f}"
    say(f"== {title}")
    say(f"{about['date']}, Python {about['python']}{versions}")
    say(f"{about['platform']}, {about['cores']} cores, load {load} at the end")


def store(file: str | None, name: str, about: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Writes the figures where ``--json`` asks for them."""
    if file is None:
        return
    document = {"benchmark": name, "machine": dict(about), "result": dict(result)}
    Path(file).write_text(json.dumps(document, indent=1) + "\n")
    progress(f"figures written to {file}")
