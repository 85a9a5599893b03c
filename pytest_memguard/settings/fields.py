"""How one entry of a settings table is declared: default, words, parser, and where it may be given."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_memguard.settings.place import Place
from pytest_memguard.values import dataclass

__all__ = ["Spec", "described", "specs"]

_KEY = "memguard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One setting. ``parse`` gets the raw value and raises ``ValueError`` with the words after "expected".

    ``option`` is the option that takes a value, ``flags`` maps each valueless option to what it sets. ``yaml`` holds
    the paths below ``memory`` (camelCase, as they are written in documents), ``keyword`` says that a marker takes it.
    ``structure`` replaces ``parse`` where a value has an inside that messages must point into.
    """

    name: str = ""
    default: Any = None
    help: str
    parse: Callable[[Any], Any] = lambda value: value
    structure: Callable[[Any, Place], Any] | None = None
    show: Callable[[Any], str] = str
    known: tuple[str, ...] = ()
    metavar: str | None = None
    option: str | None = None
    flags: Mapping[str, bool] | None = None
    ini: str | None = None
    yaml: tuple[str, ...] = ()
    keyword: bool = False
    is_action: bool = False


def described(**spec: Any) -> dict[str, Spec]:
    """The metadata of a dataclass field that carries its :class:`Spec`, made of *spec*."""
    return {_KEY: Spec(**spec)}


def specs(table: type) -> Iterator[Spec]:
    """The entries of *table*, in the order of declaration, each knowing its own name and default."""
    for entry in dataclasses.fields(table):
        if _KEY in entry.metadata:
            yield dataclasses.replace(entry.metadata[_KEY], name=entry.name, default=entry.default)
