"""The section of the terminal as plain text, for a file or another program."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_memguard.model import RunReport
from pytest_memguard.report.terminal import section

__all__ = ["render"]

_WIDTH = 100


def render(report: RunReport) -> Iterator[str]:
    """Everything that ``-v`` shows at the end of a run, 100 columns wide."""
    return (f"{line.text}\n" for line in section(report, width=_WIDTH, verbosity=1, color=False))
