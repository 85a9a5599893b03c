"""One YAML file, read with bounds on everything that it could grow to. The only user of PyYAML.

PyYAML's own constructors are used for plain scalars alone: they let duplicate keys pass, expand merge keys without
a bound, and raise anything at all for a bad date or an over-long number. What a file means is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pytest_memguard.errors import ConfigFileError, nearest, shown
from pytest_memguard.values import dataclass

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "Document", "parse", "read", "read_text"]

MAX_BYTES = 1 << 20
MAX_NODES = 20_000
MAX_DEPTH = 50

_SETTINGS = "settings file"
_PREFIX = "tag:yaml.org,2002:"
_MERGE = _PREFIX + "merge"
_TYPED = frozenset(_PREFIX + name for name in ("null", "bool", "int", "float", "timestamp"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file holds: dicts with text as keys, lists and scalars; and the line of each path, counted from 1."""

    data: Any
    lines: Mapping[tuple[str, ...], int]


def read(path: str, *, label: str, origin: str) -> Document:
    """The document in the file at *path*, which *origin* named and messages call *label*.

    Raises ``ConfigFileError``.
    """
    return parse(read_text(path, label=label, origin=origin), label=label)


def read_text(path: str, *, label: str, origin: str, what: str = _SETTINGS) -> str:
    """The text of the file at *path*; *what* it is called in messages. Raises ``ConfigFileError``."""
    raw = _read_bytes(path, f"{what} {label} (from {origin})", what)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise ConfigFileError(
            f"{what} {label} is not UTF-8: byte 0x{raw[exc.start]:02x} in line {line}",
            remedy="save it as UTF-8",
        ) from None


def parse(text: str, *, label: str, what: str = _SETTINGS) -> Document:
    """The document in *text*. Raises ``ConfigFileError`` with the line of what is wrong."""
    named = f"{what} {label}"
    try:
        loader = _BoundedLoader(text)
        node = loader.get_single_node()
        builder = _Builder(loader, named)
        return Document(data=None if node is None else builder.build(node, ()), lines=builder.lines)
    except yaml.YAMLError as exc:
        raise _not_yaml(exc, named) from None
    except (ValueError, OverflowError):
        # The scanner converts escapes and directives with int() and chr(), unguarded.
        raise ConfigFileError(
            f"{named} is not valid YAML: a number in an escape or directive is out of range",
            remedy="write the character itself",
        ) from None


def _read_bytes(path: str, named: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigFileError(f"{named} does not exist", remedy=_look_alike(path, what)) from None
    except IsADirectoryError:
        example = ", such as memguard.yaml" if what == _SETTINGS else ""
        raise ConfigFileError(f"{named} is a directory", remedy=f"name a file in it{example}") from None
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise ConfigFileError(f"{named} cannot be read: {reason}", remedy="check its path and permissions") from None
    if len(raw) > MAX_BYTES:
        raise ConfigFileError(
            f"{named} is larger than {MAX_BYTES >> 20} MiB", remedy="check that this is the file you mean"
        )
    return raw


class _BoundedLoader(yaml.SafeLoader):
    """A loader that stops at a depth: the composer is recursive and would end in a RecursionError."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Builder:
    """Turns nodes into plain data, counting every visit: a node that is an alias costs each time it is used."""

    def __init__(self, loader: _BoundedLoader, named: str) -> None:
        self.lines: dict[tuple[str, ...], int] = {}
        self._loader = loader
        self._named = named
        self._visits = 0
        self._merging = 0

    def build(self, node: yaml.Node, path: tuple[str, ...]) -> Any:
        self._visit(node, path)
        self.lines.setdefault(path, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._refuse_tag(node, _PREFIX + "seq")
            return [self.build(child, (*path, str(index))) for index, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: tuple[str, ...]) -> dict[str, Any]:
        self._refuse_tag(node, _PREFIX + "map")
        found: dict[str, Any] = {}
        own_lines: dict[str, int] = {}
        for key, value in self._pairs(node):
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "a key is a list or a mapping", "make the key a plain word")
            name = key.value
            if name in own_lines:
                raise self._error(key, f"key {shown(name)} is already in line {own_lines[name]}", "keep one of the two")
            own_lines[name] = _line(key)
            here = (*path, name)
            # What stands here came first: a key that is merged in later does not change its line.
            self.lines.setdefault(here, _line(key))
            found[name] = self.build(value, here)
        for merged in self._merged(node):
            for name, value in self._merge_source(merged, path).items():
                found.setdefault(name, value)
        return found

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        return ((key, value) for key, value in node.value if key.tag != _MERGE)

    def _merged(self, node: yaml.MappingNode) -> Iterator[yaml.Node]:
        for key, value in node.value:
            if key.tag == _MERGE:
                yield from value.value if isinstance(value, yaml.SequenceNode) else (value,)

    def _merge_source(self, node: yaml.Node, path: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, "<< merges something that is no mapping", "give << an alias of a mapping")
        self._visit(node, path)
        self._merging += 1
        if self._merging > MAX_DEPTH:
            raise self._error(node, "<< merges a mapping into itself", "take the alias out")
        found = self._mapping(node, path)
        self._merging -= 1
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        text = node.value
        if node.tag == _PREFIX + "str":
            return text
        if node.tag not in _TYPED:
            raise self._error(
                node, f"tag {shown(node.tag.replace(_PREFIX, '!!'))} is not supported", "take the tag out"
            )
        # YAML 1.1 reads 1:30 as 90; whoever writes it means a time, and that is for the parsers to refuse.
        if ":" in text and node.tag in (_PREFIX + "int", _PREFIX + "float"):
            return text
        try:
            return self._loader.construct_object(node)
        except (ValueError, KeyError, AttributeError, OverflowError, TypeError, IndexError):
            kind = node.tag.removeprefix(_PREFIX)
            raise self._error(node, f"{shown(text)} is not a valid {kind}", "correct it, or quote it") from None

    def _visit(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        self._visits += 1
        if self._visits > MAX_NODES:
            raise self._error(
                node, f"more than {MAX_NODES} values once its aliases are expanded", "write fewer aliases of aliases"
            )
        if len(path) > MAX_DEPTH:
            raise self._error(node, "an alias refers to what contains it", "take the alias out")

    def _refuse_tag(self, node: yaml.Node, expected: str) -> None:
        if node.tag != expected:
            raise self._error(
                node, f"tag {shown(node.tag.replace(_PREFIX, '!!'))} is not supported", "take the tag out"
            )

    def _error(self, node: yaml.Node, problem: str, remedy: str) -> ConfigFileError:
        return ConfigFileError(f"{self._named}, line {_line(node)}: {problem}", remedy=remedy)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _not_yaml(exc: yaml.YAMLError, named: str) -> ConfigFileError:
    if isinstance(exc, yaml.MarkedYAMLError):
        mark = exc.problem_mark or exc.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(part for part in (exc.context, exc.problem) if part)
    else:
        where = ""
        problem = str(exc).partition("\n")[0]
    return ConfigFileError(
        f"{named}{where} is not valid YAML: {problem}",
        remedy="tabs, missing quotes and indentation are the usual causes",
    )


def _look_alike(path: str, what: str) -> str:
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return "check the path: its directory does not exist either"
    close = nearest(name, [entry for entry in names if entry.endswith((".yaml", ".yml"))])
    return f"did you mean {close!r}?" if close else f"check the path, or leave it out to run without a {what}"
