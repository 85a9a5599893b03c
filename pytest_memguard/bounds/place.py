"""Where a container on a retainer path lives: who owns it, and under which name.

A path is what a search through ``gc.get_referrers`` finds: it may show the attribute dict of an instance or leave it
out (CPython 3.11 keeps attributes inline), and it may begin at a module or at that module's dict.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from pytest_memguard import peek
from pytest_memguard.bounds.known import DIRECT
from pytest_memguard.values import dataclass

How = Literal["global", "attribute", "local", "self", "direct"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """``owner`` holds the container as ``name``; with ``element``, it is one of the entries of what is held there.

    ``how`` tells how the owner's code reaches it: a global of a module, an attribute of an instance or class, a free
    variable or parameter of a function (``local``), the owner itself (``self``), or not by a name (``direct``).
    """

    owner: Any
    name: str
    how: How
    element: bool = False


def places(chain: Sequence[object], index: int) -> list[Place]:
    """Every place that the path shows for ``chain[index]``, the most direct first; empty where it shows none."""
    container = chain[index]
    found = _held_by(chain, index - 1, container)
    if any(type(base) is type and not _is_builtin(base) for base in peek.bases(type(container))):
        found.append(Place(owner=container, name="", how="self"))
    return found


def is_namespace(chain: Sequence[object], index: int) -> bool:
    """Whether ``chain[index]`` is the attribute dict of a module, class or instance, hence nobody's container."""
    return type(chain[index]) is dict and _owner_of_dict(chain, index) is not None


def _is_builtin(cls: type) -> bool:
    return peek.module_of(cls) in ("builtins", "collections", "array", "_collections")


def _held_by(chain: Sequence[object], at: int, value: object) -> list[Place]:
    """Places of ``value``, which ``chain[at]`` refers to."""
    if at < 0:
        return []
    holder: Any = chain[at]
    if type(holder) is types.CellType:
        return _free_variable(chain, at)
    if type(holder) is dict:
        owner = _owner_of_dict(chain, at)
        if owner is not None:
            return _named(owner, value)
    if peek.length(holder) is None or peek.is_lru(holder):
        return _named(holder, value)
    if type(holder) is tuple and at and type(chain[at - 1]) is types.FunctionType:
        return _default(chain[at - 1], value)
    own = _named(holder, value, direct=False)
    return own or [replace(outer, element=True) for outer in places(chain, at) if not outer.element]


def _named(owner: Any, value: object, *, direct: bool = True) -> list[Place]:
    how: How = "global" if peek.is_a(owner, types.ModuleType) else "attribute"
    found = [Place(owner=owner, name=name, how=how) for name in peek.names_of(owner, value)]
    return found or ([Place(owner=owner, name=DIRECT, how="direct")] if direct else [])


def _owner_of_dict(chain: Sequence[object], at: int) -> Any:
    """The module, class or instance whose attribute dict ``chain[at]`` is; None where it is just a dict."""
    held: Any = chain[at]
    if at:
        above: Any = chain[at - 1]
        if peek.namespace(above) is held:
            return above
        # A class shows its dict only through a proxy; the collector shows the dict itself.
        if peek.is_a(above, type) and any(referent is held for referent in gc.get_referents(above)):
            return above
    name = held.get("__name__")
    module = sys.modules.get(name) if type(name) is str else None
    return module if module is not None and peek.namespace(module) is held else None


def _free_variable(chain: Sequence[object], at: int) -> list[Place]:
    """The name of the cell ``chain[at]`` in the function above it (function, closure tuple, cell)."""
    for above in range(at - 1, max(at - 3, -1), -1):
        function: Any = chain[above]
        if type(function) is types.FunctionType:
            names = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
            return [Place(owner=function, name=name, how="local") for name, cell in names if cell is chain[at]]
    return []


def _default(function: Any, value: object) -> list[Place]:
    """The parameters of which ``value`` is the default (a mutable default is a global in disguise)."""
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    return [
        Place(owner=function, name=name, how="local")
        for name, held in zip(names, defaults, strict=True)
        if held is value
    ]
