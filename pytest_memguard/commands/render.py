"""``memguard render``: every form of a report, made again from its JSON."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_memguard.commands.writing import add_targets, targets_of, write_to
from pytest_memguard.report.loading import load_report

__all__ = ["add"]


def add(commands: Any) -> None:
    """Describe the command to the parser."""
    text = "make any output of a run again from its JSON report, however old"
    render = commands.add_parser("render", help=text, description=text.capitalize().replace("json", "JSON") + ".")
    render.add_argument("report", metavar="REPORT.json", help="what --memguard-json or `memguard merge` has written")
    add_targets(render, otherwise="text")
    render.set_defaults(command=_render)


def _render(options: argparse.Namespace) -> None:
    targets = targets_of(options, [options.report])
    write_to(targets, load_report(options.report).run)
