"""The functions that can reach a container by name, as syntax trees of the source they were imported from.

Trees, not bytecode: a comparison with ``len`` looks the same in each version of Python here, while the instructions
change with every release. A function without source (C, Cython, ``exec``) is not seen; nothing is claimed about it.
"""

from __future__ import annotations

import ast
import re
import sys
import tokenize
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pytest_memguard import peek
from pytest_memguard.bounds.place import Place
from pytest_memguard.values import dataclass

Read = Callable[[str], str | None]
Node = ast.FunctionDef | ast.AsyncFunctionDef
#: Base classes from here never hold or trim anybody's container, and typing alone takes 60 ms to parse.
_NO_BASES = frozenset({"builtins", "typing", "abc", "enum", "typing_extensions"})
_MOST_TEXT = 2_000_000  # characters parsed for one container (about 1 s); beyond that nothing is claimed


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One ``def``: its tree, the class around it, its module's globals, and where it finds the container.

    ``foreign``: not a method of the owner, so that its ``self`` is somebody else.
    """

    node: Node
    qualname: str
    class_name: str | None
    file: str
    globals: Mapping[str, Any]
    place: Place
    foreign: bool = False

    @property
    def name(self) -> str:
        """The bare name of the ``def``."""
        return self.node.name


def read_source(path: str) -> str | None:
    """The text of a Python file in its declared encoding; None where there is none to read."""
    if not path.endswith(".py"):
        return None
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


def functions(place: Place, container: object, read: Read = read_source) -> list[Function]:
    """Every function from which ``place`` can be reached by its name; empty where no source is to be had.

    For a global: the functions of its module and of each module that imported the container or its module. For
    attributes: the methods of the owner's classes, then every other function of the module that defines the class.
    For free variables: all functions within the same outermost function.
    """
    try:
        return _Library(place, read).functions(container)
    except _TooMuchError:
        return []


class _TooMuchError(Exception):
    """More text than a look at one container is worth."""


class _Library:
    """The sources that were read for one place, each parsed once."""

    def __init__(self, place: Place, read: Read) -> None:
        self._place = place
        self._read = read
        self._trees: dict[str, ast.AST] = {}
        self._left = _MOST_TEXT

    def functions(self, container: object) -> list[Function]:
        place = self._place
        if place.how == "global":
            return list(self._of_importers(container))
        if place.how == "local":
            return self._of_closure()
        if place.how == "direct":
            return []
        cls = place.owner if peek.is_a(place.owner, type) else type(place.owner)
        own = list(self._of_classes(cls))
        module = sys.modules.get(peek.module_of(cls))
        if module is None or place.how == "self":
            return own
        seen = {(f.file, f.node.lineno) for f in own}
        every = self._of_module(peek.namespace(module), place)
        return own + [replace(f, foreign=True) for f in every if (f.file, f.node.lineno) not in seen]

    def _of_importers(self, container: object) -> Iterator[Function]:
        """Functions of the module itself and of those that hold the container, or the module, in a global of theirs."""
        place = self._place
        yield from self._of_module(peek.namespace(place.owner), place)
        if place.element:
            container = peek.attribute(place.owner, place.name)
        for module in list(sys.modules.values()):
            if module is place.owner or not peek.is_a(module, types.ModuleType):
                continue
            names = peek.namespace(module)
            held = {id(value) for value in list(names.values())}
            if id(container) in held:
                for name in peek.names_of(module, container):
                    yield from self._of_module(names, replace(place, owner=module, name=name))
            if id(place.owner) in held:
                aliases = "|".join(map(re.escape, peek.names_of(module, place.owner)))
                mention = rf"\b(?:{aliases})\s*\.\s*{re.escape(place.name)}\b"
                yield from self._of_module(names, place, mention)

    def _of_module(self, names: Mapping[str, Any], place: Place, mention: str = "") -> Iterator[Function]:
        """Functions of a module whose text has the place's name in it (or the pattern ``mention``, where given)."""
        path = names.get("__file__")
        text = self._read(path) if type(path) is str else None
        if type(path) is not str or text is None:
            return
        found = re.search(mention, text) if mention else place.name.rpartition("__")[2] in text
        if found:
            yield from _walk(self._parse(path, text), _Walk(file=path, globals=names, place=place))

    def _of_classes(self, cls: type) -> Iterator[Function]:
        """Methods of ``cls``, its bases and its metaclass, but none that a subclass overrides and does not call."""
        overridden: set[str] = set()
        lines = [peek.bases(cls), *([peek.bases(type(cls))] if type(cls) is not type else [])]
        for base in (base for line in lines for base in line):
            module = sys.modules.get(peek.module_of(base))
            if module is None or peek.module_of(base) in _NO_BASES or not _written_in_python(base):
                continue
            names = peek.namespace(module)
            path = names.get("__file__")
            text = self._read(path) if type(path) is str else None
            if type(path) is not str or text is None:
                continue
            inside = peek.qualname_of(base).replace("<locals>.", "") + "."
            walk = _walk(self._parse(path, text), _Walk(file=path, globals=names, place=self._place))
            methods = [f for f in walk if f.qualname.startswith(inside)]
            yield from (f for f in methods if f.name not in overridden)
            overridden.update(f.name for f in methods if not _calls_above(f.node))

    def _of_closure(self) -> list[Function]:
        """The functions inside the same outermost function: they are who can share the owner's variables."""
        place = self._place
        code, names = place.owner.__code__, place.owner.__globals__
        text = self._read(code.co_filename)
        if text is None:
            return []
        walk = _Walk(file=code.co_filename, globals=names, place=place)
        every = list(_walk(self._parse(code.co_filename, text), walk))
        own = [f for f in every if f.name == code.co_name and _first_line(f.node) == code.co_firstlineno]
        if place.name not in code.co_freevars:
            return own
        outermost = {f.qualname.split(".")[0] for f in own}
        return [f for f in every if f.qualname.split(".")[0] in outermost]

    def _parse(self, path: str, text: str) -> ast.AST:
        if path not in self._trees:
            self._left -= len(text)
            if self._left < 0:
                raise _TooMuchError
            try:
                self._trees[path] = ast.parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._trees[path] = ast.Module(body=[], type_ignores=[])
        return self._trees[path]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """A walk through the definitions of one file, and where it has got to."""

    file: str
    globals: Mapping[str, Any]
    place: Place
    prefix: str = ""
    class_name: str | None = None


def _walk(tree: ast.AST, walk: _Walk) -> Iterator[Function]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            qualname = walk.prefix + node.name
            yield Function(
                node=node,
                qualname=qualname,
                class_name=walk.class_name,
                file=walk.file,
                globals=walk.globals,
                place=walk.place,
            )
            yield from _walk(node, replace(walk, prefix=f"{qualname}."))
        elif isinstance(node, ast.ClassDef):
            yield from _walk(node, replace(walk, prefix=f"{walk.prefix}{node.name}.", class_name=node.name))
        else:
            yield from _walk(node, walk)


def _calls_above(node: Node) -> bool:
    """Whether a method calls the one that it overrides: ``super().name(...)`` or ``Base.name(self, ...)``."""
    called = (n.func for n in ast.walk(node) if isinstance(n, ast.Call))
    return any(isinstance(f, ast.Attribute) and f.attr == node.name and not _is_self(f.value, node) for f in called)


def _is_self(expr: ast.expr, node: Node) -> bool:
    return isinstance(expr, ast.Name) and [a.arg for a in node.args.args[:1]] == [expr.id]


def _first_line(node: Node) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _written_in_python(cls: type) -> bool:
    kinds = (types.FunctionType, property, classmethod, staticmethod)
    return any(type(value) in kinds for value in peek.namespace(cls).values())
