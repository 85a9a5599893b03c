"""Settings and marker keywords, from the tables that the options and checks are made of."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_memguard.settings import MarkerSettings, Settings
from pytest_memguard.settings.fields import Spec, specs
from tests.reference.table import sentence, table

_ANYTHING = object()
_SECTIONS = {"components": "{}", "strategies": "{}", "suppressions": "[]"}
_HEAD = ("where", "default", "what it takes", "what it is")


def options() -> str:
    """Everything that has an option."""
    return table(_HEAD, [_row(spec) for spec in specs(Settings) if spec.option or spec.flags])


def keys() -> str:
    """What only the YAML file has."""
    return table(_HEAD, [_row(spec) for spec in specs(Settings) if not (spec.option or spec.flags)])


def keywords() -> str:
    """The keywords of the marker."""
    rows = [(f"`{spec.name}={spec.metavar}`", takes(spec), sentence(spec.help)) for spec in specs(MarkerSettings)]
    return table(("keyword", "what it takes", "what it does"), rows)


def defaults() -> str:
    """A settings file that changes nothing."""
    return f"<!-- every default -->\n```yaml\n{default_file()}```\n"


def default_file() -> str:
    """The text of it."""
    tree: dict[str, object] = {}
    for spec in specs(Settings):
        if spec.yaml:
            *sections, last = spec.yaml[0].split(".")
            node = tree
            for section in sections:
                node = node.setdefault(section, {})  # type: ignore[assignment]
            node[last] = spec
    return "memory:\n" + "".join(f"{line}\n" for line in _lines(tree, "  "))


def takes(spec: Spec) -> str:
    """What a value has to be, in the words of the error message."""
    try:
        spec.parse(_ANYTHING)
    except ValueError as error:
        return str(error)
    return "see below"


def _lines(tree: dict[str, object], indent: str) -> Iterator[str]:
    for name, inside in tree.items():
        if isinstance(inside, Spec):
            value = _written(inside)
            yield f"{indent}{'# ' if value is None else ''}{name}: {value or '..'}"
        else:
            yield f"{indent}{name}:"
            yield from _lines(inside, indent + "  ")  # type: ignore[arg-type]


def _written(spec: Spec) -> str | None:
    """The default as YAML has it; None where there is none to write."""
    if spec.name in _SECTIONS:
        return _SECTIONS[spec.name]
    shown = spec.show(spec.default)
    if shown == "none":
        return "[]" if spec.default == () else None
    return {"on": "true", "off": "false"}.get(shown, shown)


def _row(spec: Spec) -> tuple[str, str, str, str]:
    where = [f"`{flag}`" for flag in spec.flags or ()]
    where += [f"`{spec.option} {spec.metavar}`"] if spec.option else []
    where += [f"ini `{spec.ini}`"] if spec.ini else []
    keys = " or ".join(f"`memory.{path}`" for path in spec.yaml)
    where += [f"YAML {keys}" if where else keys] if keys else []
    default = "" if spec.is_action else spec.show(spec.default)
    return "<br>".join(where), default, "" if spec.flags else takes(spec), sentence(spec.help)
