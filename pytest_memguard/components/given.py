"""What a registration hands over, checked: containers, limits, callables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_memguard.components.action import Action, objection
from pytest_memguard.components.source import Source, held, referred
from pytest_memguard.errors import SettingError, UnknownNameError
from pytest_memguard.settings import CLEANUP_LEVELS, reference

__all__ = ["actions", "checked_limits", "one_action", "sources_of"]

_TRACK = '"module:attribute", a list of these, or a mapping of names to references, containers and functions'


def sources_of(track: object, *, name: str, origin: str) -> tuple[Source, ...]:
    """Where the containers of a component come from."""
    setting = f"track of component {name}"
    if isinstance(track, str):
        return (referred(_reference(track, setting, origin)),)
    if isinstance(track, Mapping):
        return tuple(_named(key, value, setting, origin) for key, value in track.items())
    if not isinstance(track, (list, tuple)) or not all(isinstance(entry, str) for entry in track):
        raise SettingError(
            setting, track, origin=origin, allowed=_TRACK, remedy='give a container a name: track={"cache": cache}'
        )
    return tuple(referred(_reference(entry, setting, origin)) for entry in track)


def checked_limits(limits: Any, sources: Sequence[Source], *, name: str, origin: str) -> dict[str, int]:
    """The limits, each of a container that is tracked."""
    setting = f"limits of component {name}"
    known = tuple(source.name for source in sources)
    found = {}
    for key, limit in _mapping(limits, setting, origin, "a mapping of tracked names to numbers of entries"):
        if key not in known:
            if not known:
                raise SettingError(setting, key, origin=origin, allowed="track to name what the limits are for")
            raise UnknownNameError(f"name in {setting}", key, origin=origin, known=known)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
            raise SettingError(f"limit {key} of component {name}", limit, origin=origin, allowed="a number of entries")
        found[key] = limit
    return found


def actions(cleanup: Any, *, name: str, origin: str) -> dict[str, Action]:
    """The callables by cleanup level."""
    setting = f"cleanup of component {name}"
    found = {}
    for level, target in _mapping(cleanup, setting, origin, "a mapping of cleanup levels to functions"):
        if level not in CLEANUP_LEVELS:
            raise UnknownNameError(f"level in {setting}", level, origin=origin, known=CLEANUP_LEVELS)
        action = one_action(target, f"{level} cleanup", name=name, origin=origin)
        if action is not None:
            found[level] = action
    return found


def one_action(target: Any, what: str, *, name: str, origin: str, arguments: int = 0) -> Action | None:
    """One callable, or None where none was given."""
    if target is None:
        return None
    setting = f"{what} of component {name}"
    if isinstance(target, str):
        return Action(_reference(target, setting, origin))
    reason = objection(target, arguments)
    if reason is not None:
        wanted = "no arguments" if not arguments else f"the {arguments} tracked containers"
        raise SettingError(
            setting,
            target,
            origin=origin,
            allowed=f'"module:attribute", or a function that takes {wanted}',
            remedy=f"{reason}; functools.partial or a lambda makes one that fits",
        )
    return Action(target)


def _named(key: Any, value: Any, setting: str, origin: str) -> Source:
    if not isinstance(key, str) or not key.strip():
        raise SettingError(setting, key, origin=origin, allowed=_TRACK)
    if isinstance(value, str):
        return referred(_reference(value, setting, origin), key)
    if isinstance(value, (int, float, bytes)) or value is None:
        raise SettingError(f"{key} in {setting}", value, origin=origin, allowed=_TRACK)
    return held(key, value)


def _reference(text: str, setting: str, origin: str) -> str:
    try:
        return reference(text)
    except ValueError as exc:
        raise SettingError(setting, text, origin=origin, allowed=str(exc)) from None


def _mapping(value: Any, setting: str, origin: str, allowed: str) -> Sequence[tuple[Any, Any]]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise SettingError(setting, value, origin=origin, allowed=allowed)
    return tuple(value.items())
