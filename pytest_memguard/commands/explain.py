"""``memguard explain``: all evidence of one leak of a report."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_memguard.commands.printing import print_text, terminal_width
from pytest_memguard.report.explain import explained, explained_json, with_signature
from pytest_memguard.report.loading import load_report

__all__ = ["add"]


def add(commands: Any) -> None:
    """Describe the command to the parser."""
    text = "show all evidence of one leak: rounds, types, allocation sites, who keeps it, witnesses, how to repeat it"
    explain = commands.add_parser("explain", help=text, description=text.capitalize() + ".")
    explain.add_argument("signature", metavar="SIGNATURE", help="of the leak, or as much of its beginning as tells it")
    explain.add_argument("report", metavar="REPORT.json", help="what --memguard-json has written")
    explain.add_argument("--json", action="store_true", help="the leak as JSON, for another program")
    explain.set_defaults(command=_explain)


def _explain(options: argparse.Namespace) -> None:
    report = load_report(options.report)
    leak = with_signature(report, options.signature)
    if options.json:
        print_text(explained_json(leak))
        return
    for entry in explained(leak, report, terminal_width()):
        print_text(entry.text)
