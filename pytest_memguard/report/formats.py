"""The forms that a report can be given, and the one table of them: what each is called, and which files have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from pytest_memguard.errors import MemguardError, UnknownNameError, one_of, shown
from pytest_memguard.model import RunReport
from pytest_memguard.report import Renderer, github, jsonfile, junit, markdown, plain
from pytest_memguard.report.pages import check_extra
from pytest_memguard.values import dataclass

__all__ = ["Format", "FormatError", "format_for", "format_names", "formats"]


def _can_be_made(_origin: str) -> None:
    """Needs nothing that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One form of a report. ``suffixes``: of the files that have it, unless it is said by name.

    ``check``, called with where it was asked for, raises ``MemguardError`` where it cannot be made here.
    """

    name: str
    what: str
    render: Renderer
    suffixes: tuple[str, ...] = ()
    check: Callable[[str], None] = _can_be_made


def formats(*, below: str | None = "", rootdir: str = ".") -> tuple[Format, ...]:
    """The table. *below*: where the tests are in the checkout, for annotations (see ``github.path_below``).

    *rootdir*: the folder of the tests, for lines of source.
    """

    def annotated(report: RunReport) -> Iterator[str]:
        return (f"{line}\n" for line in github.workflow_commands(report, below=below))

    return (
        Format(name="text", what="the section of the terminal", render=plain.render, suffixes=(".txt",)),
        Format(name="json", what="the report for machines", render=jsonfile.render, suffixes=(".json",)),
        Format(
            name="html",
            what="the report for people",
            render=partial(_page, rootdir),
            suffixes=(".html", ".htm"),
            check=lambda origin: check_extra(setting="the HTML report", origin=origin),
        ),
        Format(name="markdown", what="for a pull request", render=markdown.render, suffixes=(".md", ".markdown")),
        Format(name="junit", what="JUnit XML", render=junit.render, suffixes=(".xml",)),
        Format(name="github", what="annotations of GitHub Actions", render=annotated),
    )


class FormatError(MemguardError):
    """A file whose name does not say what it is to hold."""

    slug = "report-format"


def format_names() -> tuple[str, ...]:
    """What ``--format`` takes."""
    return tuple(entry.name for entry in formats())


def format_for(target: str, table: Sequence[Format], *, name: str | None, otherwise: str) -> Format:
    """The format of *table* called *name*, or else that of the file *target* (``-``: *otherwise*)."""
    by_name = {entry.name: entry for entry in table}
    if name is None and target == "-":
        name = otherwise
    if name is not None:
        if name not in by_name:
            raise UnknownNameError("format", name, origin="--format", known=tuple(by_name))
        return by_name[name]
    for entry in table:
        if entry.suffixes and target.lower().endswith(entry.suffixes):
            return entry
    suffixes = [suffix for entry in table for suffix in entry.suffixes]
    raise FormatError(
        f"the name of the output {shown(target)} does not tell its format: expected {one_of(suffixes)}",
        remedy=f"add one of these, or say it with --format ({one_of(tuple(by_name))})",
    )


def _page(rootdir: str, report: RunReport) -> Iterable[str]:
    from pytest_memguard.report.pages.run import page_of_run  # noqa: PLC0415 - the extra may not be there

    return page_of_run(rootdir)(report)
