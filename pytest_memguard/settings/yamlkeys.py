"""What the keys of a YAML document mean: the ``memory`` block, walked along the paths that the table names."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pytest_memguard.errors import ConfigFileError, MemguardError, UnknownNameError, all_of, nearest, one_of, shown
from pytest_memguard.settings.fields import Spec, specs
from pytest_memguard.settings.parsers import remedy_of
from pytest_memguard.settings.place import Place
from pytest_memguard.settings.resolve import Given, Layer
from pytest_memguard.settings.structures import snake_case
from pytest_memguard.settings.table import Settings
from pytest_memguard.settings.yamlfile import Document

__all__ = ["TOP_KEY", "layer_of"]

TOP_KEY = "memory"


@dataclass(slots=True)
class _Key:
    """A key of the schema: a setting, a section of keys, or both (``confirm: all`` and ``confirm: {mode: all}``)."""

    spelling: str
    spec: Spec | None = None
    keys: dict[str, _Key] = field(default_factory=dict)

    @property
    def spellings(self) -> tuple[str, ...]:
        return tuple(key.spelling for key in self.keys.values())


def layer_of(document: Document, *, label: str) -> Layer:
    """The settings that *document*, called *label* in messages, gives. Raises every mistake in it as one error."""
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        raise ConfigFileError(
            f"settings file {label} holds {shown(document.data)}: expected a mapping with the key {TOP_KEY!r}",
            remedy=f"put the settings under `{TOP_KEY}:`",
        )
    reader = _Reader()
    top = Place(source=label, path=(), lines=document.lines)
    for name, value in document.data.items():
        if name == TOP_KEY:
            reader.walk(value, _schema(), top.child(name))
        else:
            reader.errors.append(_unknown_top_key(name, top))
    if reader.errors:
        raise all_of(reader.errors)
    return reader.found


class _Reader:
    """One walk over a document: what was found, and every mistake."""

    def __init__(self) -> None:
        self.found: dict[str, Given] = {}
        self.errors: list[MemguardError] = []

    def walk(self, value: Any, key: _Key, place: Place) -> None:
        is_structure = key.spec is not None and key.spec.structure is not None
        # A section whose entries are all commented out is empty, not wrong.
        if value is None and (key.keys or is_structure):
            return
        if isinstance(value, dict) and key.keys:
            self._section(value, key, place)
        elif key.spec is None:
            self.errors.append(place.invalid(value, f"a mapping of {one_of(key.spellings)}"))
        else:
            self._setting(value, key, key.spec, place)

    def _section(self, value: dict[str, Any], key: _Key, place: Place) -> None:
        seen: dict[str, str] = {}
        for name, inside in value.items():
            plain = snake_case(name)
            if plain not in key.keys:
                self.errors.append(_unknown_key(name, key, place))
            elif plain in seen:
                wrong = place.child(name).invalid(
                    inside, f"one spelling: {seen[plain]} is the same setting", remedy="keep one of the two"
                )
                self.errors.append(wrong)
            else:
                seen[plain] = name
                self.walk(inside, key.keys[plain], place.child(name))

    def _setting(self, value: Any, key: _Key, spec: Spec, place: Place) -> None:
        try:
            parsed = spec.structure(value, place) if spec.structure else spec.parse(value)
        except MemguardError as exc:
            self.errors.append(exc)
        except ValueError as exc:
            allowed = f"{exc}; or a mapping of {one_of(key.spellings)}" if key.keys else str(exc)
            self.errors.append(
                place.invalid(value, allowed, known=spec.known, remedy=remedy_of(exc) or _yaml_remedy(value, spec))
            )
        else:
            self.found[spec.name] = Given(value=parsed, origin=f"{place.source}: {place.name}")


def _yaml_remedy(value: Any, spec: Spec) -> str | None:
    if isinstance(value, bool) and spec.known:
        return "YAML reads a bare yes, no, on and off as true or false: write one of these words"
    if value is None:
        return "give it a value, or take the key out"
    return None


def _unknown_key(name: str, key: _Key, place: Place) -> UnknownNameError:
    if nearest(name, key.spellings) is None and (home := _home_of(snake_case(name), _schema(), (TOP_KEY,))):
        remedy = f"it belongs under {home}"
        return UnknownNameError(
            f"key of {place.name}", name, origin=place.child(name).origin, known=key.spellings, remedy=remedy
        )
    return place.unknown(name, key.spellings)


def _unknown_top_key(name: str, top: Place) -> UnknownNameError:
    remedy = f"put it under `{TOP_KEY}:`" if snake_case(name) in _schema().keys else ""
    return UnknownNameError("top-level key", name, origin=top.child(name).origin, known=(TOP_KEY,), remedy=remedy)


def _home_of(plain: str, key: _Key, path: tuple[str, ...]) -> str | None:
    """The dotted path of the section that knows a key of this name."""
    if plain in key.keys:
        return ".".join(path)
    for child in key.keys.values():
        if home := _home_of(plain, child, (*path, child.spelling)):
            return home
    return None


@cache
def _schema() -> _Key:
    root = _Key(TOP_KEY)
    for spec in specs(Settings):
        for path in spec.yaml:
            key = root
            for part in path.split("."):
                key = key.keys.setdefault(snake_case(part), _Key(part))
            key.spec = spec
    return root
