"""``memguard merge``: the reports of a run in several parts as the one report that the whole would have given."""

from __future__ import annotations

import argparse
import glob
import hashlib
import os
import stat
import sys
from collections.abc import Sequence
from typing import Any

from pytest_memguard.commands.writing import add_targets, targets_of, write_to
from pytest_memguard.errors import MemguardError, all_of
from pytest_memguard.merging import merged
from pytest_memguard.model import RunReport
from pytest_memguard.report.loading import load_report
from pytest_memguard.report.terminal import result
from pytest_memguard.report.text import counted, harmless, quoted_path

__all__ = ["add"]

_CHUNK = 1 << 20


class SameReportError(MemguardError):
    """One report given twice: another one is probably missing."""

    slug = "same-report"


class NoReportsError(MemguardError):
    """A pattern that no file matches."""

    slug = "no-reports"


def add(commands: Any) -> None:
    """Describe the command to the parser."""
    text = "make one report of those of several shards, as one run over all of them would have given it"
    merge = commands.add_parser("merge", help=text, description=text.capitalize() + ".")
    merge.add_argument("reports", metavar="REPORT.json", nargs="+", help="of each shard; patterns such as '*.json' too")
    add_targets(merge, otherwise="json")
    merge.set_defaults(command=_merge)


def _merge(options: argparse.Namespace) -> None:
    paths = _paths(options.reports)
    targets = targets_of(options, paths)
    _refuse_twice(paths)
    report = merged(paths, _loaded(paths))
    write_to(targets, report)
    files = [target for target, _ in targets if target != "-"]
    if files:
        told = f"{result(report)}, from {counted(len(paths), 'report')}: {', '.join(files)}"
        # Standard output may be where the report goes.
        stream = sys.stdout if len(files) == len(targets) else sys.stderr
        stream.write(f"memguard: {harmless(told)}\n")


def _paths(given: Sequence[str]) -> list[str]:
    """The files, with patterns that the shell has left alone replaced by what they match, in order."""
    found: list[str] = []
    for path in given:
        if not glob.has_magic(path) or os.path.lexists(path):
            found.append(path)
            continue
        matching = sorted(glob.glob(path, recursive=True))
        if not matching:
            raise NoReportsError(
                f"no file matches {quoted_path(path)}", remedy="give the reports of the shards, or a pattern of theirs"
            )
        found.extend(matching)
    return found


def _refuse_twice(paths: Sequence[str]) -> None:
    """Raise for a report that is there twice, by its name or by a copy: with it, another shard would be missing."""
    known: dict[str, str] = {}
    for path in paths:
        key = _content_of(path)
        if key is not None and key in known:
            raise SameReportError(
                f"{quoted_path(known[key])} and {quoted_path(path)} are the same report",
                remedy="give the report of each shard once; a shard may be missing",
            )
        if key is not None:
            known[key] = path


def _content_of(path: str) -> str | None:
    digest = hashlib.blake2b()
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None  # a pipe can be read only once
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except (OSError, ValueError):
        return None  # reading it as a report says what is wrong
    return digest.hexdigest()


def _loaded(paths: Sequence[str]) -> list[RunReport]:
    """All of them, or one error with everything that is wrong."""
    runs: list[RunReport] = []
    errors: list[MemguardError] = []
    for path in paths:
        try:
            runs.append(load_report(path).run)
        except MemguardError as error:
            errors.append(error)
    if errors:
        raise all_of(errors)
    return runs
