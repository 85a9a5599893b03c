"""Names of resources: of what runs in a thread, a task or a timer, and of paths without their temporary parts."""

from __future__ import annotations

import functools
import os
import tempfile
import types
from typing import Any

from pytest_memguard.peek import namespace
from pytest_memguard.resources.plain import member, text

_DEPTH = 5


def callable_name(target: Any) -> str:
    """``module.qualname`` of what is called, through ``functools.partial`` and bound methods; never a ``repr``."""
    for _ in range(_DEPTH):
        kind = type(target)
        if issubclass(kind, functools.partial):
            target = functools.partial.__dict__["func"].__get__(target)
        elif kind is types.MethodType:
            owner, function = target.__self__, target.__func__
            name = text(getattr(function, "__name__", None)) if type(function) is types.FunctionType else "?"
            cls = owner if issubclass(type(owner), type) else type(owner)
            return f"{class_name(cls)}.{name}"
        else:
            break
    kind = type(target)
    if kind in (types.FunctionType, types.BuiltinFunctionType):
        return _dotted(target.__module__, target.__qualname__)
    if issubclass(kind, type):
        return class_name(target)
    return class_name(kind)


def module_of(target: Any) -> str:
    """The module that a callable is from; empty where it says nothing usable."""
    name = callable_name(target)
    return name.rpartition(".")[0]


def class_name(cls: type) -> str:
    """``module.qualname`` of a class."""
    get_module, get_name = type.__dict__["__module__"].__get__, type.__dict__["__qualname__"].__get__
    try:
        module = get_module(cls)
    except AttributeError:
        module = ""
    return _dotted(module, get_name(cls))


def code_name(code: types.CodeType, names: Any) -> str:
    """``module.qualname`` of running code; before 3.11 code does not know its class."""
    module = names.get("__name__") if type(names) is dict else None
    return _dotted(module, getattr(code, "co_qualname", code.co_name))


def coroutine_name(coroutine: Any) -> str:
    """``module.qualname`` of a coroutine, a generator or what else a task may run."""
    frame = member(coroutine, "cr_frame") or member(coroutine, "gi_frame")
    name = text(member(coroutine, "__qualname__"), class_name(type(coroutine)))
    return _dotted(frame.f_globals.get("__name__") if type(frame) is types.FrameType else None, name)


def temp_folder() -> str:
    """Where temporary files go by default; asking ``tempfile`` itself would write a file there the first time."""
    folder = tempfile.tempdir
    return os.path.abspath(folder) if isinstance(folder, str) else "/tmp"  # noqa: S108 - its own default


def stable_path(path: str) -> str:
    """A path without what is made up anew in each run: the names of temporary files and folders keep their suffix."""
    folder = os.path.join(temp_folder(), "")
    if not path.startswith(folder):
        return path
    first, slash, rest = path[len(folder) :].partition("/")
    return f"<temp>/#{os.path.splitext(first)[1] if not slash else ''}{slash}{rest}"


def holds(obj: Any, name: str, value: Any) -> bool:
    """Whether an instance has exactly that number or object under that name."""
    found = namespace(obj).get(name)
    return found is value or (type(found) is int and type(value) is int and found == value)


def _dotted(module: Any, name: Any) -> str:
    before = text(module, "")
    return f"{before}.{text(name)}" if before not in ("", "builtins") else text(name)
