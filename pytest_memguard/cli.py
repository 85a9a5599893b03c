"""The command ``memguard``: what can be done with the files of a run when it is over. Does not import pytest."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pytest_memguard import __version__
from pytest_memguard.errors import MemguardError
from pytest_memguard.report.text import harmless

__all__ = ["main"]

_NARROWEST = 40
_WIDEST = 120

Command = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status: 0 done, 1 refused with a message, 2 wrong arguments."""
    _print_anything()
    parser = _parser()
    options = parser.parse_args(arguments)
    command: Command | None = options.command
    if command is None:
        parser.print_help()
        return 2
    try:
        command(options)
        sys.stdout.flush()
    except MemguardError as error:
        text = "\n".join(map(harmless, str(error).splitlines()))
        sys.stderr.write(f"memguard: {text}\n")
        return 1
    except BrokenPipeError:  # `| head`; or the interpreter would complain when it closes the stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="memguard", description="Look into what `pytest --memguard` has found.")
    parser.add_argument("--version", action="version", version=f"pytest-memguard {__version__}")
    parser.set_defaults(command=None)
    commands: Any = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_explain(commands)
    return parser


def _add_explain(commands: Any) -> None:
    text = "show all evidence of one leak: rounds, types, allocation sites, who keeps it, witnesses, how to repeat it"
    explain = commands.add_parser("explain", help=text, description=text.capitalize() + ".")
    explain.add_argument("signature", metavar="SIGNATURE", help="of the leak, or as much of its beginning as tells it")
    explain.add_argument("report", metavar="REPORT.json", help="what --memguard-json has written")
    explain.add_argument("--json", action="store_true", help="the leak as JSON, for another program")
    explain.set_defaults(command=_explain)


def _explain(options: argparse.Namespace) -> None:
    from pytest_memguard.report.explain import explained, explained_json, with_signature  # noqa: PLC0415
    from pytest_memguard.report.loading import load_report  # noqa: PLC0415

    report = load_report(options.report)
    leak = with_signature(report, options.signature)
    if options.json:
        _print(explained_json(leak))
        return
    width = min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)
    for entry in explained(leak, report, width):
        _print(entry.text)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _print_anything() -> None:
    """What the encoding of the terminal does not have is spelt out."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
