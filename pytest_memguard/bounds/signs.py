"""What one function does, beside adding to something, that may keep it small: signs, not proofs."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_memguard.bounds.uses import ADDERS, Uses

_LEAST = 2  #: a comparison with 0 or 1 asks whether anything is there
_NEVER = 2**31 - 1
_KEYED = frozenset({"add", "setdefault", "update", "__setitem__"})
_EXCHANGING = frozenset({"heappushpop", "heapreplace"})
_FRESH = frozenset({"id", "uuid1", "uuid4", "object", "len", "time", "time_ns", "monotonic", "perf_counter"})
_CYCLIC = frozenset({"divmod", "cycle"})
_EMPTY = frozenset({"list", "dict", "set", "tuple", "str", "bytes", "bytearray", "deque", "OrderedDict", "defaultdict"})
_HANDED = ADDERS | _EXCHANGING | {"setattr"}
_Branch = ast.If | ast.While | ast.IfExp


class Signs:
    """One function, read with one thing in mind that grows.

    ``returned``: what functions of that name return. ``adds``: whether it puts something there, be it an entry, an
    attribute, or another thing in its place.
    """

    def __init__(self, uses: Uses, returned: Mapping[str, Sequence[ast.expr]]) -> None:
        node = uses.function.node
        self._uses = uses
        self._returned = returned
        self._above = {id(child): parent for parent in ast.walk(node) for child in ast.iter_child_nodes(parent)}
        self._writing = [n for n in uses.nodes if self._writes(n)]
        self.adds = any(not self._takes_only(n) for n in self._writing)

    @property
    def keyed(self) -> bool:
        """Whether it puts things under keys that the code alone does not show to be new each time."""
        keys = [self._feeding([key]) for node in self._writing for key in self._keys(node)]
        return any(not any(isinstance(n, ast.Call) and _name_of(n.func) in _FRESH for n in key) for key in keys)

    def first(self) -> tuple[str, int] | None:
        """The first sign that it may be kept small, in words, and its line."""
        return next(self._all(), None) if self.adds else None

    def _all(self) -> Iterator[tuple[str, int]]:
        for node in self._writing:
            line = getattr(node, "lineno", 0)
            if any(map(self._goes_round, self._feeding(self._keys(node)))):
                yield "counts round, so that it comes back to the same place", line
            if self._cuts(node):
                yield "keeps a part of it", line
            if self._resets(node):
                yield "begins it anew", line
            if self._takes(node):
                yield "takes away, too", line
        for node in self._uses.nodes:
            if isinstance(node, _Branch) and self._measures(node.test) and self._decides(node):
                yield "compares how many there are", node.lineno

    def _writes(self, node: ast.AST) -> bool:
        uses = self._uses
        if isinstance(node, ast.Call):
            return uses.adds(node) or uses.removes(node) or self._hands_over(node)
        return any(map(self._is_target, _targets(node)))

    def _hands_over(self, call: ast.Call) -> bool:
        """``setattr(c, ..)``, ``(heappush if .. else heappushpop)(c, x)``."""
        names = {_name_of(n) for n in ast.walk(call.func)}
        return not names.isdisjoint(_HANDED) and any(map(self._uses.means, call.args))

    def _is_target(self, target: ast.expr) -> bool:
        inner = target.value if isinstance(target, (ast.Subscript, ast.Attribute)) else None
        return self._is_it(target) or (inner is not None and self._uses.means(inner))

    def _is_it(self, target: ast.expr) -> bool:
        """The thing itself: to give it another name, or that name to something else, changes nothing of it."""
        place = self._uses.function.place
        alias = isinstance(target, ast.Name) and (place.element or target.id != place.name)
        return not alias and self._uses.means(target)

    def _keys(self, node: ast.AST) -> Iterator[ast.expr]:
        """The expressions that say under which key or name something is put."""
        if isinstance(node, ast.Call):
            name = _name_of(node.func)
            if name == "setattr" or (name == "__setitem__" and any(map(self._uses.means, node.args[:1]))):
                yield from node.args[1:2]
            elif name in _KEYED:
                yield from node.args[:1]
        for target in _targets(node):
            if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
                yield target.slice
                yield from _slices(target.value)

    def _feeding(self, roots: Iterable[ast.expr]) -> list[ast.AST]:
        """These expressions, what the function assigns to the names in them, and what the functions return, thrice."""
        found: list[ast.AST] = [node for root in roots for node in ast.walk(root)]
        seen: set[str] = set()
        for _ in range(3):
            names = {ast.unparse(n) for n in found if isinstance(n, (ast.Name, ast.Attribute))} - seen
            if not names:
                break
            seen |= names
            for target, value in self._uses.assigned:
                if ast.unparse(target) in names:
                    found += ast.walk(value)
            found += [n for n in self._uses.nodes if isinstance(n, ast.AugAssign) and ast.unparse(n.target) in names]
            found += [n for name in names for value in self._returned.get(name, ()) for n in ast.walk(value)]
        return found

    def _goes_round(self, node: ast.AST) -> bool:
        if isinstance(node, ast.AugAssign):
            return isinstance(node.op, (ast.Mod, ast.BitAnd))
        if isinstance(node, ast.Name):
            return type(self._uses.values.value(node)) is itertools.cycle
        if isinstance(node, ast.Call):
            return _name_of(node.func) in _CYCLIC
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.Mod, ast.BitAnd)):
            return False
        text = isinstance(node.left, ast.JoinedStr) or type(self._uses.values.value(node.left)) in (str, bytes)
        return not text and not isinstance(node.right, (ast.Tuple, ast.Dict))

    def _cuts(self, node: ast.AST) -> bool:
        """``c[i:i + 1] = [x]`` and ``c = (c + [x])[-n:]``; ``c[len(c):] = more`` does not."""
        for target in _targets(node):
            spot = target.slice if isinstance(target, ast.Subscript) and self._uses.means(target.value) else None
            if isinstance(spot, ast.Slice):
                return not (spot.lower is not None and self._uses.is_size(spot.lower))
        values = [value for target, value in _pairs(node) if self._is_it(target)]
        parts = [n for value in values for n in ast.walk(value) if isinstance(n, ast.Subscript)]
        return any(isinstance(p.slice, ast.Slice) and any(map(self._uses.means, ast.walk(p.value))) for p in parts)

    def _resets(self, node: ast.AST) -> bool:
        """Something empty in its place; but not where there was nothing before (``if c is None: c = []``)."""
        if not self._empties(node):
            return False
        above = self._above.get(id(node))
        while above is not None and not isinstance(above, ast.If):
            if isinstance(above, ast.ExceptHandler):
                return False
            above = self._above.get(id(above))
        if above is None:
            return True
        asks = [n for n in ast.walk(above.test) if isinstance(n, ast.Compare)]
        absent = any(isinstance(op, (ast.Is, ast.NotIn)) for n in asks for op in n.ops)
        return bool(asks) and not absent

    def _empties(self, node: ast.AST) -> bool:
        return any(self._is_it(target) and _is_empty(value) for target, value in _pairs(node))

    def _takes_only(self, node: ast.AST) -> bool:
        """Whether nothing else comes in its place; what is linked grows by that: ``node.next, head = head, node``."""
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            whole = any(isinstance(target, ast.Subscript) for target in _targets(node))
            return self._empties(node) or (whole and self._uses.removes(node))
        return isinstance(node, ast.Delete) or self._uses.removes(node)

    def _takes(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            names = {_name_of(n) for n in ast.walk(node.func)}
            exchanges = not names.isdisjoint(_EXCHANGING) and any(map(self._uses.means, node.args))
            return exchanges or self._uses.removes(node)
        return isinstance(node, ast.Delete)

    def _measures(self, test: ast.expr) -> bool:
        """Whether a size, or what is counted here, is compared with a number of at least 2."""
        return any(
            self._is_count(one) and self._is_limit(other)
            for node in ast.walk(test)
            if isinstance(node, ast.Compare)
            for left, right in zip([node.left, *node.comparators], node.comparators, strict=False)
            for one, other in ((left, right), (right, left))
        )

    def _is_count(self, expr: ast.expr) -> bool:
        if isinstance(expr, ast.Constant):
            return False
        steps = (n.target for n in self._uses.nodes if isinstance(n, ast.AugAssign))
        counted = isinstance(expr, (ast.Attribute, ast.Name)) and ast.dump(expr) in {_loaded(step) for step in steps}
        return counted or self._uses.is_size(expr)

    def _is_limit(self, expr: ast.expr) -> bool:
        number = self._uses.values.number(expr)
        return number is not None and _LEAST <= number < _NEVER

    def _decides(self, branch: _Branch) -> bool:
        """Whether it depends on this branch that something is added or taken."""
        if isinstance(branch, ast.IfExp):
            return any(id(branch) in {id(n) for n in ast.walk(node)} for node in self._writing)
        inside = {id(n) for n in ast.walk(branch)}
        leaves = any(isinstance(n, (ast.Return, ast.Raise, ast.Continue, ast.Break)) for n in branch.body)
        if leaves or any(id(n) in inside for n in self._writing):
            return True
        called = (n.func for n in ast.walk(branch) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
        return any(id(f) not in {id(n) for n in ast.walk(branch.test)} and self._uses.means(f.value) for f in called)


def _name_of(node: ast.AST) -> str:
    """``f`` of ``f`` and of ``a.b.f``; empty for anything else."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _loaded(target: ast.expr) -> str:
    """The same expression where it is read, not written."""
    return ast.dump(target).replace("ctx=Store()", "ctx=Load()")


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Delete):
        return list(node.targets)
    if isinstance(node, ast.AugAssign):
        return [node.target]
    return [target for target, _ in _pairs(node)]


def _pairs(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """``(target, value)`` of an assignment; ``a, b = c, d`` is two."""
    if isinstance(node, ast.Assign):
        return [pair for target in node.targets for pair in _matched(target, node.value)]
    if isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        return [(node.target, node.value)]
    return []


def _matched(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if not isinstance(target, ast.Tuple):
        return [(target, value)]
    values = value.elts if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts) else None
    return [(one, value if values is None else values[at]) for at, one in enumerate(target.elts)]


def _slices(expr: ast.expr) -> Iterator[ast.expr]:
    """The keys of what is subscribed more than once: ``c[a][b]``."""
    while isinstance(expr, ast.Subscript):
        yield expr.slice
        expr = expr.value


def _is_empty(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return not value.value
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        return not value.elts
    return isinstance(value, ast.Call) and _name_of(value.func) in _EMPTY
