"""Options, ini entries and markers: declared to pytest from the tables, read back as checked settings.

Everything that a user can put right leaves here as ``pytest.UsageError``: exit code 4 and no traceback.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pytest_memguard.errors import CombinedError, ConfigFileError, MemguardError, UnknownNameError, all_of
from pytest_memguard.settings import Given, MarkerSettings, Resolved, Settings, resolve, show
from pytest_memguard.settings.fields import Spec, specs
from pytest_memguard.settings.marks import FOREIGN_MARKS, MARK, MARK_NAMES, Mark, described_marks, settings_of_marks
from pytest_memguard.settings.nearby import CONFIG_NAMES
from pytest_memguard.settings.resolve import COMMAND_LINE, Layer, read

if TYPE_CHECKING:
    from pytest_memguard.baseline import AcceptedLeaks

__all__ = [
    "accepted_leaks",
    "add_options",
    "check_arguments",
    "enabled",
    "load",
    "marker_of",
    "markers_of",
    "register_markers",
    "show_config",
    "told_in_vain",
    "usage_errors",
    "wants_show_config",
]

BASELINE_NAME = "memguard-baseline.yaml"

_PREFIX = "memguard"
_MOST_TOLD = 20
_SPECS = {spec.name: spec for spec in specs(Settings)}
_MEMRAY_PLUGINS = ("memray", "pytest_memray", "pytest_memray.plugin")


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and ini entry of the table. No option has a default: one would hide the ini value."""
    group = parser.getgroup("memguard", "memguard: find the tests that leak memory")
    for spec in _SPECS.values():
        for flag, value in (spec.flags or {}).items():
            words = spec.help if value else f"do not {spec.help}"
            group.addoption(flag, dest=_dest(spec), action="store_const", const=value, default=None, help=words)
        if spec.option:
            group.addoption(spec.option, dest=_dest(spec), metavar=spec.metavar, default=None, help=spec.help)
        if spec.ini:
            kind: Literal["bool", "string"] = "bool" if spec.flags else "string"
            parser.addini(spec.ini, spec.help, type=kind, default=None)


def register_markers(config: pytest.Config) -> None:
    """Make the markers known, so that ``--strict-markers`` passes with memguard on and off."""
    for name, line in described_marks():
        if name == MARK or not _has_memray(config):
            config.addinivalue_line("markers", line)


def check_arguments(args: Sequence[str]) -> None:
    """Refuse options that look like memguard's and are not, and tell the nearest name.

    To be called from ``pytest_load_initial_conftests``: pytest refuses them a moment later, but without a word about
    what was meant.
    """
    known = [*(flag for spec in _SPECS.values() for flag in spec.flags or {})]
    known += [spec.option for spec in _SPECS.values() if spec.option]
    with usage_errors():
        for arg in args:
            name = arg.partition("=")[0]
            if arg == "--":
                return
            if name.startswith(("--memguard", "--no-memguard")) and name not in known:
                raise UnknownNameError("option", name, origin=COMMAND_LINE, known=known)


def enabled(config: pytest.Config) -> bool:
    """Whether memguard is on. Reads nothing but the option and the ini entry."""
    spec = _SPECS["enabled"]
    with usage_errors():
        for layer in (_command_line_layer(config, (spec,)), _ini_layer(config, (spec,))):
            if spec.name in layer:
                return bool(layer[spec.name].value)
    return bool(spec.default)


def wants_show_config(config: pytest.Config) -> bool:
    """Whether ``--memguard-show-config`` was given; it needs no ``--memguard``."""
    return bool(config.getoption(_dest(_SPECS["show_config"]), None))


def told_in_vain(config: pytest.Config) -> str | None:
    """What to say to somebody who has typed options of memguard and left it off; None where there is nothing to say.

    Ini entries and ``addopts`` are there for the runs that turn it on, and ``--no-memguard`` says that it is meant.
    """
    typed = [str(arg) for arg in config.invocation_params.args]
    names = [arg.partition("=")[0] for arg in typed[: typed.index("--") if "--" in typed else None]]
    switches = _SPECS["enabled"].flags or {}
    if any(name in switches for name in names):
        return None
    known = {flag for spec in _SPECS.values() for flag in (spec.option, *(spec.flags or {}))}
    found = [name for name in dict.fromkeys(names) if name in known]
    if not found:
        return None
    return f"memguard: {', '.join(found)} {'does' if len(found) == 1 else 'do'} nothing without --memguard"


def load(config: pytest.Config) -> Resolved:
    """The settings of this run: command line, ini file, YAML file, defaults; every mistake in one usage error."""
    errors: list[MemguardError] = []
    layers: list[Layer] = [{}, {}, {}]
    with usage_errors():
        for index, make in enumerate((_command_line_layer, _ini_layer)):
            try:
                layers[index] = make(config, tuple(_SPECS.values()))
            except MemguardError as exc:
                errors.append(exc)
        errors.extend(_unknown_ini_keys(config))
        command_line, ini, _ = layers
        found = _baseline_layer(config, command_line)
        try:
            layers[2] = _yaml_layer(config, command_line.get("config") or ini.get("config"))
        except MemguardError as exc:
            errors.append(exc)
        if errors:
            raise all_of(errors)
        from pytest_memguard.outputs import check_files  # noqa: PLC0415 - not with memguard off

        resolved = resolve([found, layers[2], ini], command_line=command_line)
        check_files(resolved, lambda path: _relative(path, Path.cwd()))
        return resolved


def accepted_leaks(config: pytest.Config, resolved: Resolved) -> AcceptedLeaks | None:
    """The suppressions and the baseline of this run, if any; a mistake in the baseline is a usage error."""
    settings = resolved.settings
    if not (settings.suppressions or settings.baseline is not None or settings.update_baseline):
        return None
    from pytest_memguard.baseline import AcceptedLeaks, BaselineFile  # noqa: PLC0415 - for nothing in most runs

    file = None
    if settings.baseline is not None:
        label = _relative(settings.baseline, config.rootpath)
        file = BaselineFile(path=settings.baseline, label=label, origin=resolved.origins["baseline"])
    today = datetime.now().astimezone().date()
    with usage_errors():
        return AcceptedLeaks(settings.suppressions, file, updates=settings.update_baseline, today=today)


def marker_of(item: pytest.Item, resolved: Resolved) -> MarkerSettings | None:
    """What the markers of *item* say, the closest first; ``None`` without any. A mistake is a usage error."""
    marks = _marks_of(item)
    if not marks:
        return None
    if any(mark.name in FOREIGN_MARKS for mark in marks) and _has_memray(item.config):
        marks = [mark for mark in marks if mark.name == MARK]
    with usage_errors():
        return settings_of_marks(marks, resolved)


def markers_of(items: Iterable[pytest.Item], resolved: Resolved) -> dict[pytest.Item, MarkerSettings]:
    """What the markers of *items* say, for those that have any; every mistake in one usage error."""
    found: dict[pytest.Item, MarkerSettings] = {}
    # The mark of a class is met once per test of it; its mistake is told with the first of them.
    mistakes: dict[str, str] = {}
    for item in items:
        try:
            marker = marker_of(item, resolved)
        except pytest.UsageError as exc:
            message = str(exc)
            mistakes.setdefault(re.sub(r" \(for .*?\):", ":", message), message)
            continue
        if marker is not None:
            found[item] = marker
    if mistakes:
        told = list(mistakes.values())
        more = [f"memguard: {len(told) - _MOST_TOLD} more wrong markers"] if len(told) > _MOST_TOLD else []
        raise pytest.UsageError(*told[:_MOST_TOLD], *more)
    return found


def show_config(resolved: Resolved, *, width: int = 80) -> str:
    """The text of ``--memguard-show-config``, for a terminal *width* columns wide."""
    return show.show_config(resolved, width=width, base=Path.cwd())


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn what a user can put right into ``pytest.UsageError``."""
    try:
        yield
    except MemguardError as exc:
        errors = exc.errors if isinstance(exc, CombinedError) else (exc,)
        raise pytest.UsageError(*(f"memguard: {error}" for error in errors)) from None


def _command_line_layer(config: pytest.Config, wanted: Sequence[Spec]) -> dict[str, Given]:
    base = config.invocation_params.dir
    found: dict[str, Given] = {}
    errors: list[MemguardError] = []
    for spec in wanted:
        value = config.getoption(_dest(spec), None)
        if value is None:
            continue
        name = spec.option or _PREFIX
        origin = _option_origin(config, (name, *(spec.flags or {})))
        try:
            found[spec.name] = _given(spec, value, name=name, origin=origin, base=base)
        except MemguardError as exc:
            errors.append(exc)
    if errors:
        raise all_of(errors)
    return found


def _ini_layer(config: pytest.Config, wanted: Sequence[Spec]) -> dict[str, Given]:
    raw = _raw_ini(config)
    base = config.inipath.parent if config.inipath else config.rootpath
    found: dict[str, Given] = {}
    errors: list[MemguardError] = []
    for spec in wanted:
        if spec.ini and spec.ini in raw:
            value, origin = raw[spec.ini]
            try:
                found[spec.name] = _given(spec, value, name=spec.ini, origin=origin, base=base)
            except MemguardError as exc:
                errors.append(exc)
    if errors:
        raise all_of(errors)
    return found


def _given(spec: Spec, value: Any, *, name: str, origin: str, base: Path) -> Given:
    parsed = read(spec, value, name=name, origin=origin)
    if isinstance(parsed, Path):
        parsed = base / parsed.expanduser()
    return Given(value=parsed, origin=origin)


def _option_origin(config: pytest.Config, names: Sequence[str]) -> str:
    typed = config.invocation_params.args
    # In a worker of pytest-xdist options arrive by another way than arguments.
    if hasattr(config, "workerinput") or any(str(arg).partition("=")[0] in names for arg in typed):
        return COMMAND_LINE
    return "addopts or PYTEST_ADDOPTS"


def _raw_ini(config: pytest.Config) -> dict[str, tuple[Any, str]]:
    """The ini entries of memguard as they stand in the file, each with its origin.

    ``getini`` cannot be used: it converts first, so that a bad value raises before it can be named.
    """
    # Public as inicfg in pytest 8; deprecated in 9, where values came to be wrapped with how they are to be read.
    held: Mapping[str, Any] | None = getattr(config, "_inicfg", None)
    if held is None:
        held = config.inicfg
    file = config.inipath.name if config.inipath else "the ini file"
    found = {key: (getattr(held[key], "value", held[key]), file) for key in held if key.startswith(_PREFIX)}
    for override in config.getoption("override_ini", None) or ():
        key, _, value = override.partition("=")
        if key.startswith(_PREFIX):
            found[key] = (value, f"-o on {COMMAND_LINE}")
    return found


def _unknown_ini_keys(config: pytest.Config) -> Iterator[UnknownNameError]:
    known = tuple(spec.ini for spec in _SPECS.values() if spec.ini)
    for key, (_, origin) in _raw_ini(config).items():
        if key not in known and not _is_declared(config, key):
            yield UnknownNameError("ini key", key, origin=origin, known=known)


def _is_declared(config: pytest.Config, key: str) -> bool:
    """Whether some other plugin has an ini entry of this name."""
    try:
        config.getini(key)
    except ValueError:
        return False
    except pytest.UsageError:
        return True
    return True


def _yaml_layer(config: pytest.Config, named: Given | None) -> Layer:
    given = named or _found_config(config.rootpath)
    if given is None:
        return {}
    # Imported here, because a run without a settings file must not pay for PyYAML.
    from pytest_memguard.settings import yamlfile, yamlkeys  # noqa: PLC0415

    path = given.value
    label = _relative(path, config.rootpath)
    layer = yamlkeys.layer_of(yamlfile.read(str(path), label=label, origin=given.origin), label=label)
    anchored = {
        name: replace(value, value=path.parent / value.value) if isinstance(value.value, Path) else value
        for name, value in layer.items()
    }
    return {"config": given, **anchored}


def _found_config(rootdir: Path) -> Given | None:
    found = [rootdir / name for name in CONFIG_NAMES if os.path.lexists(rootdir / name)]
    if len(found) > 1:
        raise ConfigFileError(
            f"both {' and '.join(CONFIG_NAMES)} are in {rootdir}",
            remedy="keep one of the two, or name one with --memguard-config",
        )
    return Given(value=found[0], origin="rootdir") if found else None


def _baseline_layer(config: pytest.Config, command_line: Layer) -> Layer:
    """The baseline in rootdir, where there is one or one is to be made."""
    path = config.rootpath / BASELINE_NAME
    if os.path.lexists(path) or "update_baseline" in command_line:
        return {"baseline": Given(value=path, origin="rootdir")}
    return {}


def _relative(path: Path, rootdir: Path) -> str:
    relative = os.path.relpath(path, rootdir)
    return str(path) if relative.startswith(os.pardir) else relative


def _marks_of(item: pytest.Item) -> list[Mark]:
    # Every test of the suite comes through here, and nearly none has a mark: no generator, no call per node.
    marks: list[Mark] = []
    node: Any = item
    while node is not None:
        if node.own_markers:
            marks.extend(
                Mark(name=m.name, args=m.args, kwargs=m.kwargs, where=node.nodeid, nodeid=item.nodeid)
                for m in node.own_markers
                if m.name in MARK_NAMES
            )
        node = node.parent
    return marks


def _has_memray(config: pytest.Config) -> bool:
    return any(config.pluginmanager.hasplugin(name) for name in _MEMRAY_PLUGINS)


def _dest(spec: Spec) -> str:
    return _PREFIX if spec.name == "enabled" else f"{_PREFIX}_{spec.name}"
