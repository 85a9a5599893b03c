"""``memguard memory``: how much memory a live run uses, and how that goes on."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_memguard.commands.addressing import add_address, new_id, print_answers, standing_of
from pytest_memguard.commands.printing import is_plain
from pytest_memguard.live.wire import Request
from pytest_memguard.report.live import memory_text
from pytest_memguard.report.text import Line

__all__ = ["add"]


def add(commands: Any) -> None:
    """Describe the command to the parser."""
    text = "show the memory of a run that is still going: usage, pressure, trend, components, collections, cleanups"
    memory = commands.add_parser("memory", help=text, description=text.capitalize() + ".")
    memory.add_argument("-v", "--verbose", action="store_true", help="every limit, event, cleanup and strategy")
    add_address(memory, timeout="10s")
    memory.set_defaults(command=_memory)


def _memory(options: argparse.Namespace) -> None:
    def show(result: Mapping[str, Any], width: int) -> Iterable[Line]:
        return memory_text(standing_of(result["standing"]), width, verbose=options.verbose, plain=is_plain())

    print_answers(options, Request(id=new_id(), ask="memory", details=options.verbose), show)
