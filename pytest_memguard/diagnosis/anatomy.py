"""Read foreign objects without running a line of their code.

The classes of a test suite may define ``__eq__``, ``__len__``, ``__class__`` or ``__getattribute__`` that raise, count
their calls or lie, and metaclasses may do so for the class itself. Everything here goes through the real type and the
slots that CPython made; nothing is compared, hashed, printed or asked for an attribute in the ordinary way.
"""

from __future__ import annotations

import functools
import gc
import io
import sys
import types
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

LRU_WRAPPER: type = type(functools.lru_cache(maxsize=1)(lambda: None))
_MAPPING_PROXY = type.__dict__["__dict__"].__get__
_MRO = type.__dict__["__mro__"].__get__
_POINTER = 8
_CLASS_MODULE = type.__dict__["__module__"].__get__
_QUALNAME = type.__dict__["__qualname__"].__get__
_MODULE_DICT = vars(types.ModuleType)["__dict__"].__get__
_FUNCTION_MODULE = types.FunctionType.__dict__["__module__"].__get__
_FUNCTION_QUALNAME = types.FunctionType.__dict__["__qualname__"].__get__


def exact_str(value: object) -> str | None:
    """The text of a string, as a plain ``str`` even where it is of a subclass; None for anything else."""
    return str.__str__(value) if issubclass(type(value), str) else None


def module_of(cls: type) -> str:
    """The name of the module that a class says it is from; empty where it says nothing usable."""
    try:
        return exact_str(_CLASS_MODULE(cls)) or ""
    except AttributeError:  # a class whose namespace lost its __module__
        return ""


def qualname_of(cls: type) -> str:
    """The qualified name of a class."""
    return exact_str(_QUALNAME(cls)) or "?"


def type_name(cls: type) -> str:
    """``module.qualname``, or the plain name of a builtin."""
    module = module_of(cls)
    return qualname_of(cls) if module in ("builtins", "") else f"{module}.{qualname_of(cls)}"


def mro(cls: type) -> tuple[type, ...]:
    """The method resolution order, past a metaclass that redefines ``mro`` or ``__mro__``."""
    bases: tuple[type, ...] = _MRO(cls) or ()
    return bases


def class_namespace(cls: type) -> Mapping[str, Any]:
    """The attributes that a class itself defines, read-only."""
    namespace: Mapping[str, Any] = _MAPPING_PROXY(cls)
    return namespace


def module_namespace(module: object) -> dict[str, Any] | None:
    """The globals of a module; None for what only stands in its place in ``sys.modules``."""
    if not is_module(module):
        return None
    namespace = _MODULE_DICT(module)
    return namespace if type(namespace) is dict else None


def is_module(obj: object) -> bool:
    """Whether ``obj`` is a module, of whatever subclass."""
    return issubclass(type(obj), types.ModuleType)


def referents(obj: object) -> list[Any]:
    """``gc.get_referents``, but of a module only its globals, not the C state behind it.

    The state of ``_asyncio`` holds freed objects (its free list); to be asked for them frees them once more, and the
    next collection never ends (python/cpython#122695, fixed in 3.12.6).
    """
    if is_module(obj):
        namespace = module_namespace(obj)
        return [] if namespace is None else [namespace]
    return gc.get_referents(obj)


def instance_dict(obj: object) -> dict[str, Any] | None:
    """The attributes of an instance; None where it has no dictionary. CPython 3.11+ may have to make it first."""
    for cls in mro(type(obj)):
        slot = class_namespace(cls).get("__dict__")
        if type(slot) is types.GetSetDescriptorType or (cls is types.SimpleNamespace and slot is not None):
            try:
                found = slot.__get__(obj)
            except (AttributeError, TypeError):
                return None
            return found if type(found) is dict else None
    return None


def slots(obj: object) -> Iterator[tuple[str, object]]:
    """Names and values of the members that C code or ``__slots__`` lays out in an instance."""
    for cls in mro(type(obj)):
        for name, member in list(class_namespace(cls).items()):
            if type(member) is types.MemberDescriptorType and type(name) is str:
                try:
                    yield name, member.__get__(obj)
                except (AttributeError, TypeError):
                    continue


def function_module(function: types.FunctionType) -> str:
    """The module that a function says it is from; empty where it says nothing usable."""
    return exact_str(_FUNCTION_MODULE(function)) or ""


def function_name(function: types.FunctionType) -> str:
    """``module.qualname`` of a function."""
    module, name = function_module(function), exact_str(_FUNCTION_QUALNAME(function)) or "?"
    return f"{module}.{name}" if module else name


def _lru_length(wrapper: Any) -> int:
    size: int = LRU_WRAPPER.__dict__["cache_info"](wrapper).currsize
    return size


def _bytes_io_length(stream: io.BytesIO) -> int:
    return 0 if io.BytesIO.__dict__["closed"].__get__(stream) else io.BytesIO.getbuffer(stream).nbytes


def _string_io_length(stream: io.StringIO) -> int:
    return 0 if io.StringIO.__dict__["closed"].__get__(stream) else io.StringIO.tell(stream)


Length = Callable[[Any], int]
_LENGTHS: tuple[tuple[type, Length], ...] = (
    (dict, dict.__len__),
    (list, list.__len__),
    (set, set.__len__),
    (deque, deque.__len__),
    (bytearray, bytearray.__len__),
    (array, array.__len__),
    (LRU_WRAPPER, _lru_length),
    (io.BytesIO, _bytes_io_length),
    (io.StringIO, _string_io_length),
)


def length_reader(cls: type) -> Length | None:
    """How to read the length of a mutable container of that class; None where it is no such container."""
    for base, reader in _LENGTHS:
        if issubclass(cls, base):
            return reader
    return None


def length(obj: object) -> int | None:
    """The length of a mutable container, by its builtin base; None where it is no such container."""
    reader = length_reader(type(obj))
    return None if reader is None else reader(obj)


def attributes_size(obj: object) -> int:
    """Bytes of an instance's attributes without their values. Estimated where reading them would make a dictionary."""
    if not any("__dict__" in class_namespace(cls) for cls in mro(type(obj))[:-1]):
        return 0
    if not _keeps_values_inline():
        namespace = instance_dict(obj)
        return 0 if namespace is None else dict.__sizeof__(namespace)
    values = [value for value in gc.get_referents(obj) if value is not type(obj)]
    if len(values) == 1 and type(values[0]) is dict:
        return dict.__sizeof__(values[0])
    return _POINTER * len(values)


def _keeps_values_inline() -> bool:
    return sys.version_info >= (3, 11)


def shallow_size(obj: object) -> int:
    """Bytes of the object itself as ``sys.getsizeof`` has them, or CPython's own figure where a class has its own."""
    for cls in mro(type(obj)):
        method = class_namespace(cls).get("__sizeof__")
        if method is not None:
            own = type(method) is types.MethodDescriptorType
            return sys.getsizeof(obj) if own else object.__sizeof__(obj)
    return object.__sizeof__(obj)
