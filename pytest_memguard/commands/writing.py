"""Where the commands that make reports put them: one or more files, or standard output, each in its format."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from pytest_memguard.errors import MemguardError
from pytest_memguard.model import RunReport
from pytest_memguard.report import check_target, write_report
from pytest_memguard.report.formats import Format, format_for, format_names, formats
from pytest_memguard.report.github import path_below
from pytest_memguard.report.text import quoted_path

__all__ = ["OverwritingError", "Target", "add_targets", "targets_of", "write_to"]

_ORIGIN = "the command line"

Target = tuple[str, Format]


class OverwritingError(MemguardError):
    """A file that is to be read and written at once."""

    slug = "overwriting"


def add_targets(parser: Any, *, otherwise: str) -> None:
    """Describe ``-o``, ``--format`` and ``--rootdir`` to the parser; *otherwise* is the format of standard output."""
    table = formats()
    files = ", ".join(f"{entry.name} ({', '.join(entry.suffixes)})" for entry in table if entry.suffixes)
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        metavar="FILE",
        help=f"where to, may be repeated; its name says the format: {files}; - is standard output, {otherwise}",
    )
    parser.add_argument("--format", choices=format_names(), help="the format, whatever the file is called")
    parser.add_argument(
        "--rootdir",
        default=".",
        metavar="DIR",
        help="rootdir of the tests, for annotations and lines of source (the current directory)",
    )
    parser.set_defaults(otherwise=otherwise)


def targets_of(options: Any, inputs: Sequence[str]) -> list[Target]:
    """Where to write what, checked before anything is read; *inputs* must not be among them."""
    below = _below(options.rootdir, os.environ.get("GITHUB_WORKSPACE"))
    table = formats(below=below, rootdir=options.rootdir)
    found = []
    for target in options.output or ["-"]:
        made = format_for(target, table, name=options.format, otherwise=options.otherwise)
        made.check(_ORIGIN)
        if target != "-":
            if any(_same_file(target, path) for path in inputs):
                raise OverwritingError(
                    f"the output {quoted_path(target)} is one of the reports that are read",
                    remedy="give another name for the output",
                )
            check_target(target, setting="the output", origin=_ORIGIN)
        found.append((target, made))
    return found


def write_to(targets: Sequence[Target], report: RunReport) -> None:
    """Write *report* to each; a file is replaced in one step, or left as it is."""
    for target, made in targets:
        if target == "-":
            sys.stdout.writelines(made.render(report))
        else:
            write_report(target, made.render(report), setting="the output", origin=_ORIGIN)


def _below(rootdir: str, checkout: str | None) -> str | None:
    return path_below(os.path.realpath(rootdir), os.path.realpath(checkout)) if checkout else ""


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False
