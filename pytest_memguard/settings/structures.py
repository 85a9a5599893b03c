"""The settings that have an inside: components, cleanup strategies, suppressions. Checked here, used elsewhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal, get_args

from pytest_memguard.errors import MemguardError, all_of
from pytest_memguard.settings.parsers import boolean, date, names, remedy_of, text, whole, word
from pytest_memguard.settings.place import Place
from pytest_memguard.values import dataclass

__all__ = [
    "CLEANUP_LEVELS",
    "CleanupLevel",
    "ComponentSpec",
    "StrategySpec",
    "Suppression",
    "components",
    "fields_of",
    "reference",
    "snake_case",
    "strategies",
    "suppressions",
]

CleanupLevel = Literal["gentle", "moderate", "aggressive", "emergency"]
CLEANUP_LEVELS: tuple[CleanupLevel, ...] = get_args(CleanupLevel)

_LEVEL = word(CLEANUP_LEVELS)
PATTERN_KEYS = ("test", "type", "site", "retainer", "package")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSpec:
    """A component that YAML describes. Every reference is ``module:attribute`` and resolved when its module is loaded.

    ``limits`` maps the last part of a tracked attribute to a number of entries, ``cleanup`` a level to a callable;
    ``measure`` is called with what is tracked, and gives bytes.
    """

    name: str
    track: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    cleanup: Mapping[str, str] = field(default_factory=dict)
    shutdown: str | None = None
    restart: str | None = None
    essential: bool = False
    measure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySpec:
    """Which strategies each cleanup level runs, and when tests are cleaned up after by plan.

    ``every`` counts the tests between two cleanups of ``between_tests``. ``origins``: file and line by level, for names
    that turn out to be unknown when all strategies are registered.
    """

    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    between_tests: CleanupLevel | None = None
    between_modules: CleanupLevel | None = None
    every: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Leaks that are known and accepted: all given patterns must match. ``origin`` is file and line.

    ``*`` and ``?`` in a pattern stand for anything. ``expires`` is the last day on which it counts.
    """

    reason: str
    patterns: Mapping[str, str]
    expires: dt.date | None = None
    origin: str = ""


def components(value: Any, place: Place) -> tuple[ComponentSpec, ...]:
    """``memory.components``: a mapping of component names to what they are made of."""
    allowed = "a mapping of component names to track, limits, cleanup, shutdown, restart, essential, measure"
    found = []
    errors: list[MemguardError] = []
    for name, inside in _mapping(value, place, allowed).items():
        try:
            found.append(_component(name, inside, place.child(name)))
        except MemguardError as exc:
            errors.append(exc)
    if errors:
        raise all_of(errors)
    return tuple(found)


def strategies(value: Any, place: Place) -> StrategySpec:
    """``memory.strategies``: names of strategies by cleanup level, and the plan for between tests and modules."""
    parse: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys(CLEANUP_LEVELS, names),
        "between_tests": _LEVEL,
        "between_modules": _LEVEL,
        "every": whole(),
    }
    given = fields_of(value, place, parse, "a mapping of cleanup levels to lists of strategies")
    levels: dict[str, tuple[str, ...]] = {name: given.pop(name) for name in CLEANUP_LEVELS if name in given}
    if "every" in given and "between_tests" not in given:
        raise place.child("every").invalid(
            given["every"], "between_tests to be set too", remedy="add `between_tests: gentle` (or another level)"
        )
    origins = {snake_case(key): place.child(key).origin for key in value if snake_case(key) in levels}
    return StrategySpec(levels=levels, origins=origins, **given)


def suppressions(value: Any, place: Place) -> tuple[Suppression, ...]:
    """``memory.suppressions``: a list of patterns, each with its reason."""
    if not isinstance(value, list):
        raise place.invalid(value, "a list of mappings, each with a reason and at least one pattern")
    parse: dict[str, Callable[[Any], Any]] = {**dict.fromkeys(PATTERN_KEYS, text), "reason": text, "expires": date}
    found = []
    errors: list[MemguardError] = []
    for index, entry in enumerate(value):
        try:
            found.append(_suppression(entry, place.child(index), parse))
        except MemguardError as exc:
            errors.append(exc)
    if errors:
        raise all_of(errors)
    return tuple(found)


def snake_case(name: str) -> str:
    """``checkInterval`` and ``check_interval`` alike: ``check_interval``."""
    return "".join(f"_{char.lower()}" if char.isascii() and char.isupper() else char for char in name)


def _component(name: str, value: Any, place: Place) -> ComponentSpec:
    if not name.strip():
        raise place.invalid(name, "a name that is not empty")
    parse: dict[str, Callable[[Any], Any]] = {
        "track": _references,
        "limits": dict,
        "cleanup": dict,
        "shutdown": reference,
        "restart": reference,
        "essential": boolean,
        "measure": reference,
    }
    given = fields_of(value, place, parse, f"a mapping with {', '.join(parse)}", raw=("limits", "cleanup"))
    track = given.get("track", ())
    if "limits" in given:
        given["limits"] = _limits(given["limits"], place.child("limits"), track)
    if "cleanup" in given:
        given["cleanup"] = fields_of(
            given["cleanup"],
            place.child("cleanup"),
            dict.fromkeys(CLEANUP_LEVELS, reference),
            'a mapping of cleanup levels to "module:attribute"',
        )
    return ComponentSpec(name=name, **given)


def _limits(value: Any, place: Place, track: tuple[str, ...]) -> dict[str, int]:
    tracked = [each.rpartition(":")[2].rpartition(".")[2] for each in track]
    found = {}
    for key, limit in _mapping(value, place, "a mapping of tracked names to numbers of entries").items():
        if key not in tracked:
            if not tracked:
                raise place.invalid(key, "track to name what the limits are for", remedy='add `track: ["module:name"]`')
            raise place.unknown(key, tracked)
        found[key] = _parsed(whole(least=0, most=10**12), limit, place.child(key))
    return found


def _suppression(value: Any, place: Place, parse: Mapping[str, Callable[[Any], Any]]) -> Suppression:
    given = fields_of(value, place, parse, f"a mapping of {', '.join(parse)}")
    if "reason" not in given:
        raise place.invalid(value, "a reason", remedy='say why this leak is accepted: reason: "..."')
    patterns = {key: given[key] for key in PATTERN_KEYS if key in given}
    if not patterns:
        raise place.invalid(
            value,
            f"at least one pattern: {', '.join(PATTERN_KEYS)}",
            remedy='name what is accepted, such as test: "tests/test_cart.py::*"',
        )
    return Suppression(reason=given["reason"], patterns=patterns, expires=given.get("expires"), origin=place.origin)


def fields_of(
    value: Any,
    place: Place,
    parse: Mapping[str, Callable[[Any], Any]],
    allowed: str,
    raw: tuple[str, ...] = (),
    *,
    remedies: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The parsed entries of a mapping whose keys are those of *parse*; the entries in *raw* are passed on unread.

    *remedies*: what to do about a wrong value of a key that has no default.
    """
    found: dict[str, Any] = {}
    errors: list[MemguardError] = []
    for key, inside in _mapping(value, place, allowed).items():
        name = snake_case(key)
        try:
            if name not in parse:
                raise place.unknown(key, tuple(parse))
            if name in found:
                raise place.child(key).invalid(inside, f"{name} to be given once, not in two spellings")
            remedy = (remedies or {}).get(name)
            found[name] = inside if name in raw else _parsed(parse[name], inside, place.child(key), remedy)
        except MemguardError as exc:
            errors.append(exc)
    if errors:
        raise all_of(errors)
    return found


def _mapping(value: Any, place: Place, allowed: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise place.invalid(value, allowed)
    return value


def _parsed(parse: Callable[[Any], Any], value: Any, place: Place, remedy: str | None = None) -> Any:
    try:
        return parse(value)
    except ValueError as exc:
        raise place.invalid(
            value, str(exc), known=CLEANUP_LEVELS if parse is _LEVEL else (), remedy=remedy_of(exc) or remedy
        ) from None


def reference(value: Any) -> str:
    """``module:attribute`` (attributes of attributes too), as it was written."""
    words = '"module:attribute", such as "shop.messages:reset"'
    module, colon, attribute = str(value).strip().partition(":")
    parts = [*module.split("."), *attribute.split(".")]
    if not (isinstance(value, str) and colon) or not all(part.isidentifier() for part in parts):
        raise ValueError(words)
    return str(value).strip()


def _references(value: Any) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(reference(entry) for entry in found)
