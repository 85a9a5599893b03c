"""The file of a baseline: the leaks that are accepted by signature, read from YAML and checked."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pytest_memguard.errors import MemguardError, all_of
from pytest_memguard.settings.parsers import date, text, whole
from pytest_memguard.settings.place import Place
from pytest_memguard.settings.structures import fields_of
from pytest_memguard.settings.yamlfile import Document, parse, read_text
from pytest_memguard.values import dataclass

__all__ = ["PLACEHOLDER", "Baseline", "BaselineEntry", "is_signature", "parse_baseline", "read_baseline"]

PLACEHOLDER = "?"  # the reason that an update writes, for somebody to replace

_WHAT = "baseline"
_SCHEMA = 1
_SIGNATURE = re.compile(r"[0-9a-f]{6,64}")
_FLAG = "--memguard-update-baseline"
_REMEDIES = {
    "signature": "the report shows it in brackets",
    "reason": 'say why this leak is accepted: reason: "..."',
    **dict.fromkeys(("first_seen", "expires", "leak", "tests"), "correct it there, or leave it out"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineEntry:
    """One accepted leak. ``signature`` may be its beginning, as the terminal shows it; ``expires`` is the last day.

    ``reason`` is None while nobody has given one. ``tests``: some of the witnesses (``fixture:NAME`` for a fixture).
    ``leak`` describes it for people. ``line`` counts from 1.
    """

    signature: str
    reason: str | None = None
    first_seen: dt.date | None = None
    expires: dt.date | None = None
    leak: str = ""
    tests: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a file holds; ``source`` is its text, ``lines`` where each of its parts begins, counted from 1."""

    label: str
    source: str = ""
    lines: Mapping[tuple[str, ...], int]
    entries: tuple[BaselineEntry, ...] = ()

    def matching(self, signature: str) -> BaselineEntry | None:
        """The entry for a leak of this signature: of two that it begins with, the longer one."""
        found = [entry for entry in self.entries if signature.startswith(entry.signature)]
        return max(found, key=lambda entry: len(entry.signature), default=None)

    def place(self, entry: BaselineEntry) -> str:
        """File and line."""
        return f"{self.label}, line {entry.line}"


def read_baseline(path: str, *, label: str, origin: str) -> Baseline:
    """The baseline at *path*, which *origin* named and messages call *label*.

    Raises ``MemguardError`` with every mistake in it, each with its line.
    """
    return parse_baseline(read_text(path, label=label, origin=origin, what=_WHAT), label=label)


def is_signature(value: str) -> bool:
    """Whether it is one, or the beginning of one, as an entry may have it."""
    return _SIGNATURE.fullmatch(value) is not None


def parse_baseline(source: str, *, label: str) -> Baseline:
    """The baseline whose file has this text. Raises ``MemguardError``."""
    document = parse(source, label=label, what=_WHAT)
    entries: list[BaselineEntry] = []
    if document.data is not None:
        place = Place(source=label, path=(), lines=document.lines)
        parsers: dict[str, Callable[[Any], Any]] = {"schema": whole(most=10**6), "leaks": lambda value: value}
        given = fields_of(document.data, place, parsers, "a mapping with the key leaks", raw=("leaks",))
        _check_schema(given.get("schema", _SCHEMA), place)
        entries = _entries(given.get("leaks"), place.child("leaks"), document)
    return Baseline(label=label, source=source, lines=document.lines, entries=tuple(entries))


def _check_schema(schema: int, place: Place) -> None:
    if schema > _SCHEMA:
        raise place.child("schema").invalid(
            schema, f"at most {_SCHEMA}", remedy="a newer pytest-memguard wrote it: use that version or a newer one"
        )


def _entries(value: Any, place: Place, document: Document) -> list[BaselineEntry]:
    if value is None:  # all entries are gone, or commented out
        return []
    if not isinstance(value, list):
        raise place.invalid(value, "a list of accepted leaks", remedy=f"begin anew with {_FLAG}")
    found: dict[str, BaselineEntry] = {}
    errors: list[MemguardError] = []
    for index, inside in enumerate(value):
        here = place.child(index)
        try:
            entry = _entry(inside, here, document.lines.get(here.path, 0))
            if entry.signature in found:
                raise here.child("signature").invalid(
                    entry.signature,
                    f"each signature once: it is already in line {found[entry.signature].line}",
                    remedy="keep one of the two",
                )
            found[entry.signature] = entry
        except MemguardError as exc:
            errors.append(exc)
    if errors:
        raise all_of(errors)
    return list(found.values())


def _entry(value: Any, place: Place, line: int) -> BaselineEntry:
    parsers: dict[str, Callable[[Any], Any]] = {
        "signature": _signature,
        "reason": text,
        "first_seen": date,
        "expires": date,
        "leak": partial(_maybe, text),
        "tests": _tests,
    }
    given = fields_of(value, place, parsers, f"a mapping of {', '.join(parsers)}", remedies=_REMEDIES)
    if "signature" not in given:
        raise place.invalid(value, "a signature", remedy=_REMEDIES["signature"])
    if "reason" not in given:
        raise place.invalid(given["signature"], "a reason", remedy=_REMEDIES["reason"])
    if given["reason"] == PLACEHOLDER:
        given["reason"] = None
    return BaselineEntry(**{"leak": "", **given, "line": line})


def _signature(value: Any) -> str:
    spelling = value.strip().strip("[]").lower() if isinstance(value, str) else ""
    if not is_signature(spelling):
        # Digits alone are a number for YAML, and one that begins with 0 another one.
        raise ValueError('6 to 12 hexadecimal digits in quotes, such as "3fa9c1d2e4ab"')
    return spelling


def _tests(value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError("a list of tests")
    return tuple(dict.fromkeys(found))


def _maybe(parser: Callable[[Any], str], value: Any) -> str:
    return "" if value is None or value == "" else parser(value)
