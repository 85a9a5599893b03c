"""What a search for a retainer may end at, and what it must not go through.

Roots are what lives as long as the process: module globals, importable classes, contexts, state of C modules, values
of pytest fixtures. Whatever belongs to the test machinery or to memguard is neither a root nor a way to one.
"""

from __future__ import annotations

import contextvars
import sys
import types
from dataclasses import field
from typing import Any, Literal

from pytest_memguard.diagnosis import anatomy
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.owners import Owners, is_own_file
from pytest_memguard.values import dataclass

RootKind = Literal["module", "class", "fixture", "context", "state", "thread", "atexit", "outside"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Root:
    """The end of a path. ``module``: the one that retains, or empty; ``holder``: what refers to the path."""

    kind: RootKind
    name: str
    module: str
    holder: Any = field(default=None, repr=False)


class Barred:
    """What must not be gone through.

    ``module`` is the piece of test machinery that it belongs to, empty for memguard itself; ``looking``: it is what
    the present diagnosis refers with.
    """

    __slots__ = ("looking", "module")

    def __init__(self, module: str = "", *, looking: bool = False) -> None:
        self.module = module
        self.looking = looking


_OURS = Barred()
#: Held and its kind: what the diagnosis itself refers with.
_LOOKING = Barred(looking=True)
_CODES: tuple[tuple[type, str], ...] = (
    (types.FrameType, "f_code"),
    (types.GeneratorType, "gi_code"),
    (types.CoroutineType, "cr_code"),
    (types.AsyncGeneratorType, "ag_code"),
)
_CODE_OF = {id(cls): cls.__dict__[name].__get__ for cls, name in _CODES}


class Roots:
    """Answers for one search: modules are looked at once, when it begins."""

    __slots__ = ("_modules", "_types", "owners")

    def __init__(self, owners: Owners) -> None:
        self.owners = owners
        self._modules: dict[int, str] = {}
        self._types: dict[int, Barred | None] = {}
        for name, module in list(sys.modules.items()):
            namespace = anatomy.module_namespace(module)
            if namespace is not None and type(name) is str:
                own = anatomy.exact_str(namespace.get("__name__"))
                known = self._modules.get(id(namespace))
                if known is None or name == own:
                    self._modules[id(namespace)] = name

    def judge(self, obj: Any, child: Any) -> Root | Barred | None:
        """Whether ``obj``, which refers to ``child``, is a root, barred, or (None) one more step of the way."""
        module = self._modules.get(id(obj))
        if module is not None:
            return self._bar_machinery(module) or Root(kind="module", name=module, module=module, holder=obj)
        cls = type(obj)
        if issubclass(cls, types.ModuleType):
            return self._judge_module(obj, child)
        return self._judge_class(obj) if issubclass(cls, type) else self._judge_object(obj, cls)

    def _judge_object(self, obj: Any, cls: type) -> Root | Barred | None:
        if cls is contextvars.Context:
            return Root(kind="context", name="context", module="", holder=obj)
        if cls is types.FunctionType:
            return self._bar_machinery(anatomy.function_module(obj))
        code = _CODE_OF.get(id(cls))
        if code is not None:
            return self._judge_code(code(obj))
        return self._judge_instance(obj, cls)

    def module_of_namespace(self, obj: Any) -> str | None:
        """The module whose globals these are."""
        return self._modules.get(id(obj))

    def _judge_class(self, cls: type) -> Root | Barred | None:
        module = anatomy.module_of(cls)
        barred = self._bar_machinery(module)
        if barred is not None:
            return barred
        if is_importable(cls):
            return Root(kind="class", name=f"{module}.{anatomy.qualname_of(cls)}", module=module, holder=cls)
        return None

    def _judge_module(self, module: Any, child: Any) -> Root | Barred | None:
        namespace = anatomy.module_namespace(module)
        if namespace is None or child is namespace:
            return None
        name = anatomy.exact_str(namespace.get("__name__")) or "?"
        barred = self._bar_machinery(name)
        return barred or Root(kind="state", name=f"{name} (internal state)", module=name, holder=module)

    def _judge_instance(self, obj: Any, cls: type) -> Root | Barred | None:
        barred = self._types.get(id(cls))
        if barred is None and id(cls) not in self._types:
            barred = self._types[id(cls)] = self._judge_type(cls)
        if barred is not None and anatomy.qualname_of(cls) == "FixtureDef":
            return _fixture(obj) or barred
        return barred

    def _judge_type(self, cls: type) -> Barred | None:
        if issubclass(cls, Held):
            return _LOOKING
        return self._bar_machinery(anatomy.module_of(cls))

    def _judge_code(self, code: types.CodeType) -> Barred | None:
        if is_own_file(code.co_filename):
            return _OURS
        return Barred("pytest") if self.owners.runs_tests(code.co_filename) else None

    def _bar_machinery(self, module: str) -> Barred | None:
        if self.owners.is_ours(module):
            return _OURS
        return Barred(module) if self.owners.is_machinery(module) else None


def is_importable(cls: type) -> bool:
    """Whether a class can be had from its module under its own name, so that it lives as long as that module."""
    found: Any = anatomy.module_namespace(sys.modules.get(anatomy.module_of(cls)))
    for part in anatomy.qualname_of(cls).split("."):
        if found is None:
            return False
        found = found.get(part)
        if found is cls:
            return True
        found = anatomy.class_namespace(found) if issubclass(type(found), type) else None
    return False


def _fixture(definition: Any) -> Root | None:
    """The value of a fixture of class, module, package or session scope outlives a test by design."""
    attributes = anatomy.instance_dict(definition)
    if attributes is None:
        return None
    name = anatomy.exact_str(attributes.get("argname"))
    function = attributes.get("func")
    if name is None or type(function) is not types.FunctionType:
        return None
    module = anatomy.function_module(function)
    return Root(kind="fixture", name=f"fixture {name!r}", module=module, holder=definition)
