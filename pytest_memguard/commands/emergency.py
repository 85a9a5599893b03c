"""``memguard emergency-memory``: clean up, collect, reset, turn the shutdown protection of a live run on and off."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_memguard.commands.addressing import add_address, new_id, print_answers, standing_of
from pytest_memguard.errors import MemguardError
from pytest_memguard.events import CleanupResult
from pytest_memguard.live.wire import MOST_CYCLES, Request
from pytest_memguard.report.commanded import cleanup_text, collected_text, protection_text, reset_text
from pytest_memguard.report.layout import field
from pytest_memguard.report.live import status_text, usage_text
from pytest_memguard.report.text import Line
from pytest_memguard.settings import CLEANUP_LEVELS

__all__ = ["add"]

Result = Mapping[str, Any]


class _UnconfirmedError(MemguardError):
    """What cannot be taken back needs a word more."""

    slug = "not-confirmed"


def add(commands: Any) -> None:
    """Describe the command, and what it can do, to the parser."""
    text = "act on the memory of a run that is still going"
    emergency = commands.add_parser("emergency-memory", help=text, description=text.capitalize() + ".")
    emergency.set_defaults(command=lambda _options: emergency.print_help())
    actions = emergency.add_subparsers(title="actions", metavar="ACTION")
    _add_cleanup(actions)
    _add_gc(actions)
    _add_status(actions)
    _add_reset(actions)
    _add_protection(actions)


def _add_cleanup(actions: Any) -> None:
    text = "clean up when the running test has ended"
    cleanup = actions.add_parser("cleanup", help=text, description=text.capitalize() + ".")
    levels = ", ".join(CLEANUP_LEVELS)
    cleanup.add_argument(
        "level", nargs="?", default="moderate", choices=CLEANUP_LEVELS, metavar="LEVEL", help=f"{levels} (moderate)"
    )
    add_address(cleanup, timeout="60s")

    def run(options: argparse.Namespace) -> None:
        def show(result: Result, width: int) -> Iterable[Line]:
            return cleanup_text(CleanupResult.from_json(result["cleanup"]), standing_of(result["standing"]), width)

        print_answers(options, Request(id=new_id(), ask="cleanup", level=options.level), show)

    cleanup.set_defaults(command=run)


def _add_gc(actions: Any) -> None:
    text = "collect garbage when the running test has ended"
    collect = actions.add_parser("gc", help=text, description=text.capitalize() + ".")
    collect.add_argument(
        "cycles", nargs="?", type=_cycles, default=3, metavar="CYCLES", help=f"full collections, 1 to {MOST_CYCLES} (3)"
    )
    add_address(collect, timeout="60s")

    def run(options: argparse.Namespace) -> None:
        def show(result: Result, width: int) -> Iterator[Line]:
            yield from collected_text(result, width)
            yield from field("in use", usage_text(standing_of(result["standing"])), width)

        print_answers(options, Request(id=new_id(), ask="gc", cycles=options.cycles), show)

    collect.set_defaults(command=run)


def _add_status(actions: Any) -> None:
    text = "show protection, attempts, components that are down, limits, cleanups"
    status = actions.add_parser("status", help=text, description=text.capitalize() + ".")
    add_address(status, timeout="10s")

    def run(options: argparse.Namespace) -> None:
        def show(result: Result, width: int) -> Iterable[Line]:
            return status_text(standing_of(result["standing"]), width)

        print_answers(options, Request(id=new_id(), ask="memory", details=True), show)

    status.set_defaults(command=run)


def _add_reset(actions: Any) -> None:
    text = "forget readings, alerts and emergency attempts when the running test has ended"
    reset = actions.add_parser("reset", help=text, description=text.capitalize() + ".")
    reset.add_argument("--confirm", action="store_true", help="needed, since it cannot be taken back")
    add_address(reset, timeout="60s")

    def run(options: argparse.Namespace) -> None:
        if not options.confirm:
            raise _UnconfirmedError(
                "reset makes the run forget its readings, alerts and emergency attempts, and begin anew",
                remedy="if you want that: memguard emergency-memory reset --confirm",
            )

        def show(result: Result, width: int) -> Iterable[Line]:
            return reset_text(standing_of(result["before"]), standing_of(result["standing"]), width)

        print_answers(options, Request(id=new_id(), ask="reset"), show)

    reset.set_defaults(command=run)


def _add_protection(actions: Any) -> None:
    text = "say whether a run that is about to use up its memory is stopped, or turn that on or off, at once"
    protection = actions.add_parser("shutdown-protection", help=text, description=text.capitalize() + ".")
    protection.add_argument(
        "action",
        nargs="?",
        default="status",
        choices=("on", "off", "status"),
        metavar="ACTION",
        help="on, off, status (status)",
    )
    add_address(protection, timeout="10s")

    def run(options: argparse.Namespace) -> None:
        def show(result: Result, width: int) -> Iterable[Line]:
            return protection_text(bool(result["before"]), standing_of(result["standing"]), width)

        wanted = {"on": True, "off": False, "status": None}[options.action]
        print_answers(options, Request(id=new_id(), ask="protection", protects=wanted), show)

    protection.set_defaults(command=run)


def _cycles(text: str) -> int:
    try:
        cycles = int(text)
    except ValueError:
        cycles = 0
    if not 1 <= cycles <= MOST_CYCLES:
        raise argparse.ArgumentTypeError(f"invalid number of cycles {text!r}: expected 1 to {MOST_CYCLES}")
    return cycles
