"""Which extension modules some Python code runs through: the ones that memory outside Python can come from."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from types import BuiltinFunctionType, CodeType
from typing import Any

from pytest_memguard.diagnosis import anatomy
from pytest_memguard.diagnosis.owners import Owners

_SUFFIXES = tuple(EXTENSION_SUFFIXES)
_SHOWN = 6
#: Compiled parts of the standard library that keep nothing.
_PLAIN = frozenset({"bisect", "contextvars", "heapq", "json", "math", "opcode", "queue", "random", "struct", "typing"})


def used_by(codes: Mapping[CodeType, Mapping[str, Any]], owners: Owners) -> tuple[str, ...]:
    """Packages with compiled code that these functions are of or refer to by name: others' first, then CPython's own.

    ``codes``: functions and their globals.
    """
    compiled = _compiled()
    found: dict[str, bool] = {}
    for code, namespace in codes.items():
        own = anatomy.exact_str(namespace.get("__name__")) or ""
        if owners.is_machinery(own):
            continue
        names = [own]
        if owners.of(own) != "stdlib":
            names += [module for name in code.co_names if (module := _module_of(namespace.get(name)))]
        for name in names:
            package = compiled.get(name) or compiled.get(name.partition(".")[0])
            if package is not None and package not in _PLAIN:
                found[package] = owners.of(package) == "stdlib"
    return tuple(sorted(found, key=lambda name: (found[name], name))[:_SHOWN])


def _compiled() -> dict[str, str]:
    """Modules that are compiled or have a compiled one for a part of themselves, and what these are called."""
    found: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        namespace = anatomy.module_namespace(module) if type(name) is str else None
        file = None if namespace is None else anatomy.exact_str(namespace.get("__file__"))
        if file is not None and file.endswith(_SUFFIXES):
            top, _, rest = name.partition(".")
            shown = name if not rest else top
            plain = top.removeprefix("_")
            found[name] = found[top] = shown if plain not in sys.modules else plain
            if plain in sys.modules:
                found[plain] = plain
    return found


def _module_of(value: object) -> str:
    """The module that a global is, or is from: of a class or a function of C code, or else of its class."""
    cls = type(value)
    if anatomy.is_module(value):
        return anatomy.exact_str((anatomy.module_namespace(value) or {}).get("__name__")) or ""
    if issubclass(cls, type):
        return anatomy.module_of(value)  # type: ignore[arg-type]
    if cls is BuiltinFunctionType:
        return anatomy.exact_str(value.__module__) or ""
    return anatomy.module_of(cls)
