"""``memguard baseline``: look into a baseline, and bring it up to date from reports."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_memguard.commands.printing import print_text, terminal_width
from pytest_memguard.report.layout import field
from pytest_memguard.report.loading import load_report
from pytest_memguard.report.text import Line, counted, harmless, line, shortened
from pytest_memguard.settings.parsers import date, text

if TYPE_CHECKING:
    from pytest_memguard.baseline import BaselineFile
    from pytest_memguard.reported import Changes
    from pytest_memguard.settings.baselinefile import BaselineEntry

__all__ = ["add"]

_DEFAULT = "memguard-baseline.yaml"


def add(commands: Any) -> None:
    """Describe the command to the parser."""
    what = "show the leaks that a baseline accepts, accept those of reports, or take out what is fixed"
    group = commands.add_parser("baseline", help=what, description=what.capitalize() + ".")
    parts = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    show = _part(parts, "show", "list the accepted leaks", _show)
    show.add_argument("file", metavar="FILE", nargs="?", default=_DEFAULT, help=f"the baseline ({_DEFAULT})")

    update = _part(parts, "update", "accept the leaks that runs have failed for", _update)
    _with_reports(update)
    update.add_argument("--reason", type=_checked(text), help="why all that is new here is accepted")
    update.add_argument("--expires", type=_checked(date), metavar="YYYY-MM-DD", help="the last day that it is")

    prune = _part(parts, "prune", "take out the leaks that runs with this baseline have found fixed", _prune)
    _with_reports(prune)


def _part(parts: Any, name: str, words: str, command: Any) -> Any:
    part = parts.add_parser(name, help=words, description=words.capitalize() + ".")
    part.add_argument("--json", action="store_true", help="the result as JSON, for another program")
    part.set_defaults(command=command)
    return part


def _with_reports(part: Any) -> None:
    part.add_argument("file", metavar="FILE", help="the baseline")
    part.add_argument(
        "reports", metavar="REPORT.json", nargs="+", help="what --memguard-json has written; of shards all of them"
    )


def _checked(parse: Any) -> Any:
    def parsed(value: str) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"expected {error}") from None

    return parsed


def _file(options: argparse.Namespace) -> BaselineFile:
    from pytest_memguard.baseline import BaselineFile  # noqa: PLC0415 - and PyYAML, for nothing in other commands

    return BaselineFile(path=Path(options.file), label=options.file, origin="the command line")


def _show(options: argparse.Namespace) -> None:
    entries = _file(options).read().entries
    if options.json:
        print_text(json.dumps({"file": options.file, "leaks": [_plain(entry) for entry in entries]}))
        return
    today = _today()
    over = sum(entry.expires is not None and entry.expires < today for entry in entries)
    bare = sum(entry.reason is None for entry in entries)
    facts = [counted(len(entries), "accepted leak")]
    facts += [f"{over} expired"] if over else []
    facts += [f"{bare} without a reason"] if bare else []
    print_text(harmless(f"{options.file}: {', '.join(facts)}"))
    for entry in entries:
        for each in _shown(entry, today, terminal_width()):
            print_text(each.text)


def _update(options: argparse.Namespace) -> None:
    from pytest_memguard.reported import accept_reported  # noqa: PLC0415

    reports = [load_report(path) for path in options.reports]
    done = accept_reported(_file(options), reports, today=_today(), reason=options.reason, expires=options.expires)
    _told(done, options)
    if not options.json and any(entry.reason is None for entry in done.added):
        print_text('say why: replace each reason "?" in it, or give --reason with the next ones')


def _prune(options: argparse.Namespace) -> None:
    from pytest_memguard.reported import prune_reported  # noqa: PLC0415

    _told(prune_reported(_file(options), [load_report(path) for path in options.reports]), options)


def _told(done: Changes, options: argparse.Namespace) -> None:
    parts = {"added": done.added, "removed": done.removed, "known": done.known}
    if options.json:
        found = {name: [entry.signature for entry in entries] for name, entries in parts.items()}
        print_text(json.dumps({"file": options.file, **found}))
        return
    words = {"added": "added", "removed": "taken out", "known": "known and seen again"}
    facts = [f"{len(entries)} {words[name]}" for name, entries in parts.items() if entries]
    print_text(harmless(f"{options.file}: {', '.join(facts) or 'nothing to do'}"))
    for mark, entries in (("+", done.added), ("-", done.removed)):
        for entry in entries:
            print_text(shortened(f"{mark} {entry.signature}  {entry.leak}", terminal_width()))


def _shown(entry: BaselineEntry, today: dt.date, width: int) -> Iterator[Line]:
    times = [f"since {entry.first_seen}"] if entry.first_seen else []
    if entry.expires is not None:
        times.append(f"{'expired on' if entry.expires < today else 'until'} {entry.expires}")
    yield line(shortened(", ".join([entry.signature, *times, f"line {entry.line}"]), width))
    yield from field("reason", entry.reason or "none given yet", width)
    yield from field("leak", entry.leak, width)
    yield from field("tests", _listed(entry.tests), width)


def _listed(tests: Sequence[str], *, most: int = 3) -> str:
    left = f" and {len(tests) - most} more" if len(tests) > most else ""
    return ", ".join(map(harmless, tests[:most])) + left


def _plain(entry: BaselineEntry) -> dict[str, object]:
    return {
        "signature": entry.signature,
        "reason": entry.reason,
        "first_seen": None if entry.first_seen is None else entry.first_seen.isoformat(),
        "expires": None if entry.expires is None else entry.expires.isoformat(),
        "leak": entry.leak,
        "tests": list(entry.tests),
        "line": entry.line,
    }


def _today() -> dt.date:
    """The present day where this runs."""
    return dt.datetime.now().astimezone().date()
