"""The outputs of one run besides the terminal: files that were asked for, and what GitHub Actions shows of a job.

What goes where is settled, and checked, before the suite runs; nothing here reads the environment by itself.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from pytest_memguard.errors import ConflictError, shown
from pytest_memguard.model import RunReport
from pytest_memguard.report import Renderer, ReportFileError, check_target, write_report
from pytest_memguard.settings import Resolved
from pytest_memguard.settings.resolve import COMMAND_LINE

__all__ = ["Outputs", "check_files", "told_unwritten"]

_FILES = {"json": "the JSON report", "html": "the HTML report", "markdown": "the Markdown report"}
# GitHub refuses the whole summary of a step above 1 MiB; other tools write to the same file.
_MOST_SUMMARY_BYTES = 1 << 20
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)

Writer = Callable[[RunReport], object]


def check_files(resolved: Resolved, shown_as: Callable[[Path], str]) -> None:
    """Refuse, before the suite runs, files that could not be written after it; raises ``MemguardError``.

    *shown_as* gives a path as it is to stand in messages.
    """
    taken: dict[str, str] = {}
    for name, what in _FILES.items():
        target: Path | None = getattr(resolved.settings, name)
        if target is None:
            continue
        origin = resolved.origins.get(name, "")
        check_target(shown_as(target), setting=what, origin=origin)
        if name == "html":
            from pytest_memguard.report.pages import check_extra  # noqa: PLC0415 - only for a page

            check_extra(setting=what, origin=origin)
        other = taken.setdefault(os.path.realpath(target), what)
        if other != what and (target.is_file() or not target.exists()):
            raise ConflictError(
                f"{what} from {origin} would replace {other}: both are {shown(shown_as(target))}",
                remedy="give each report a file of its own",
            )


def told_unwritten(resolved: Resolved) -> str | None:
    """What to say where no test was to be run, to somebody who has typed the name of a file; None to everybody else.

    Files that settings or ``addopts`` name are those of the runs that do run tests.
    """
    typed = [f"--memguard-{name}" for name in (*_FILES, "history") if resolved.origins.get(name) == COMMAND_LINE]
    return f"memguard: no test was run, so nothing was written for {', '.join(typed)}" if typed else None


class Outputs:
    """What is to be written when the run has ended.

    *rootdir* is that of the tests, from which the report names its files; *environ* what the process was started with.
    A worker, which *writes* nothing, has none. ``writers``: one function for each file; any of them may raise, and the
    others are to be called none the less.
    """

    def __init__(self, resolved: Resolved, *, rootdir: str, environ: Mapping[str, str], writes: bool = True) -> None:
        self._resolved = resolved
        self._rootdir = rootdir
        summary = environ.get("GITHUB_STEP_SUMMARY", "")
        self._summary = os.path.abspath(summary) if summary else ""  # tests may go elsewhere
        self._annotate: Callable[[RunReport], Iterable[str]] | None = None
        # What is needed is loaded before the tests, which may leave nothing to import with.
        self.writers = list(self._wanted()) if writes else []
        if writes and environ.get("GITHUB_ACTIONS") == "true":
            from pytest_memguard.report.github import path_below, workflow_commands  # noqa: PLC0415

            checkout = environ.get("GITHUB_WORKSPACE") or rootdir
            below = path_below(os.path.realpath(rootdir), os.path.realpath(checkout))
            self._annotate = partial(workflow_commands, below=below)

    def annotations(self, report: RunReport) -> Iterable[str]:
        """The lines to print for GitHub Actions; none elsewhere."""
        return () if self._annotate is None else self._annotate(report)

    def _wanted(self) -> Iterator[Writer]:
        settings = self._resolved.settings
        if settings.json is not None:
            from pytest_memguard.report import jsonfile  # noqa: PLC0415

            yield self._file("json", settings.json, jsonfile.render)
        if settings.html is not None:
            from pytest_memguard.report.pages.run import page_of_run  # noqa: PLC0415

            yield self._file("html", settings.html, page_of_run(self._rootdir))
        if settings.markdown is not None or self._summary:
            from pytest_memguard.report import markdown  # noqa: PLC0415

            if settings.markdown is not None:
                yield self._file("markdown", settings.markdown, markdown.render)
            if self._summary:
                yield self._append_summary

    def _file(self, name: str, target: Path, render: Renderer) -> Writer:
        origin = self._resolved.origins.get(name, "")

        def write(report: RunReport) -> None:
            # It was there before the tests: one of them has cleaned up more than its own.
            with contextlib.suppress(OSError, ValueError):
                os.makedirs(os.path.dirname(os.path.realpath(target)), exist_ok=True)
            write_report(target, render(report), setting=_FILES[name], origin=origin)

        return write

    def _append_summary(self, report: RunReport) -> None:
        if not (report.session.tests or report.warnings or report.errors):
            return  # a usage error, an error in collection, nothing selected: pytest says it
        from pytest_memguard.report.markdown import render, verdict  # noqa: PLC0415

        def wordings() -> Iterator[str]:
            yield "".join(render(report))
            yield "\n\n".join(verdict(report)) + "\n"

        reason = _appended(self._summary, wordings())
        if reason:
            raise ReportFileError(
                f"cannot add to GITHUB_STEP_SUMMARY {shown(self._summary)}: {reason}",
                remedy="the report itself is complete; --memguard-markdown writes the same text to a file",
            )


def _appended(path: str, wordings: Iterable[str]) -> str:
    """Add the first of *wordings* that there is room for to the file, in one piece; gives what is in the way, if so."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | _CLOEXEC, 0o666)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return "it is no file"
        for text in wordings:
            # A line that somebody has begun would run into the heading.
            data = ("\n" * (status.st_size > 0) + text).encode("utf-8", "backslashreplace")
            if status.st_size + len(data) <= _MOST_SUMMARY_BYTES:
                while data:
                    data = data[os.write(descriptor, data) :]
                return ""
    except OSError as error:
        return error.strerror or str(error)
    finally:
        os.close(descriptor)
    return "it is full: GitHub shows no summary of a step above 1 MiB"
