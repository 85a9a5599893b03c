"""Read the state of other people's objects without running a line of their code.

A property, a ``__len__``, an ``__eq__`` or a ``__getattr__`` of a test's own class may count its calls, raise or
allocate; whoever looks at a retainer path must be invisible to it. So: the real type (never ``__class__``), the C slots
of the builtin base, and only those descriptors that CPython itself made.
"""

from __future__ import annotations

import functools
import types
from array import array
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

_mro = type.__dict__["__mro__"].__get__
_class_dict = type.__dict__["__dict__"].__get__
_qualname = type.__dict__["__qualname__"].__get__
_module = type.__dict__["__module__"].__get__
_is_subclass = type.__subclasscheck__  # by the slots of both, past what a metaclass has to say
_module_dict = vars(types.ModuleType)["__dict__"].__get__
LRU: type = type(functools.lru_cache(len))  # public by no name
_SIZED: tuple[type, ...] = (deque, dict, list, set, tuple, frozenset, bytearray, array)
_LENGTHS: Mapping[int, Callable[[Any], int]] = {id(base): base.__dict__["__len__"] for base in _SIZED}
_NOTHING: Mapping[str, Any] = types.MappingProxyType({})
MISSING: Any = object()


def bases(cls: type) -> tuple[type, ...]:
    """The method resolution order of ``cls``, from the slot (a metaclass may shadow ``__mro__``)."""
    mro: tuple[type, ...] = _mro(cls) or ()  # none once the collector has taken it apart
    return mro


def qualname_of(cls: type) -> str:
    """``cls.__qualname__`` from the slot."""
    name: str = _qualname(cls)
    return name


def module_of(cls: type) -> str:
    """``cls.__module__`` where that is a string, else an empty one (a class may define it as a property)."""
    try:
        name = _module(cls)
    except AttributeError:  # the collector has taken it apart
        return ""
    return name if type(name) is str else ""


def is_a(obj: object, cls: type) -> bool:
    """Whether the real type of ``obj`` derives from ``cls``; ``isinstance`` would ask a ``__class__`` property."""
    return _is_subclass(cls, type(obj))


def is_lru(obj: object) -> bool:
    """Whether ``obj`` is what the C ``functools.lru_cache`` returns."""
    return type(obj) is LRU


def lru_info(wrapper: Any) -> tuple[int, int | None]:
    """``(currsize, maxsize)`` of an lru_cache wrapper, by the C method (an instance attribute may shadow it)."""
    info = LRU.__dict__["cache_info"](wrapper)
    return info.currsize, info.maxsize


def length(obj: Any) -> int | None:
    """Number of entries of a container (or of an lru_cache), by the builtin base's own slot; None: not a container."""
    # By the id: the hash of a class is its metaclass's business.
    exact = _LENGTHS.get(id(type(obj)))
    if exact is not None:
        return exact(obj)
    if is_lru(obj):
        return lru_info(obj)[0]
    for base in _SIZED:
        if is_a(obj, base):
            return _LENGTHS[id(base)](obj)
    return None


def namespace(obj: Any) -> Mapping[str, Any]:
    """The attribute dict of a module, class or instance; empty where there is none that CPython itself keeps."""
    found: Mapping[str, Any]
    if is_a(obj, types.ModuleType):
        found = _module_dict(obj)
        return found
    if is_a(obj, type):
        found = _class_dict(obj)
        return found
    for base in bases(type(obj)):
        slot = _class_dict(base).get("__dict__")
        if type(slot) is types.GetSetDescriptorType:
            found = slot.__get__(obj)
            return found if type(found) is dict else _NOTHING
    return _NOTHING


def class_attribute(cls: type, name: str) -> Any:
    """The raw entry ``name`` in ``cls`` or a base (a descriptor stays one); ``MISSING`` where nobody has it."""
    for base in bases(cls):
        found = _class_dict(base).get(name, MISSING)
        if found is not MISSING:
            return found
    return MISSING


def attribute(obj: Any, name: str) -> Any:
    """What ``obj.name`` is without asking a property, ``__getattr__`` or user descriptor; ``MISSING`` otherwise."""
    if is_a(obj, types.ModuleType):
        return namespace(obj).get(name, MISSING)
    if is_a(obj, type):
        return class_attribute(obj, name)
    found = class_attribute(type(obj), name)
    if type(found) is types.MemberDescriptorType:
        try:
            return found.__get__(obj)
        except AttributeError:
            return MISSING
    if type(found) is property:
        return MISSING
    return namespace(obj).get(name, found)


def names_of(owner: Any, value: object) -> list[str]:
    """The names under which ``owner`` (module, class or instance) itself holds ``value``, slots included."""
    names = [name for name, held in _snapshot(namespace(owner)) if held is value]
    if not is_a(owner, type) and not is_a(owner, types.ModuleType):
        for base in bases(type(owner)):
            for name, slot in _snapshot(_class_dict(base)):
                if type(slot) is types.MemberDescriptorType and attribute(owner, name) is value:
                    names.append(name)
    return names


def _snapshot(names: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Entries of a namespace with a string for a name; taken at once, other threads may be writing to it."""
    while True:
        try:
            return [(name, value) for name, value in list(names.items()) if type(name) is str]
        except RuntimeError:  # a mapping proxy that changed size while it was copied
            continue
