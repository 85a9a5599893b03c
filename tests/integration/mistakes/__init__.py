"""The mistakes that can be made, as data: what is written where, and what must be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

USUAL = "correct it there, or leave it out to get the default"


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One mistake: what is written where, and what the message must hold.

    ``told`` is the value, its origin, what is allowed, and (where it is not :data:`USUAL`) the remedy.
    """

    title: str
    told: tuple[str, ...]
    args: tuple[str, ...] = ()
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    is_native_toml: bool = False


def option(title, *args, told):
    return Bad(title=title, args=args, told=told)


def ini(title, line, *, told):
    return Bad(title=title, files={"pytest.ini": f"[pytest]\n{line}\n"}, told=told)


def native(title, line, *, told):
    return Bad(title=title, files={"pyproject.toml": f"[tool.pytest]\n{line}\n"}, told=told, is_native_toml=True)


def yaml(title, text, *, told):
    return Bad(title=title, files={"memguard.yaml": text}, told=told)


def marker(title, *decorators, told, body="def test_checkout(): pass"):
    return Bad(
        title=title, files={"test_cart.py": "\n".join(["import pytest", "", *decorators, body]) + "\n"}, told=told
    )
