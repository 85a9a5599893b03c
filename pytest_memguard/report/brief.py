"""What ``-q`` leaves of the section: what somebody is to act on is said in any case, only its detail is left out."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_memguard.model import RunReport
from pytest_memguard.report import around
from pytest_memguard.report.blocks import grown_head, growth_sentence
from pytest_memguard.report.layout import sentences
from pytest_memguard.report.text import Line, counted, line

__all__ = ["notices", "troubles"]


def notices(report: RunReport, width: int) -> Iterator[Line]:
    """One line for each kind of thing that is wrong and that the first line of the run does not count."""
    yield from around.alerts_head(report)
    limits = sum(not limit.gates for limit in report.limits)
    if limits:
        yield line(f"{counted(limits, 'exceeded limit')} for which the run does not fail", "yellow")
    grown = [entry for entry in report.grown if not entry.gates]
    if grown:
        yield grown_head(grown)
    if report.session.growth.suspected:
        yield from growth_sentence(report.session.growth, width)


def troubles(report: RunReport, width: int) -> Iterator[Line]:
    """Warnings and errors; a user who is not told of these believes what is not so, however quiet the run is to be."""
    yield from sentences(report.warnings, width, before="warning: ")
    yield from sentences(report.errors, width, before="memguard error: ")
