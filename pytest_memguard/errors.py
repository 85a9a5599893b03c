"""What memguard refuses, each with a slug to look it up by and what to do about it.

Every message reads: what is wrong with which value, where that value came from, what is allowed; and on its
second line the remedy and the slug. Nothing here knows pytest: the glue turns these into usage errors.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Sequence

__all__ = [
    "CombinedError",
    "ConfigFileError",
    "ConflictError",
    "MarkerError",
    "MemguardError",
    "MemoryPressureError",
    "SettingError",
    "UnknownNameError",
    "all_of",
    "nearest",
    "one_of",
    "shown",
]


class MemguardError(Exception):
    """Anything that a user can put right. ``str()`` of it is the whole message, ``remedy`` what to do."""

    slug = "memguard-error"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}  [{self.slug}]"


class SettingError(MemguardError):
    """A known setting has a value that it cannot have."""

    slug = "invalid-setting"

    def __init__(
        self,
        name: str,
        value: object,
        *,
        origin: str,
        allowed: str,
        known: Sequence[str] = (),
        remedy: str | None = None,
    ) -> None:
        close = _nearest_to_any(value, known)
        if close is not None:
            remedy = f"did you mean {close!r}?"
        super().__init__(
            f"invalid {name} {shown(value)} from {origin}: expected {allowed}",
            remedy=remedy or "correct it there, or leave it out to get the default",
        )
        self.name = name
        self.value = value
        self.origin = origin
        self.allowed = allowed
        self.nearest = close


class MarkerError(SettingError):
    """A keyword or argument of a marker has a value that it cannot have."""

    slug = "invalid-marker"


class UnknownNameError(MemguardError):
    """A name that does not exist, where only certain names do."""

    slug = "unknown-name"

    def __init__(self, what: str, name: object, *, origin: str, known: Sequence[str], remedy: str = "") -> None:
        close = nearest(name, known) if isinstance(name, str) else None
        if close is not None:
            remedy = f"did you mean {close!r}?"
        super().__init__(
            f"unknown {what} {shown(name)} from {origin}: expected {one_of(known)}",
            remedy=remedy or "correct the name, or take it out",
        )
        self.name = name
        self.origin = origin
        self.nearest = close


class ConflictError(MemguardError):
    """Values that are fine one by one and make no sense together."""

    slug = "conflicting-settings"


class ConfigFileError(MemguardError):
    """A settings file that cannot be found, read or understood."""

    slug = "config-file"


class CombinedError(MemguardError):
    """Several of these at once: a file with three mistakes tells all three."""

    slug = "settings"

    def __init__(self, errors: Iterable[MemguardError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors), remedy="")

    def __str__(self) -> str:
        return self.message


class MemoryPressureError(BaseException):
    """A test was interrupted because memory ran out; the message says whose limit and how much of it was in use.

    No ``Exception``, as pytest's own outcomes are none: what catches those would go on taking memory, and pytest keeps
    them, with everything that their frames hold.
    """


def all_of(errors: Sequence[MemguardError]) -> MemguardError:
    """The one error to raise for *errors*, of which there is at least one."""
    flat: list[MemguardError] = []
    for error in errors:
        flat.extend(error.errors if isinstance(error, CombinedError) else (error,))
    return flat[0] if len(flat) == 1 else CombinedError(flat)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The name in *known* that *word* was probably meant to be; case, ``-`` and ``_`` do not count."""
    plain = {_plain(name): name for name in known}
    found = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def one_of(names: Sequence[str]) -> str:
    """``a, b or c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def shown(value: object) -> str:
    """*value* as it would be written, cut to a length that fits a line; never raises for a broken ``repr``."""
    text = " ".join(_REPR.repr(value).splitlines())
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _nearest_to_any(value: object, known: Sequence[str]) -> str | None:
    """The name that the first unknown word of *value* (text, perhaps a comma list, or a list) was meant to be."""
    words = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    for word in words:
        if isinstance(word, str) and word.strip().lower() not in known:
            return nearest(word, known)
    return None


def _plain(name: str) -> str:
    return re.sub(r"[-_\s]", "", name[:200]).lower()


_MAX_SHOWN = 100
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = _REPR.maxset = _REPR.maxfrozenset = 4
_REPR.maxlevel = 3
