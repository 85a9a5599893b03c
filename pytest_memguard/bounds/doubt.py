"""Whether the code that makes something grow also does what keeps things small.

:mod:`guard` proves a bound, and so knows few shapes. Here signs are enough (:mod:`signs`), and they only raise a doubt:
growth has to be followed for much longer then before it is called a leak. They count in functions that add, or put
something in the place of what was there. What another function takes away, when somebody calls it (``unsubscribe``,
``clear``), is no sign.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Collection, Sequence
from os.path import basename
from typing import Any, Literal

from pytest_memguard import peek
from pytest_memguard.bounds.place import Place, places
from pytest_memguard.bounds.signs import Signs
from pytest_memguard.bounds.source import functions, read_source
from pytest_memguard.bounds.uses import Uses
from pytest_memguard.bounds.value import Scope
from pytest_memguard.values import dataclass

Line = tuple[str, int]  #: the base name of a file, and a line there
_MOST_LINKS = 6  #: from the root; what is held further down came into being with what holds it
_BUILDERS = frozenset({"__init__", "__new__", "__post_init__", "__setstate__", "__copy__", "__deepcopy__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the code says of an end of the growth.

    ``endless``: it was read, and only adds; ``doubtful``: there is a ``sign`` (in words, with its line) that it may
    stop; ``open``: neither, since no code that adds was found, or it adds under keys that may come again.
    """

    says: Literal["endless", "doubtful", "open"]
    sign: str = ""


def read_code(
    chain: Sequence[object],
    growing: object | None,
    path: str = "",
    *,
    at: Collection[Line] = (),
    read: Callable[[str], str | None] = read_source,
) -> Reading:
    """What the functions say that reach what grows on a retainer path.

    ``chain``: the objects from the root down to the retained one; ``path``: the same by names, asked where the objects
    have been replaced since. ``growing``: the container that is known to have grown; ``at``: the lines that are known
    to add: then only their functions count, those that these call, and those that call these. Reads living objects
    without running their code, and the source of their owners, a few ms to 100 ms.
    """
    last = next((i for i, link in enumerate(chain) if link is growing), len(chain) - 2)
    found = _reading(chain[: last + 1], at, read)
    return found if found.says != "open" else _reading(_along(path), at, read)


def _reading(links: Sequence[object], at: Collection[Line], read: Callable[[str], str | None]) -> Reading:
    adding: list[Signs] = []
    for index in range(1, min(len(links), _MOST_LINKS)):
        for spot in places(links, index):
            for uses, signs in _near(_adders(spot, links[index], read), at):
                adding.append(signs)
                sign = signs.first()
                if sign is not None:
                    what, line = sign
                    function = uses.function
                    return Reading(
                        says="doubtful", sign=f"{function.qualname} ({basename(function.file)}:{line}) {what}"
                    )
    return Reading(says="endless" if adding and not any(signs.keyed for signs in adding) else "open")


def _adders(spot: Place, container: Any, read: Callable[[str], str | None]) -> list[tuple[Uses, Signs]]:
    """The functions that add to what stands there."""
    reaching = functions(spot, container, read)
    scope = Scope(reaching)
    size, mapping = peek.length(container) or 0, peek.is_a(container, dict)
    every = [Uses(f, scope, size=size, mapping=mapping) for f in reaching if f.name not in _BUILDERS]
    returned = {f.name: _returned(scope.body(f).nodes) for f in reaching}
    return [(uses, signs) for uses in every if (signs := Signs(uses, returned)).adds]


def _returned(nodes: Sequence[ast.AST]) -> list[ast.expr]:
    return [node.value for node in nodes if isinstance(node, ast.Return) and node.value is not None]


def _near(adders: list[tuple[Uses, Signs]], at: Collection[Line]) -> list[tuple[Uses, Signs]]:
    """Those around the lines that are known to add; all, where these are in none of them."""
    here = [uses for uses, _ in adders if any(_holds(uses, line) for line in at)]
    names = {uses.function.name for uses in here}
    called = {name for uses in here for name in uses.called}
    near = [
        (uses, signs)
        for uses, signs in adders
        if uses in here or uses.function.name in called or not names.isdisjoint(uses.called)
    ]
    return near or adders


def _holds(uses: Uses, line: Line) -> bool:
    node, (file, number) = uses.function.node, line
    return basename(uses.function.file) == file and node.lineno <= number <= (node.end_lineno or node.lineno)


def _along(path: str) -> list[Any]:
    """The objects on a path, as far as it is one of attributes, from a loaded module on; empty where there is none."""
    parts = re.split(r"[^\w.]", path, maxsplit=1)[0].split(".")
    for count in range(len(parts), 0, -1):
        module = sys.modules.get(".".join(parts[:count]))
        if module is not None:
            links: list[Any] = [module]
            for name in parts[count:]:
                link = peek.attribute(links[-1], name)
                if link is peek.MISSING:
                    break
                links.append(link)
            return links
    return []
