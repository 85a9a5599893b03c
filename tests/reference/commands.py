"""The arguments of each command, from the parser that reads them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pytest_memguard.cli import _parser
from tests.reference.table import sentence, table

_Commands = argparse._SubParsersAction


def commands() -> str:
    """A section for each command, and for each of its own commands."""
    return "\n".join(_section(parser) for parser in _all(_parser()) if parser.prog != "memguard")


def _all(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, _Commands):
            for inside in action.choices.values():
                yield from _all(inside)


def _section(parser: argparse.ArgumentParser) -> str:
    actions = [action for action in parser._actions if not isinstance(action, (argparse._HelpAction, _Commands))]
    usage = " ".join([parser.prog, *(["COMMAND"] if _has_commands(parser) else []), *map(_in_usage, actions)])
    parts = [f"## `{parser.prog}`", sentence(parser.description or ""), f"```text\n{usage}\n```"]
    if actions:
        rows = [(f"`{_told(action)}`", _sentence(action)) for action in actions]
        parts.append(table(("argument", "what it is"), rows).rstrip("\n"))
    return "\n\n".join(parts) + "\n"


def _has_commands(parser: argparse.ArgumentParser) -> bool:
    return any(isinstance(action, _Commands) for action in parser._actions)


def _name(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper()) if action.nargs != 0 else ""


def _told(action: argparse.Action) -> str:
    return " ".join([", ".join(action.option_strings), _name(action)]).strip()


def _in_usage(action: argparse.Action) -> str:
    name = " ".join([*action.option_strings[:1], _name(action)]).strip()
    if action.nargs == "+":
        name += " .."
    return f"[{name}]" if action.option_strings or action.nargs == "?" else name


def _sentence(action: argparse.Action) -> str:
    choices = "" if action.choices is None or action.metavar else f" ({', '.join(map(str, action.choices))})"
    return sentence((action.help or "") + choices)
