"""The parsers that the tables use: raw value in, typed value out, ``ValueError`` with the words after "expected"."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_memguard.errors import one_of
from pytest_memguard.units import UnitError, parse_budget, parse_duration, parse_fraction, parse_size

__all__ = [
    "boolean",
    "budget",
    "date",
    "duration_in_ms",
    "duration_of",
    "file_path",
    "fraction",
    "ini_boolean",
    "names",
    "percentage",
    "remedy_of",
    "size",
    "size_or_auto",
    "text",
    "whole",
    "word",
    "words",
]

_PERCENTAGE = r"(?a:([0-9]{1,4}(?:\.[0-9]{1,6})?)\s*%?)"
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
_FALSE = frozenset({"0", "false", "no", "off", "n", "f"})

budget = parse_budget
fraction = parse_fraction


def boolean(value: Any) -> bool:
    """True or false and nothing that merely looks like it."""
    if isinstance(value, bool):
        return value
    raise ValueError("true or false")


def ini_boolean(value: Any) -> bool:
    """True or false, also as the words that ini files use for them."""
    if isinstance(value, str) and (spelling := value.strip().lower()) in _TRUE | _FALSE:
        return spelling in _TRUE
    return boolean(value)


def whole(*, least: int = 1, most: int = 1_000_000) -> Callable[[Any], int]:
    """A whole number from *least* to *most*."""

    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return value

    return parse


def size(*, least: int = 0, binary: bool = False) -> Callable[[Any], int]:
    """Bytes, at least *least*; *binary* as in :func:`pytest_memguard.units.parse_size`."""

    def parse(value: Any) -> int:
        found = parse_size(value, binary=binary)
        if found < least:
            raise UnitError(f'a size of at least {least} B, such as "50 MB", "1 MiB" or 4096 (bytes)')
        return found

    return parse


def size_or_auto(value: Any) -> int | None:
    """Bytes above zero, or ``auto`` (``None``): the limit is looked up."""
    if isinstance(value, str) and value.strip().lower() == "auto":
        return None
    try:
        return size(least=1)(value)
    except UnitError as exc:
        raise UnitError(f'"auto" or {exc}', remedy=exc.remedy) from None


def duration_in_ms(*, least: float = 0.0) -> Callable[[Any], float]:
    """Seconds, where a bare number counts milliseconds."""
    return _duration("ms", least)


def duration_of(*, least: float = 0.0) -> Callable[[Any], float]:
    """Seconds, where a bare number is refused."""
    return _duration(None, least)


def _duration(bare_unit: str | None, least: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        found = parse_duration(value, bare_unit=bare_unit)
        if found < least:
            raise UnitError(f'a duration of at least {least * 1000:g}ms, such as "30s", "250ms" or "2m"')
        return found

    return parse


def file_path(value: Any) -> Path:
    """The path of a file; whether it can be read or written is seen by whoever opens it."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError("the path of a file")
    return Path(value.strip()).expanduser()


def percentage(value: Any) -> float:
    """A share of 1, given in percent: ``20`` and ``"20%"`` are both 0.2; more than 100 is allowed."""
    found = None if isinstance(value, bool) else re.fullmatch(_PERCENTAGE, str(value).strip())
    if found is None:
        raise ValueError('a percentage such as 20 or "20%", up to 9999')
    return float(found[1]) / 100


def text(value: Any) -> str:
    """Text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("text that is not empty")
    return value.strip()


def date(value: Any) -> dt.date:
    """A day."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        raise ValueError("a date such as 2027-01-31") from None


def names(value: Any) -> tuple[str, ...]:
    """A list of names, or one name."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(name, str) and name.strip() for name in found):
        raise ValueError("a name or a list of names")
    return tuple(dict.fromkeys(name.strip() for name in found))


def word(choices: Sequence[str]) -> Callable[[Any], str]:
    """One of *choices*; case does not count."""

    def parse(value: Any) -> str:
        if isinstance(value, str) and (spelling := value.strip().lower()) in choices:
            return spelling
        raise ValueError(one_of(choices))

    return parse


def words(choices: Sequence[str], *, nothing: str) -> Callable[[Any], tuple[str, ...]]:
    """A list of *choices*, or comma-separated text of them, in the order of *choices*; or the word for *nothing*."""
    allowed = f'a comma list of {one_of(choices)}, or "{nothing}" alone'

    def parse(value: Any) -> tuple[str, ...]:
        found = value.split(",") if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(part, str) for part in found):
            raise ValueError(allowed)
        given = {part.strip().lower() for part in found}
        if given == {nothing}:
            return ()
        if not given or not given <= set(choices):
            raise ValueError(allowed)
        return tuple(choice for choice in choices if choice in given)

    return parse


def remedy_of(error: ValueError) -> str | None:
    """What a parser that raised *error* knows of what was meant."""
    return error.remedy if isinstance(error, UnitError) else None
