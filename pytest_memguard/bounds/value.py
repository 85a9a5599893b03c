"""What an expression in somebody's function means right now, without running it.

The bound of a container is seldom written as a number: it is a global, an attribute of the owner, a property that
returns one, a default of a parameter. All of these are looked up in the living objects.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator
from typing import Any

from pytest_memguard import peek
from pytest_memguard.bounds.source import Function, Node

_DEEPEST = 6  # aliases of aliases of aliases: beyond that nobody writes a bound
_MOST_BITS = 64  # ``1 << 14`` and ``10**6`` are bounds; what is beyond a machine word is not worth computing
_ARITHMETIC: dict[type[ast.operator], Any] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b if b else math.nan,
    ast.Div: lambda a, b: a / b if b else math.nan,
    ast.LShift: lambda a, b: a << b if type(a) is type(b) is int and 0 <= b < _MOST_BITS else math.nan,
    ast.Pow: lambda a, b: a**b if abs(a) < _MOST_BITS and 0 <= b < _MOST_BITS else math.nan,
}


class Body:
    """The inside of one function, walked once.

    ``nodes``: in source order, without those of functions and classes in it; ``assigned``: ``(target, value)`` of each
    plain assignment (``a, b = c, d`` is two); ``parameters``: their names, ``self`` first.
    """

    def __init__(self, node: Node) -> None:
        self.nodes = list(_inside(node.body))
        self.assigned = [pair for statement in self.nodes for pair in _assigned(statement)]
        spec = node.args
        every = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *filter(None, (spec.vararg, spec.kwarg))]
        self.parameters = [parameter.arg for parameter in every]


class Scope:
    """The functions that are read together, each walked once, and the properties that are defined among them."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self._bodies: dict[int, Body] = {}
        self._methods: dict[str, list[Function]] = {}
        for function in functions:
            if function.class_name and not function.foreign:
                self._methods.setdefault(function.name, []).append(function)

    def body(self, function: Function) -> Body:
        """The inside of ``function``."""
        found = self._bodies.get(id(function.node))
        if found is None:
            found = self._bodies[id(function.node)] = Body(function.node)
        return found

    def methods(self, name: str) -> list[Function]:
        """The owner's methods and properties of this name, those of the most derived class first."""
        return self._methods.get(name, [])


def _inside(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _inside(ast.iter_child_nodes(node))


def _assigned(statement: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _pairs(target, statement.value)
    elif isinstance(statement, (ast.AnnAssign, ast.NamedExpr)) and statement.value is not None:
        yield statement.target, statement.value


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for left, right in zip(target.elts, value.elts, strict=True):
            yield from _pairs(left, right)
    else:
        yield target, value


class Values:
    """Looks up the expressions of one function of a ``scope``."""

    def __init__(self, function: Function, scope: Scope) -> None:
        self._function = function
        self._scope = scope
        body = scope.body(function)
        self._parameters = body.parameters
        self._local: dict[str, list[ast.expr]] = {}
        for target, value in body.assigned:
            if isinstance(target, ast.Name):
                self._local.setdefault(target.id, []).append(value)

    def number(self, expr: ast.expr, depth: int = 0) -> float | None:
        """The number that ``expr`` is now; None where it is none, is infinite, or cannot be known."""
        if depth > _DEEPEST:
            return None
        if isinstance(expr, ast.BinOp):
            left, right = self.number(expr.left, depth + 1), self.number(expr.right, depth + 1)
            operate = _ARITHMETIC.get(type(expr.op))
            result = operate(left, right) if operate and left is not None and right is not None else None
            return result if result is not None and math.isfinite(result) else None
        if isinstance(expr, ast.UnaryOp) and isinstance(expr.op, ast.USub):
            inner = self.number(expr.operand, depth + 1)
            return None if inner is None else -inner
        if isinstance(expr, ast.BoolOp) and isinstance(expr.op, ast.Or):
            return next((n for n in (self.number(part, depth + 1) for part in expr.values) if n), None)
        if isinstance(expr, ast.Call) and isinstance(expr.func, ast.Name) and expr.func.id == "int" and expr.args:
            return self.number(expr.args[0], depth + 1)
        found = self.value(expr, depth)
        return found if type(found) in (int, float) and math.isfinite(found) else None

    def value(self, expr: ast.expr, depth: int = 0) -> Any:
        """The object that ``expr`` is now; ``peek.MISSING`` where it cannot be known without running code."""
        if depth > _DEEPEST:
            return peek.MISSING
        if isinstance(expr, ast.Constant):
            return expr.value
        if isinstance(expr, ast.Name):
            return self._named(expr.id, depth)
        if isinstance(expr, ast.Attribute):
            return self._attribute(expr, depth)
        return peek.MISSING

    def _named(self, name: str, depth: int) -> Any:
        place = self._function.place
        if self._parameters[:1] == [name] and self._function.class_name and not self._function.foreign:
            return place.owner
        assigned = self._local.get(name, [])
        if len(assigned) == 1:
            return self.constant(assigned[0], depth + 1)
        if name in self._parameters:
            return self._default(name, depth)
        if assigned:
            return peek.MISSING
        if place.how == "local":
            cells = zip(place.owner.__code__.co_freevars, place.owner.__closure__ or (), strict=True)
            for free, cell in cells:
                if free == name:
                    return _contents(cell)
        return self._function.globals.get(name, peek.MISSING)

    def constant(self, expr: ast.expr, depth: int = 0) -> Any:
        """The number that ``expr`` is, or else the object."""
        number = self.number(expr, depth)
        return self.value(expr, depth) if number is None else number

    def _default(self, name: str, depth: int) -> Any:
        spec = self._function.node.args
        positional = [*spec.posonlyargs, *spec.args]
        given = dict(zip((p.arg for p in reversed(positional)), reversed(spec.defaults), strict=False))
        given.update({p.arg: d for p, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None})
        return self.constant(given[name], depth + 1) if name in given else peek.MISSING

    def _attribute(self, expr: ast.Attribute, depth: int) -> Any:
        owner = self.value(expr.value, depth + 1)
        if owner is peek.MISSING:
            # ``state.max_size`` of an object that only the running function knows: as good as any is the owner's own.
            owner = self._function.place.owner
        name = mangled(expr.attr, self._function.class_name)
        found = peek.attribute(owner, name)
        if found is peek.MISSING and owner is self._function.place.owner:
            return self._property(name, depth)
        return found

    def _property(self, name: str, depth: int) -> Any:
        """What a property of the owner returns, if its whole body is one ``return``."""
        for function in self._scope.methods(name):
            returned = [n.value for n in self._scope.body(function).nodes if isinstance(n, ast.Return)]
            if len(returned) == 1 and returned[0] is not None:
                return Values(function, self._scope).constant(returned[0], depth + 1)
        return peek.MISSING


def mangled(name: str, class_name: str | None) -> str:
    """The name under which ``__name`` of a class is stored (language reference, 6.2.1)."""
    if class_name and name.startswith("__") and not name.endswith("__"):
        return f"_{class_name.lstrip('_')}{name}"
    return name


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return peek.MISSING
