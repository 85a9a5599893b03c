"""What one function does with a container: where it names it, adds to it, removes from it, and asks for its size."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterable
from typing import Any

from pytest_memguard import peek
from pytest_memguard.bounds.source import Function
from pytest_memguard.bounds.value import Scope, Values, mangled

# fmt: off
ADDERS = frozenset({
    "append", "appendleft", "add", "insert", "extend", "extendleft", "update", "setdefault", "push", "put",
    "put_nowait", "__setitem__", "heappush", "insort", "insort_left", "insort_right",
})
REMOVERS = frozenset({
    "pop", "popleft", "popitem", "remove", "discard", "clear", "__delitem__", "heappop", "difference_update",
    "intersection_update",
})
# fmt: on
_LOOKUPS = frozenset({"get", "setdefault", "pop"})
FEWEST = 6  #: entries from which two equal sizes are taken for the same size, not for a coincidence


class Uses:
    """One function, read with one container in mind: its entries now are ``size``; ``mapping``: ``c[k] = v`` adds."""

    def __init__(
        self, function: Function, scope: Scope, *, size: int, mapping: bool, len_of_self: bool = False
    ) -> None:
        self.function = function
        self.values = Values(function, scope)
        self._size = size
        self._mapping = mapping
        self._len_of_self = len_of_self
        self._place = function.place
        body = scope.body(function)
        self.nodes, self.assigned, self._parameters = body.nodes, body.assigned, body.parameters
        self._inherits = self._place.how == "self" or self._place.name == "data"  # UserDict and UserList keep it there
        self._shadowed = self._is_shadowed()
        # A module that only imported the owner reaches the container as ``owner.name``; its own ``name`` is another.
        home = self._place.how == "global" and function.globals is peek.namespace(self._place.owner)
        self._sees_name = home or self._place.how == "local"
        self._aliases: set[str] = set()
        self._sizes: set[str] = set()
        for _ in range(3):  # an alias of an alias of an alias
            self._follow()
        self.adding = [node for node in self.nodes if self.adds(node)]
        self.removing = [node for node in self.nodes if self.removes(node)]
        self.called = self.calls(self.nodes)

    def calls(self, nodes: Iterable[ast.AST]) -> set[str]:
        """Names of the module's functions and the owner's methods and properties that are used here.

        ``self.trim`` and ``trim`` count, ``self.log.trim`` does not; a subscript of ``self`` is its special method.
        """
        found: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and self._is_related(node.value):
                found.add(node.attr)
            elif isinstance(node, ast.Subscript) and self._is_related(node.value):
                found.add({ast.Store: "__setitem__", ast.Del: "__delitem__"}.get(type(node.ctx), "__getitem__"))
        return found

    def means(self, expr: ast.AST) -> bool:
        """Whether ``expr`` is the container."""
        if isinstance(expr, ast.Name) and expr.id in self._aliases:
            return True
        return self._is_entry(expr) if self._place.element else self._is_named(expr)

    def adds(self, node: ast.AST) -> bool:
        """Whether ``node`` itself may give the container one more entry."""
        if isinstance(node, ast.Call):
            return self._calls_one_of(node, ADDERS)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript):
            return self._mapping and self.means(node.target.value)  # ``counts[key] += 1`` of a Counter or defaultdict
        if isinstance(node, ast.AugAssign):
            return self.means(node.target) and isinstance(node.op, (ast.Add, ast.BitOr))
        return any(self._adds_to(target, value) for target, value in _targets(node))

    def _adds_to(self, target: ast.expr, value: ast.expr) -> bool:
        if isinstance(target, ast.Subscript) and self.means(target.value):
            if isinstance(target.slice, ast.Slice):
                return not self._replaces(target.slice, value)
            return self._mapping and not self._is_own_entry(value)
        joins = (n for n in ast.walk(value) if isinstance(n, (ast.BinOp, ast.Starred)))
        return self._is_base(target) and any(map(self._joins, joins))

    def removes(self, node: ast.AST) -> bool:
        """Whether ``node`` itself may take entries away; a container that is replaced has lost those it had."""
        if isinstance(node, ast.Call):
            return self._calls_one_of(node, REMOVERS)
        if isinstance(node, ast.AugAssign):
            return self.means(node.target) and isinstance(node.op, (ast.Sub, ast.BitAnd))
        if isinstance(node, ast.Delete):
            return any(isinstance(t, ast.Subscript) and self.means(t.value) for t in node.targets)
        for target, value in _targets(node):
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice) and self.means(target.value):
                return self._replaces(target.slice, value)
            if self._is_base(target):
                return not self.adds(node)
        return False

    def is_size(self, expr: ast.expr) -> bool:
        """Whether ``expr`` is the number of entries, or that number plus or minus something."""
        if isinstance(expr, ast.Name) and expr.id in self._sizes:
            return True
        if isinstance(expr, ast.BinOp) and isinstance(expr.op, (ast.Add, ast.Sub)):
            return self.is_size(expr.left) or self.is_size(expr.right)
        if isinstance(expr, ast.Call):
            if isinstance(expr.func, ast.Name) and expr.func.id == "len" and len(expr.args) == 1:
                return self._has_this_size(expr.args[0])
            if isinstance(expr.func, ast.Attribute) and expr.func.attr in ("qsize", "_qsize", "__len__"):
                return self._has_this_size(expr.func.value)
            return False
        return self._is_counter(expr)

    def _has_this_size(self, expr: ast.expr) -> bool:
        """It is the container, its owner that counts by it, or a companion of the same size."""
        if self.means(expr) or (self._len_of_self and self._is_self(expr)):
            return True
        companion = self.values.value(expr)
        return self._size >= FEWEST and peek.length(companion) == self._size

    def _is_counter(self, expr: ast.expr) -> bool:
        """An attribute or global that is kept beside the container and is equal to its size."""
        if not isinstance(expr, (ast.Attribute, ast.Name)) or self._size < FEWEST:
            return False
        return self.values.number(expr) == self._size

    def _follow(self) -> None:
        for target, value in self.assigned:
            if isinstance(target, ast.Name):
                if self.means(value):
                    self._aliases.add(target.id)
                elif not isinstance(value, (ast.Name, ast.Attribute, ast.Constant)) and self.is_size(value):
                    self._sizes.add(target.id)
        if self._place.element:
            for loop in self.nodes:
                if isinstance(loop, (ast.For, ast.AsyncFor)) and self._walks_entries(loop.iter):
                    last = loop.target.elts[-1] if isinstance(loop.target, ast.Tuple) else loop.target
                    if isinstance(last, ast.Name):
                        self._aliases.add(last.id)

    def _walks_entries(self, expr: ast.expr) -> bool:
        call = expr.func if isinstance(expr, ast.Call) else None
        return isinstance(call, ast.Attribute) and call.attr in ("values", "items") and self._is_named(call.value)

    def _is_entry(self, expr: ast.AST) -> bool:
        if isinstance(expr, ast.Subscript):
            return self._is_named(expr.value)
        call = expr.func if isinstance(expr, ast.Call) else None
        return isinstance(call, ast.Attribute) and call.attr in _LOOKUPS and self._is_named(call.value)

    def _is_base(self, expr: ast.AST) -> bool:
        """The name itself, not an alias: assigning to an alias changes nothing."""
        return not self._place.element and self._place.how != "self" and self._is_named(expr)

    def _is_named(self, expr: ast.AST) -> bool:
        """Whether ``expr`` names what the place names (for an element: the container around it)."""
        place = self._place
        if place.how == "self":
            return self._is_self(expr)
        if isinstance(expr, ast.Name):
            return expr.id == place.name and not self._shadowed and self._sees_name
        if not isinstance(expr, ast.Attribute):
            return False
        if place.how == "global":
            return expr.attr == place.name and self.values.value(expr.value) is place.owner
        if place.how != "attribute" or mangled(expr.attr, self.function.class_name) != place.name:
            return False
        return not self._is_of_another(expr.value)

    def _is_of_another(self, expr: ast.expr) -> bool:
        """Whether this is the ``self`` of another class, or another class: its attribute of that name is its own."""
        if self.function.foreign and self.function.class_name and self._is_first(expr):
            return True
        return peek.is_a(self.values.value(expr), type) and not self._is_related(expr)

    def _is_self(self, expr: ast.AST) -> bool:
        return bool(self.function.class_name) and not self.function.foreign and self._is_first(expr)

    def _is_related(self, expr: ast.expr) -> bool:
        """The owner by any name, its class, ``super()``, or a module."""
        if isinstance(expr, ast.Call):
            return isinstance(expr.func, ast.Name) and expr.func.id == "super"
        if self._is_self(expr):
            return True
        found = self.values.value(expr) if isinstance(expr, (ast.Name, ast.Attribute)) else peek.MISSING
        owner = self._place.owner
        cls = owner if peek.is_a(owner, type) else type(owner)
        return found is owner or peek.is_a(found, types.ModuleType) or any(found is base for base in peek.bases(cls))

    def _is_first(self, expr: ast.AST) -> bool:
        return isinstance(expr, ast.Name) and self._parameters[:1] == [expr.id]

    def _is_shadowed(self) -> bool:
        """A global that a function also has as a parameter or assigns without ``global`` is another variable."""
        name = self._place.name
        if self._place.how != "global":
            return False
        declared = any(isinstance(n, ast.Global) and name in n.names for n in self.nodes)
        assigned = any(isinstance(target, ast.Name) and target.id == name for target, _ in self.assigned)
        return name in self._parameters or (assigned and not declared)

    def _calls_one_of(self, call: ast.Call, names: frozenset[str]) -> bool:
        """``c.append(x)``, ``heappush(c, x)``, ``dict.__setitem__(c, k, v)``, ``super().popitem()``."""
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
        if called not in names:
            return False
        if any(self.means(argument) for argument in call.args[:1]):
            return True
        if not isinstance(call.func, ast.Attribute):
            return False
        owner: Any = call.func.value
        above = isinstance(owner, ast.Call) and getattr(owner.func, "id", None) == "super"
        return self.means(owner) or (above and self._inherits and not self.function.foreign)

    def _replaces(self, spot: ast.Slice, value: ast.expr) -> bool:
        """``c[:] = ...`` and ``c[:n] = []`` shorten; ``c[len(c):] = more`` does not."""
        empty = isinstance(value, (ast.List, ast.Tuple)) and not value.elts
        return empty or (spot.lower is None and spot.upper is None)

    def _joins(self, node: ast.AST) -> bool:
        parts = [node.left, node.right] if isinstance(node, ast.BinOp) else [getattr(node, "value", node)]
        return any(self.means(part) for part in parts)

    def _is_own_entry(self, value: ast.expr) -> bool:
        """``c[k] = c.pop(k)``: moved to the end, not added. A ``pop`` with a default may have found nothing."""
        if isinstance(value, ast.Name):
            sources = [given for target, given in self.assigned if _is_name(target, value.id)]
            return any(not isinstance(given, ast.Name) and self._is_own_entry(given) for given in sources)
        call = value.func if isinstance(value, ast.Call) and len(value.args) == 1 else None
        return isinstance(call, ast.Attribute) and call.attr == "pop" and self.means(call.value)


def _targets(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(node, ast.Assign):
        return [(target, node.value) for target in node.targets]
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return [(node.target, node.value)]
    return []


def _is_name(expr: ast.expr, name: str) -> bool:
    return isinstance(expr, ast.Name) and expr.id == name
