"""The command ``memguard``: for runs that are going, and for files of those that are over. Does not import pytest."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pytest_memguard import __version__
from pytest_memguard.commands import (
    baseline,
    emergency,
    explain,
    history,
    memory,
    merge,
    postmortem,
    render,
    schema,
    top,
)
from pytest_memguard.errors import MemguardError
from pytest_memguard.report.text import harmless

__all__ = ["main"]

_COMMANDS = (explain, render, merge, baseline, history, postmortem, memory, emergency, top, schema)

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
    for command in _COMMANDS:
        command.add(commands)
    return parser


def _print_anything() -> None:
    """What the encoding of the terminal does not have is spelt out."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
