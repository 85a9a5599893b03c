"""The settings of a project, found without pytest: for commands that work on its files and do not load it."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from pytest_memguard.errors import MemguardError
from pytest_memguard.settings.resolve import Given, Layer, resolve
from pytest_memguard.settings.table import Settings
from pytest_memguard.values import dataclass

__all__ = ["CONFIG_NAMES", "Nearby", "settings_nearby", "upwards"]

CONFIG_NAMES = ("memguard.yaml", "memguard.yml")

# In pytest's order, each with the section that is its own; of the TOML file it is found by other means.
_INI = {
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "pyproject.toml": "",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}
_MOST_FOLDERS = 64
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearby:
    """What a project says. ``ini``: pytest's own table; ``looked_at``: the files that all of this comes from.

    Mistakes in the files are left for a run to tell: what is wrong counts as not given.
    """

    settings: Settings
    ini: Mapping[str, Any]
    folder: str
    looked_at: tuple[str, ...]

    def path(self, ini: str, name: str) -> Given | None:
        """A path that the project sets, absolute: the ini entry *ini*, or else the setting *name* of the YAML file."""
        value = self.ini.get(ini)
        if isinstance(value, str) and value.strip():
            return Given(value=self._absolute(value.strip()), origin=self.looked_at[0])
        value = getattr(self.settings, name)
        return None if value is None else Given(value=self._absolute(value), origin=self.looked_at[-1])

    def _absolute(self, path: str | os.PathLike[str]) -> str:
        return os.path.join(self.folder, os.path.expanduser(path))


def settings_nearby(folder: str) -> Nearby:
    """The settings of the project that *folder* is in: of the first folder, going up, with an ini file of pytest's.

    A memguard.yaml counts where that file is, or before it. Options in ``addopts`` are not looked at.
    """
    for above in upwards(os.path.abspath(folder)):
        ini = next(((f, t) for f, s in _INI.items() if (t := _table(os.path.join(above, f), s)) is not None), None)
        yaml = next((f for f in CONFIG_NAMES if os.path.isfile(os.path.join(above, f))), None)
        if ini is None and yaml is None:
            continue
        files = [os.path.join(above, file) for file in (ini[0] if ini else None, yaml) if file]
        return Nearby(
            settings=_settings(os.path.join(above, yaml)) if yaml else Settings(),
            ini=ini[1] if ini else {},
            folder=above,
            looked_at=tuple(files),
        )
    return Nearby(settings=Settings(), ini={}, folder=folder, looked_at=())


def upwards(folder: str) -> Iterator[str]:
    """*folder*, the one that it is in, and so on to the root."""
    for _ in range(_MOST_FOLDERS):
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _settings(file: str) -> Settings:
    from pytest_memguard.settings import yamlfile, yamlkeys  # noqa: PLC0415 - PyYAML only where there is YAML

    try:
        layer: Layer = yamlkeys.layer_of(yamlfile.read(file, label=file, origin="the folder"), label=file)
        return resolve([layer]).settings
    except MemguardError:
        return Settings()


def _table(file: str, section: str) -> Mapping[str, Any] | None:
    """What an ini file says for pytest; None where the file is not there, cannot be read, or has no such part."""
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read(_MOST_BYTES)
    except (OSError, ValueError):
        return None
    if not section:
        return _toml_table(text)
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return dict(parser[section]) if section in parser else None


def _toml_table(text: str) -> Mapping[str, Any] | None:
    # Before 3.11 it is what pytest brings along.
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        found = toml.loads(text)
    except (ValueError, RecursionError):
        return None
    tool = found.get("tool", {})
    pytest = tool.get("pytest", {}) if isinstance(tool, dict) else {}
    table = pytest.get("ini_options", pytest) if isinstance(pytest, dict) else None
    return table if isinstance(table, dict) and table else None
