"""``memguard history``: the last runs, and one test over the runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from pytest_memguard import __version__
from pytest_memguard.commands.printing import print_lines, print_text, terminal_width
from pytest_memguard.errors import shown
from pytest_memguard.history import HistoryError
from pytest_memguard.history.comparison import Tolerance
from pytest_memguard.history.reading import Past, open_past
from pytest_memguard.history.trends import trends_of
from pytest_memguard.history.values import Course
from pytest_memguard.report import check_target, write_report
from pytest_memguard.report.pages import check_extra
from pytest_memguard.report.past import course_json, course_lines, rise_json, rise_table, run_json, run_table
from pytest_memguard.report.plot import BLOCKS, PLAIN, Ink
from pytest_memguard.report.text import harmless, line
from pytest_memguard.settings import Settings
from pytest_memguard.settings.nearby import CONFIG_NAMES, settings_nearby

__all__ = ["add"]

_RUNS = 20
_POINTS = 100
_PAGE_RUNS = 100
_MOST = 100_000
_GROWN = 10
_LEAST_BYTES = 1 << 16  # below this, pages come and go
_LISTED = 20
_HTML = "--html"


def add(commands: Any) -> None:
    """Describe the command to the parser."""
    text = "show the last runs of a history and what grew most, or one test over the runs"
    history = commands.add_parser("history", help=text, description=text.capitalize() + ".")
    history.add_argument("nodeid", metavar="NODEID", nargs="?", help="of one test, or a part of it that no other has")
    history.add_argument("--file", metavar="FILE", help="the history (else what the project's settings name)")
    form = history.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the same as JSON, for another program")
    form.add_argument("--html", metavar="FILE", help="all of it as one page, with every test over the runs")
    limits = f"runs to show ({_RUNS}, of one test {_POINTS}, on a page {_PAGE_RUNS})"
    history.add_argument("--limit", metavar="N", type=_limit, help=limits)
    history.set_defaults(command=_history)


def _history(options: argparse.Namespace) -> None:
    path, settings = _found(options.file)
    if options.html is not None:
        _check_page(options, path)
    with open_past(path) as past:
        if options.html is not None:
            _write_page(past, path, settings, options)
        elif options.nodeid is None:
            _show_runs(past, path, settings, options)
        else:
            _show_course(past, path, settings, options)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) <= _MOST:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {_MOST}, not {shown(text)}")
    return int(text)


def _found(file: str | None) -> tuple[str, Settings]:
    """The path of the history, and the settings that say what counts as growth."""
    nearby = settings_nearby(os.getcwd())
    if file is not None:
        return file, nearby.settings
    given = nearby.path("memguard_history", "history")
    if given is not None:
        return os.path.relpath(given.value), nearby.settings
    looked_at = " and ".join(map(os.path.relpath, nearby.looked_at))
    told = f"{looked_at} name{'s' if len(nearby.looked_at) == 1 else ''} none"
    nothing = f"neither an ini file of pytest nor {CONFIG_NAMES[0]} is here or in a folder above"
    raise HistoryError(
        f"which history? {told if looked_at else nothing}",
        remedy="give it with --file FILE, or set memguard_history in the ini file",
    )


def _check_page(options: argparse.Namespace, path: str) -> None:
    """Refuse what cannot become a page before the history is read."""
    if options.nodeid is not None:
        raise HistoryError(
            f"--html makes a page of all tests, not of {shown(options.nodeid)} alone",
            remedy="leave the test out, and search for it on the page",
        )
    check_extra(setting="the page", origin=_HTML)
    if all(map(os.path.exists, (options.html, path))) and os.path.samefile(options.html, path):
        raise HistoryError(
            f"the page would take the place of the history {harmless(path)}", remedy="give --html another file"
        )
    check_target(options.html, setting="the page", origin=_HTML)


def _write_page(past: Past, path: str, settings: Settings, options: argparse.Namespace) -> None:
    from pytest_memguard.report.pages.history import headline, history_page  # noqa: PLC0415 - needs the extra `html`

    trends = trends_of(
        past,
        limit=options.limit or _PAGE_RUNS,
        usual_runs=settings.history_runs,
        tolerance=_tolerance(settings),
    )
    if trends is None:
        raise HistoryError(f"{harmless(path)} has no run yet", remedy="run pytest with it")
    page = history_page(trends, name=os.path.basename(path), version=__version__)
    write_report(options.html, page, setting="the page", origin=_HTML)
    if os.path.isfile(options.html):  # and not standard output itself
        print_lines([line(f"{harmless(options.html)}: {headline(trends)}")])


def _tolerance(settings: Settings) -> Tolerance:
    return Tolerance(bytes=settings.history_tolerance_bytes, share=settings.history_tolerance)


def _show_runs(past: Past, path: str, settings: Settings, options: argparse.Namespace) -> None:
    runs = past.runs(options.limit or _RUNS)
    grown = past.grown_most(runs[0], runs=settings.history_runs, most=_GROWN, least_bytes=_LEAST_BYTES) if runs else []
    if options.json:
        print_text(_json({"runs": list(map(run_json, runs)), "grown_most": list(map(rise_json, grown))}))
        return
    width = terminal_width()
    total = past.count()
    shown_runs = "" if len(runs) == total else f", the last {len(runs)}"
    print_lines([line(f"{harmless(path)}: {total} run{'' if total == 1 else 's'}{shown_runs}"), line("")])
    if not runs:
        return
    print_lines(run_table(runs, width))
    if grown:
        print_lines(
            [line(""), line(f"run {runs[0].number} against what was usual in up to {grown[0].runs} runs before")]
        )
        print_lines(rise_table(grown, width))


def _show_course(past: Past, path: str, settings: Settings, options: argparse.Namespace) -> None:
    nodeid = _the_one(past.matching(options.nodeid, _LISTED + 1), options.nodeid, path)
    course = past.course(nodeid, options.limit or _POINTS)
    grown = _grown(past, course, settings)
    if options.json:
        print_text(_json(course_json(course, grown)))
    else:
        print_lines(course_lines(course, terminal_width(), ink=_ink(), grown=grown))


def _grown(past: Past, course: Course, settings: Settings) -> frozenset[tuple[int, str]]:
    """Run and metric of what would have been told as growth in that run."""
    tolerance = _tolerance(settings)
    return frozenset(
        (run.number, rise.metric)
        for run, figures in course.points
        for rise in past.rises_of(run, figures, runs=settings.history_runs, tolerance=tolerance)
    )


def _the_one(found: Sequence[str], wanted: str, path: str) -> str:
    if len(found) == 1:
        return found[0]
    if not found:
        raise HistoryError(
            f"no test of {harmless(path)} has {shown(wanted)} in its id",
            remedy="memguard history lists runs; the ids of the tests are those that pytest shows",
        )
    more = [] if len(found) <= _LISTED else ["and more"]
    names = "".join(f"\n    {harmless(name)}" for name in [*found[:_LISTED], *more])
    raise HistoryError(f"several tests have {shown(wanted)} in their id", remedy=f"give more of one of them:{names}")


def _ink() -> Ink:
    """Blocks where the terminal can show them."""
    try:
        (BLOCKS.parts + BLOCKS.axis + BLOCKS.gap).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)
