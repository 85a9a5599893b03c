"""What components held over the run, for a plot and for a small line in each row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from pytest_memguard.events import ComponentUsage
from pytest_memguard.report.pages.curves import Spark, spark
from pytest_memguard.report.text import shortened

__all__ = ["held_over_run", "spark_of"]

_MOST = 30
_LONGEST = 60


def held_over_run(usages: Sequence[ComponentUsage]) -> list[dict[str, Any]]:
    """For the scripts of a page: the entries of each component whose number has changed."""
    courses = ((usage, _entries(usage)) for usage in usages)
    changed = ((usage, points) for usage, points in courses if len({value for _, value in points}) > 1)
    return [{"name": _name(usage), "points": points} for usage, points in islice(changed, _MOST)]


def spark_of(usage: ComponentUsage) -> Spark | None:
    """One component as a small line: its entries, or its bytes where it has none that could be counted."""
    sizes = [(point.tests, point.bytes) for point in usage.course if point.bytes is not None]
    return spark(_entries(usage) or sizes)


def _entries(usage: ComponentUsage) -> list[tuple[int, int]]:
    return [(point.tests, point.entries) for point in usage.course if point.entries is not None]


def _name(usage: ComponentUsage) -> str:
    name = shortened(usage.component, _LONGEST)
    return name if usage.worker == "main" else f"{name} ({shortened(usage.worker, _LONGEST)})"
