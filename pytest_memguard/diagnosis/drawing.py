"""A retainer path as text: ``shop.cart._ORDERS[*]``, and one line a step for the drawn form."""

from __future__ import annotations

import contextvars
import types
from collections.abc import Sequence
from typing import Any

from pytest_memguard.diagnosis import anatomy
from pytest_memguard.diagnosis.edges import ELEMENT, edge, name_of
from pytest_memguard.diagnosis.roots import Root
from pytest_memguard.model import Retainer

# How roots that are no objects refer to the first object of a chain.
_FIRST_REFERENCE = {"atexit": ELEMENT, "outside": ""}
#: Label, target, and the place of the target in the chain.
_Step = tuple[str, Any, int]


def draw(root: Root, chain: Sequence[Any], young: int | None) -> Retainer:
    """Describe a chain of objects from a root's holder down to the survivor.

    ``young`` is the place of the first object that was born in the rounds (None: there is none). The step before it is
    the suspect: the last one that was there all along, hence the container that grew, or the attribute that is set
    anew. Its entries come and go, so they are shown without their keys.
    """
    name, at = _start(root, chain)
    steps = [(label, chain[0], 0)] if (label := _FIRST_REFERENCE.get(root.kind)) is not None else []
    steps += _steps(chain, at)
    boundary = len(chain) if young is None else young
    suspect = max((number for number, (_, _, place) in enumerate(steps, 1) if place < boundary), default=0)
    if suspect < len(steps):
        steps[suspect] = _without_key(steps[suspect])
    steps = _collapsed(steps, keep=suspect)
    if type(chain[at]) is anatomy.LRU_WRAPPER:
        name = f"cache of {name}"
    first = name if root.kind in _FIRST_REFERENCE else f"{name} ({described(chain[at])})"
    return Retainer(
        path=name + "".join(label for label, _, _ in steps),
        root=name,
        type=anatomy.type_name(type(chain[-1])),
        steps=(first, *(f"{label} {described(target)}".strip() for label, target, _ in steps)),
        suspect=min(suspect, len(steps)),
    )


def described(obj: Any) -> str:
    """What an object is, in a step: its type; for functions and classes which one."""
    cls = type(obj)
    if cls is anatomy.LRU_WRAPPER:
        return "lru_cache"
    if cls is types.FunctionType:
        return f"function {anatomy.function_name(obj)}"
    if issubclass(cls, type):
        return f"class {anatomy.type_name(obj)}"
    return anatomy.type_name(cls)


def _start(root: Root, chain: Sequence[Any]) -> tuple[str, int]:
    """The text of the root, and the place in the chain of the object that it names."""
    if root.kind == "module":
        return f"{root.module}.{name_of(chain[0], chain[1]) or '?'}", 1
    if root.kind == "class":
        label, covered = edge(chain, 0)
        return f"{root.name}{label}", covered
    if root.kind == "context":
        return _context_start(chain)
    if root.kind == "fixture":
        return _fixture_start(root, chain)
    return root.name, min(1, len(chain) - 1) if root.holder is not None else 0


def _fixture_start(root: Root, chain: Sequence[Any]) -> tuple[str, int]:
    """The value of a fixture is what the fixture is for its reader, wherever pytest keeps it."""
    label, place = edge(chain, 0)
    if label == ".cached_result" and type(chain[place]) is tuple and place + 1 < len(chain):
        return root.name, place + 1
    return f"{root.name}{label}", place


def _context_start(chain: Sequence[Any]) -> tuple[str, int]:
    values = {id(value): variable.name for variable, value in contextvars.Context.items(chain[0])}
    for place in range(1, len(chain)):
        name = values.get(id(chain[place]))
        if name is not None:
            return f"context variable {anatomy.exact_str(name) or '?'!r}", place
    return "context", 0


def _steps(chain: Sequence[Any], at: int) -> list[_Step]:
    steps: list[_Step] = []
    while at < len(chain) - 1:
        label, covered = edge(chain, at)
        at += covered
        steps.append((label, chain[at], at))
    return steps


def _without_key(step: _Step) -> _Step:
    label, target, place = step
    return (label[: label.index("[")] + ELEMENT if label.endswith("]") else label), target, place


def _collapsed(steps: list[_Step], keep: int) -> list[_Step]:
    """``.next.next.next`` says no more than ``.next``, and how often it is repeated differs from run to run."""
    found: list[_Step] = []
    for number, step in enumerate(steps):
        if number > keep and found and _same(found[-1], step):
            found[-1] = (found[-1][0], step[1], step[2])
        else:
            found.append(step)
    return found


def _same(one: _Step, other: _Step) -> bool:
    return one[0] == other[0] and one[0] != ELEMENT and type(one[1]) is type(other[1])
