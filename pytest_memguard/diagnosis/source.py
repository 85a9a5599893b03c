"""What the source of a file says about a line: its text, its function, which names are imported.

``linecache`` is left alone: what it remembers would count as growth, and a settle empties it.
"""

from __future__ import annotations

import ast
import os
import tokenize
from dataclasses import dataclass, field

_LONGEST = 200
_LARGEST_FILE = 4 << 20


@dataclass(slots=True, kw_only=True)
class _File:
    lines: list[str] = field(default_factory=list)
    functions: list[tuple[int, int, str]] = field(default_factory=list)
    imported: frozenset[str] = frozenset()


class Sources:
    """Files read during one diagnosis."""

    __slots__ = ("_files",)

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    def line(self, filename: str, number: int) -> str:
        """The text of a line without its indentation; empty where it cannot be read."""
        lines = self._file(filename).lines
        return lines[number - 1].strip()[:_LONGEST] if 0 < number <= len(lines) else ""

    def function(self, filename: str, number: int) -> str:
        """The qualified name of the innermost function around a line, ``<module>`` outside any; empty if unknown."""
        file = self._file(filename)
        around = [(first, name) for first, last, name in file.functions if first <= number <= last]
        if around:
            return max(around)[1]
        return "<module>" if file.lines else ""

    def imported(self, filename: str) -> frozenset[str]:
        """The names that the module's top level has from elsewhere."""
        return self._file(filename).imported

    def _file(self, filename: str) -> _File:
        file = self._files.get(filename)
        if file is None:
            file = self._files[filename] = _read(filename)
        return file


def _read(filename: str) -> _File:
    if filename.startswith("<"):
        return _File()
    try:
        if os.path.getsize(filename) > _LARGEST_FILE:
            return _File()
        with tokenize.open(filename) as stream:
            text = stream.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return _File()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _File(lines=text.splitlines())
    functions: list[tuple[int, int, str]] = []
    _collect(tree, "", functions)
    return _File(lines=text.splitlines(), functions=functions, imported=_imported(tree))


def _collect(tree: ast.AST, prefix: str, functions: list[tuple[int, int, str]]) -> None:
    """First line, last line and qualified name of each function, outer ones first; no recursion into deep trees."""
    pending: list[tuple[ast.AST, str]] = [(tree, prefix)]
    while pending:
        node, outer = pending.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = outer + child.name
                functions.append((child.lineno, child.end_lineno or child.lineno, name))
                pending.append((child, f"{name}.<locals>."))
            elif isinstance(child, ast.ClassDef):
                pending.append((child, f"{outer}{child.name}."))
            elif not isinstance(child, ast.expr):
                pending.append((child, outer))


def _imported(tree: ast.Module) -> frozenset[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return frozenset(names)
