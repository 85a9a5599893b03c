"""Does somebody's code keep a container below a number? Read from the functions that can reach it.

Three ways of keeping a bound count, each with a number ``N`` of at least 2 that the present size has not passed:

- *trim*: entries are removed where the size is compared with ``N`` (``if len(c) > N: c.pop(0)``), by a slice
  (``del c[:-N]``, ``c = c[-N:]``), or by as many as there are too many (``range(len(c) - N)``);
- *admit*: entries are only added where the size is below ``N`` (a pool);
- *refuse*: the function leaves before it adds (``if len(c) >= N: raise Full``).

A guard that nobody runs bounds nothing. So every function that adds must have a guard, or call one that has, or be
called only by such functions. ``unsubscribe`` removes and compares nothing: a forgotten call of it stays a leak.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from pytest_memguard.bounds.source import Function
from pytest_memguard.bounds.uses import Uses
from pytest_memguard.bounds.value import Scope, mangled
from pytest_memguard.values import dataclass

LEAST = 2  #: a comparison with 0 or 1 asks whether anything is there
NEVER = 2**31 - 1  #: from here on a limit is how people write "none" (sys.maxsize, INT_MAX)
_TEXTS = (ast.Constant, ast.JoinedStr)
#: Methods that make or restore an owner; and operators that a mapping inherits (UserDict) and nobody calls on a cache.
_BUILDERS = frozenset(
    {"__init__", "__new__", "__post_init__", "__setstate__", "__copy__", "__deepcopy__", "copy", "__ior__", "__iadd__"}
)
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Eq: ast.Eq,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What keeps a container small: ``limit`` entries, or None where the bound is on another measure of it."""

    limit: int | None
    function: str
    file: str
    line: int
    way: Literal["trim", "admit", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """A comparison of the size: ``full`` tells which branch is taken with many entries; None: cannot be told."""

    limit: int | None
    full: bool | None


def find_guard(functions: Sequence[Function], *, size: int, mapping: bool) -> Guard | None:
    """The guard of a container of ``size`` entries among the ``functions`` that reach it; None: none that holds."""
    scope = Scope(functions)
    relevant = _relevant(functions, scope)
    uses = [Uses(f, scope, size=size, mapping=mapping) for f in relevant]
    if any(u.function.name == "__len__" and not u.function.foreign and _returns_size(u) for u in uses):
        uses = [Uses(f, scope, size=size, mapping=mapping, len_of_self=True) for f in relevant]
    reading = _Reading(uses, size)
    guards = {id(u): guard for u in uses if (guard := reading.guard(u)) is not None}
    adders = [u for u in uses if u.function.name not in _BUILDERS and u.adding]
    if not adders or not guards or not _all_guarded(adders, uses, guards):
        return None
    return max(guards.values(), key=lambda g: (g.limit or 0, g.way == "trim"))


def _relevant(functions: Sequence[Function], scope: Scope) -> list[Function]:
    """The owner's methods, other functions that name the container, those that name one of these, three times over."""
    mentions = [_names(scope.body(f).nodes) for f in functions]
    chosen = {
        i
        for i, f in enumerate(functions)
        if (f.place.how in ("self", "attribute") and not f.foreign)
        or any(mangled(name, f.class_name) == f.place.name for name in mentions[i])
    }
    for _ in range(3):
        names = {functions[i].name for i in chosen}
        chosen |= {i for i in range(len(functions)) if not names.isdisjoint(mentions[i])}
    return [functions[i] for i in sorted(chosen)]


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {getattr(n, "attr", getattr(n, "id", "")) for n in nodes if isinstance(n, (ast.Attribute, ast.Name))}


def _returns_size(uses: Uses) -> bool:
    return any(isinstance(n, ast.Return) and n.value is not None and uses.is_size(n.value) for n in uses.nodes)


def _all_guarded(adders: Sequence[Uses], uses: Sequence[Uses], guards: dict[int, Guard]) -> bool:
    """Whether each adder is guarded itself, calls what is (by name), or is only called by functions that are."""
    trimming = {u.function.name for u in uses if id(u) in guards and guards[id(u)].way == "trim"}
    for _ in range(3):  # a trim that is called by a function that is called by a function that adds
        trimming |= {u.function.name for u in uses if u.called & trimming and u.function.name not in _BUILDERS}
    done = {id(u) for u in uses if id(u) in guards or u.called & trimming}

    def covered(adder: Uses, depth: int) -> bool:
        if id(adder) in done:
            return True
        callers = [u for u in uses if u is not adder and adder.function.name in u.called]
        return bool(callers) and depth > 0 and all(covered(caller, depth - 1) for caller in callers)

    return all(covered(adder, 3) for adder in adders)


class _Reading:
    """All functions together: who removes, who answers whether it is full, and so who guards."""

    def __init__(self, uses: Sequence[Uses], size: int) -> None:
        self._size = size
        self._removers = {u.function.name for u in uses if u.removing} - _BUILDERS
        for _ in range(2):
            self._removers |= {
                u.function.name for u in uses if not u.function.foreign and u.called & self._removers
            } - _BUILDERS
        self._answers: dict[str, int] = {}
        for u in uses:
            self._answers.update(self._answers_of(u))

    def guard(self, uses: Uses) -> Guard | None:
        """How this function guards, if it does."""
        found = list(self._by_branch(uses)) + list(self._by_slice(uses))
        if not found:
            return None
        return max(found, key=lambda g: (g.limit is not None, g.limit or 0))

    def _answers_of(self, uses: Uses) -> Iterator[tuple[str, int]]:
        """Functions that return, and flags that keep, whether the container is full."""
        for node in uses.nodes:
            value = node.value if isinstance(node, (ast.Return, ast.Assign)) else None
            limits = [t.limit for t in self._tests(uses, value) if t.limit] if value is not None else []
            if limits and isinstance(node, ast.Return):
                yield uses.function.name, max(limits)
            elif limits and isinstance(node, ast.Assign):
                for target in node.targets:
                    yield getattr(target, "attr", getattr(target, "id", "")), max(limits)

    def _by_branch(self, uses: Uses) -> Iterator[Guard]:
        for node in uses.nodes:
            if not isinstance(node, (ast.If, ast.While)):
                continue
            for test in [*self._tests(uses, node.test), *self._weighed(uses, node)]:
                branches = [(node.body, node.orelse)] if test.full else [(node.orelse, node.body)]
                if test.full is None:
                    branches = [(node.body, node.orelse), (node.orelse, node.body)]
                for full, room in branches:
                    way = self._way(uses, node, full, room)
                    # A total that is waited for need not be one of this container: only one that is removed for counts.
                    if way is not None and (way == "trim" or test.limit is not None):
                        yield _guard(uses, test.limit, node.lineno, way)

    def _way(
        self, uses: Uses, node: ast.If | ast.While, full: list[ast.stmt], room: list[ast.stmt]
    ) -> Literal["trim", "admit", "refuse"] | None:
        inside = [n for statement in full for n in ast.walk(statement)]
        if any(map(uses.removes, inside)) or uses.calls(inside) & self._removers:
            return "trim"
        adds = uses.adding
        allowed = {id(n) for statement in room for n in ast.walk(statement)}
        if adds and all(id(n) in allowed for n in adds):
            return "admit"
        waits = isinstance(node, ast.While) and full is node.body
        leaves = bool(full) and isinstance(full[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))
        later = bool(adds) and all(getattr(n, "lineno", 0) > node.lineno for n in adds)
        return "refuse" if later and (waits or leaves) and not any(map(uses.adds, inside)) else None

    def _by_slice(self, uses: Uses) -> Iterator[Guard]:
        """Trims that need no comparison, and the excess that is computed before it is removed."""
        removes, adds = {id(n) for n in uses.removing}, {id(n) for n in uses.adding}
        excess = self._excess(uses) if removes else {}
        for node in uses.nodes:
            limit = None
            if id(node) in removes and isinstance(node, (ast.Delete, ast.Assign)):
                limit = self._kept(uses, node) or self._exceeding(uses, node, excess)
            elif id(node) in adds and isinstance(node, ast.Assign):
                limit = self._kept(uses, node) or self._ring(uses, node)
            elif isinstance(node, (ast.For, ast.While, ast.If)) and removes & {id(n) for n in ast.walk(node)}:
                limit = self._exceeding(uses, node.iter if isinstance(node, ast.For) else node.test, excess)
            if limit is not None:
                yield _guard(uses, limit, getattr(node, "lineno", 0), "trim")

    def _kept(self, uses: Uses, node: ast.Delete | ast.Assign) -> int | None:
        """``del c[:-N]``, ``del c[N:]``, ``c[:] = c[-N:]``, ``c = (c + [x])[:N]``: N are left.

        ``del c[:N]`` and ``c = c[N:]`` take N away, as a parser does with its buffer, and bound nothing.
        """
        deletes = isinstance(node, ast.Delete)
        for part in (n for spot in ([node] if isinstance(node, ast.Delete) else [node.value]) for n in ast.walk(spot)):
            cut = part.slice if isinstance(part, ast.Subscript) else None
            if not isinstance(cut, ast.Slice) or not any(uses.means(n) for n in ast.walk(part)):
                continue
            from_end, from_start = (cut.upper, cut.lower) if deletes else (cut.lower, cut.upper)
            if isinstance(from_end, ast.UnaryOp) and isinstance(from_end.op, ast.USub) and from_start is None:
                return self._limit(uses, from_end.operand)
            if from_start is not None and from_end is None:
                return self._limit(uses, from_start)
        return None

    def _excess(self, uses: Uses) -> dict[str, int]:
        """Variables that hold by how many there are too many, with the limit: ``excess = len(c) - N``."""
        named = ((target.id, value) for target, value in uses.assigned if isinstance(target, ast.Name))
        found = {name: self._exceeding(uses, value, {}) for name, value in named}
        return {name: limit for name, limit in found.items() if limit is not None}

    def _exceeding(self, uses: Uses, tree: ast.AST, excess: Mapping[str, int]) -> int | None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in excess:
                return excess[node.id]
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and uses.is_size(node.left):
                return self._limit(uses, node.right)
        return None

    def _ring(self, uses: Uses, node: ast.Assign) -> int | None:
        """``c[i % N] = x``: a ring never has more than ``N`` keys, where ``%`` does not make a text."""
        for target in node.targets:
            index = target.slice if isinstance(target, ast.Subscript) else None
            if isinstance(index, ast.BinOp) and isinstance(index.op, ast.Mod) and not isinstance(index.left, _TEXTS):
                return self._limit(uses, index.right)
        return None

    def _limit(self, uses: Uses, expr: ast.expr) -> int | None:
        number = uses.values.number(expr)
        return int(number) if number is not None and max(LEAST, self._size) <= number < NEVER else None

    def _tests(self, uses: Uses, expr: ast.expr | None, negated: bool = False) -> Iterator[_Test]:
        """Every comparison of the size inside a condition, and every question to somebody who makes one."""
        if isinstance(expr, ast.UnaryOp) and isinstance(expr.op, ast.Not):
            yield from self._tests(uses, expr.operand, not negated)
        elif isinstance(expr, ast.BoolOp):
            for part in expr.values:
                yield from self._tests(uses, part, negated)
        elif isinstance(expr, ast.Compare):
            for left, op, right in zip([expr.left, *expr.comparators], expr.ops, expr.comparators, strict=False):
                yield from self._compared(uses, left, type(op), right, negated)
        elif expr is not None and (asked := uses.calls(ast.walk(expr)) & self._answers.keys()):
            for name in asked:
                yield _Test(limit=self._answers[name], full=None)

    def _compared(
        self, uses: Uses, left: ast.expr, op: type[ast.cmpop], right: ast.expr, negated: bool
    ) -> Iterator[_Test]:
        for size, other, how in ((left, right, op), (right, left, _OPPOSITE.get(op))):
            if how in _OPPOSITE and uses.is_size(size):
                limit = self._limit(uses, other)
                if limit is not None:
                    yield _Test(limit=limit, full=(how not in (ast.Lt, ast.LtE)) is not negated)
                    return

    def _weighed(self, uses: Uses, node: ast.If | ast.While) -> Iterator[_Test]:
        """``while self.bytes > self.max_bytes: self.c.popitem()``: bounded, but not by the number of entries."""
        if not isinstance(node, ast.While) or not isinstance(node.test, ast.Compare):
            return
        left, right = _weight(uses, node.test.left), _weight(uses, node.test.comparators[0])
        above = isinstance(node.test.ops[0], (ast.Gt, ast.GtE))
        if above and left is not None and right is not None and self._size <= left <= right < NEVER:
            yield _Test(limit=None, full=True)


def _weight(uses: Uses, expr: ast.expr) -> float | None:
    """The value of a running total that is kept in an attribute or global, alone or with one more thing to be added."""
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
        parts = [weight for part in (expr.left, expr.right) if (weight := _weight(uses, part)) is not None]
        return parts[0] if parts else None
    return None if isinstance(expr, ast.Constant) else uses.values.number(expr)


def _guard(uses: Uses, limit: int | None, line: int, way: Literal["trim", "admit", "refuse"]) -> Guard:
    function = uses.function
    return Guard(limit=limit, function=function.qualname, file=function.file, line=line, way=way)
