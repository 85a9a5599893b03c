"""The page of one run: everything that its report holds, the verdict first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_memguard.events import by_pay
from pytest_memguard.model import RunReport
from pytest_memguard.report import Renderer
from pytest_memguard.report.pages.cards import cards_of
from pytest_memguard.report.pages.components import held_over_run, spark_of
from pytest_memguard.report.pages.excerpt import source_reader
from pytest_memguard.report.pages.memory import Memory, marked_tests, memory
from pytest_memguard.report.pages.sheet import sheet
from pytest_memguard.report.pages.survey import Survey, surveyed
from pytest_memguard.report.pages.verdict import glance, tiles, verdict

__all__ = ["page_of_run"]


def page_of_run(root: str) -> Renderer:
    """The renderer of the page. *root*: the folder from which the report names its files, for the lines of source."""

    def render(report: RunReport) -> Iterator[str]:
        cards = cards_of(report, source_reader(root))
        survey = surveyed(report.tests, anchors=cards.anchors, wanted=marked_tests(report))
        over_run = memory(report, survey, cards.anchors)
        held = held_over_run(report.components)
        return sheet(
            "run.html",
            styles=("run.css",),
            scripts=("table.js", "run.js"),
            plots=over_run is not None or bool(held),
            data=_data(survey, over_run, held),
            report=report,
            session=report.session,
            environment=report.environment,
            verdict=verdict(report, survey.counts),
            glances=glance(cards.failing),
            tiles=tiles(report),
            cards=cards,
            survey=survey,
            memory=over_run,
            has_courses=bool(held),
            sparks=[spark_of(usage) for usage in report.components],
            strategies=by_pay(report.strategies),
        )

    return render


def _data(survey: Survey, over_run: Memory | None, held: list[dict[str, Any]]) -> dict[str, Any]:
    """What the scripts of the page work with."""
    marks = over_run.marks if over_run is not None else None
    return {"rows": survey.rows, "words": survey.words, "inBlocks": survey.in_blocks, "marks": marks, "held": held}
