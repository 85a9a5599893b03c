"""Name the references of a path as a reader of the source knows them: ``.attr``, ``[*]``, a closure's variable.

CPython puts dictionaries, cells, frames and cache internals between what the source shows; those are skipped over.
"""

from __future__ import annotations

import functools
import threading
import types
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pytest_memguard.diagnosis import anatomy
from pytest_memguard.diagnosis.frames import local_name

ELEMENT = "[*]"
_UNKNOWN = ".<internal>"
_LONGEST_KEY = 40
_SEQUENCES = (list, tuple, set, frozenset, deque)
_WRAPPED_MAPPINGS = frozenset(
    {
        "weakref.WeakKeyDictionary",
        "weakref.WeakValueDictionary",
        "weakref.WeakSet",
        "collections.UserDict",
        "collections.UserList",
    }
)
# Classes of C code whose attributes can be read without any effect.
_C_ATTRIBUTES = {
    "_asyncio.Future": ("_loop", "_result", "_exception"),
    "_asyncio.Task": ("_coro", "_loop", "_result", "_exception"),
    "_contextvars.Token": ("old_value", "var"),
    "Token": ("old_value", "var"),
}

#: The text of a reference and how many links of the chain it covers.
Edge = tuple[str, int]


def edge(chain: Sequence[Any], index: int) -> Edge:
    """The reference from ``chain[index]`` towards its end; covers at least one link."""
    owner = chain[index]
    cls = type(owner)
    handler = _HANDLERS.get(id(cls))
    if handler is not None:
        return handler(chain, index)
    if issubclass(cls, type):
        return _class_edge(chain, index)
    if issubclass(cls, types.ModuleType):
        return _module_edge(chain, index)
    return _instance_edge(chain, index)


def key_text(items: Iterable[tuple[object, object]], value: object) -> str | None:
    """The key under which ``value`` stands, as an index: ``['name']``; ``[*]`` for a key that cannot be shown."""
    try:
        for key, held in items:
            if held is value:
                return _shown_key(key)
            if key is value:
                return ELEMENT
    except RuntimeError:  # another thread writes to it
        return ELEMENT
    return None


def name_of(namespace: Mapping[Any, Any], value: object) -> str | None:
    """The name under which ``value`` stands among attributes or globals, the most telling one if there are several."""
    try:
        names = [name for name, held in namespace.items() if held is value and type(name) is str]
    except RuntimeError:
        return None
    return min(names, key=lambda name: (name.startswith("@"), name), default=None)


def _shown_key(key: object) -> str:
    if type(key) is str and len(key) <= _LONGEST_KEY and key.isprintable():
        return f"[{key!r}]"
    return f"[{key}]" if type(key) is int else ELEMENT


def _attribute(namespace: Mapping[Any, Any], value: object) -> str:
    name = name_of(namespace, value)
    return _UNKNOWN if name is None else f".{name}"


def _then(chain: Sequence[Any], index: int, namespace: Mapping[Any, Any], *, extra: int = 0) -> Edge:
    """An attribute whose dictionary is the link after ``index``."""
    after = index + 2 + extra
    if after >= len(chain):
        return ".__dict__", 1
    return _attribute(namespace, chain[after]), 2 + extra


def _class_edge(chain: Sequence[Any], index: int) -> Edge:
    target = chain[index + 1]
    namespace = anatomy.class_namespace(chain[index])
    if type(target) is dict:
        return _then(chain, index, namespace)
    name = name_of(namespace, target)
    return (f".{name}" if name is not None else _UNKNOWN), 1


def _module_edge(chain: Sequence[Any], index: int) -> Edge:
    namespace = anatomy.module_namespace(chain[index])
    if namespace is chain[index + 1]:
        return _then(chain, index, namespace)
    return _UNKNOWN, 1


def _instance_edge(chain: Sequence[Any], index: int) -> Edge:
    """An attribute, whether it stands in a dictionary, inline or in a slot; else what the C base of the class has."""
    owner, target = chain[index], chain[index + 1]
    namespace = anatomy.instance_dict(owner)
    if namespace is not None:
        if namespace is target:
            text, covered = _then(chain, index, namespace)
            return _past_wrapper(chain, index, text, covered)
        name = name_of(namespace, target)
        if name is not None:
            return _past_wrapper(chain, index, f".{name}", 1)
    for name, value in anatomy.slots(owner):
        if value is target:
            return f".{name}", 1
    if issubclass(type(owner), threading.local) and type(target) is dict and index + 2 < len(chain):
        # In between is a dictionary of the attributes of each thread.
        return _then(chain, index, chain[index + 2], extra=1)
    return _container_edge(owner, target)


def _past_wrapper(chain: Sequence[Any], index: int, text: str, covered: int) -> Edge:
    """A weak or user mapping is its ``data`` for every reader."""
    after = index + covered
    if (
        text in (".data", "._data")
        and after + 1 < len(chain)
        and any(anatomy.type_name(cls) in _WRAPPED_MAPPINGS for cls in anatomy.mro(type(chain[index])))
    ):
        inner, more = edge(chain, after)
        return inner, covered + more
    return text, covered


def _container_edge(owner: Any, target: object) -> Edge:
    cls = type(owner)
    if issubclass(cls, dict):
        return key_text(dict.items(owner), target) or _UNKNOWN, 1
    if issubclass(cls, _SEQUENCES):
        return ELEMENT, 1
    if issubclass(cls, BaseException):
        return _exception_edge(owner, target), 1
    for name in _C_ATTRIBUTES.get(anatomy.type_name(cls), ()):
        if getattr(owner, name, None) is target:
            return f".{name}", 1
    return _UNKNOWN, 1


def _dict_edge(chain: Sequence[Any], index: int) -> Edge:
    return key_text(dict.items(chain[index]), chain[index + 1]) or ELEMENT, 1


def _element_edge(_chain: Sequence[Any], _index: int) -> Edge:
    return ELEMENT, 1


def _function_edge(chain: Sequence[Any], index: int) -> Edge:
    function: types.FunctionType = chain[index]
    target = chain[index + 1]
    if target is function.__closure__:
        return _closure_edge(chain, index, function)
    if target is function.__defaults__ or target is function.__kwdefaults__:
        return _default_edge(chain, index, function)
    namespace = anatomy.instance_dict(function)
    if namespace is target:
        return _then(chain, index, namespace)
    if target is function.__globals__:
        text, covered = _then(chain, index, function.__globals__)
        return f".__globals__{text}", covered
    return _UNKNOWN, 1


def _closure_edge(chain: Sequence[Any], index: int, function: types.FunctionType) -> Edge:
    """From the function over its tuple of cells and one of these to a value."""
    cell = chain[index + 2] if index + 2 < len(chain) else None
    for name, each in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        if each is cell:
            return f".<locals>.{name}", 3 if index + 3 < len(chain) else 2
    return ".__closure__", 1


def _default_edge(chain: Sequence[Any], index: int, function: types.FunctionType) -> Edge:
    if index + 2 >= len(chain):
        return ".__defaults__", 1
    value = chain[index + 2]
    if chain[index + 1] is function.__kwdefaults__:
        return f"(default of {name_of(function.__kwdefaults__, value) or '?'})", 2
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount][-len(defaults) :]
    for name, default in zip(names, defaults, strict=False):
        if default is value:
            return f"(default of {name})", 2
    return ".__defaults__", 1


def _one_of(*names: str) -> Callable[[Sequence[Any], int], Edge]:
    """For C types whose attributes are safe to read."""

    def handler(chain: Sequence[Any], index: int) -> Edge:
        for name in names:
            if getattr(chain[index], name, None) is chain[index + 1]:
                return f".{name}", 1
        return _instance_edge(chain, index)

    return handler


def _cell_edge(_chain: Sequence[Any], _index: int) -> Edge:
    return ".cell_contents", 1


def _lru_edge(chain: Sequence[Any], index: int) -> Edge:
    """Past the dictionary of the cache, and the tuple of arguments that is the key."""
    after = index + 1
    if chain[after] is anatomy.instance_dict(chain[index]):
        return _then(chain, index, chain[after])
    for part in (dict, tuple):
        if type(chain[after]) is part and after + 1 < len(chain):
            after += 1
    return ELEMENT, after - index


def _code_edge(chain: Sequence[Any], index: int) -> Edge:
    """A local variable of a generator or coroutine, with or without its frame in between."""
    after = index + 1
    if type(chain[after]) is types.FrameType and after + 1 < len(chain):
        after += 1
    holder = chain[index]
    frame = next((f for name in ("gi_frame", "cr_frame", "ag_frame") if (f := getattr(holder, name, None))), None)
    name = None if frame is None else local_name(frame, chain[after])
    return (f".<locals>.{name}" if name is not None else _UNKNOWN), after - index


def _proxy_edge(chain: Sequence[Any], index: int) -> Edge:
    """A read-only view is the mapping that it shows."""
    if index + 2 >= len(chain):
        return _UNKNOWN, 1
    text, covered = edge(chain, index + 1)
    return text, covered + 1


def _frame_edge(chain: Sequence[Any], index: int) -> Edge:
    frame: types.FrameType = chain[index]
    target = chain[index + 1]
    if target is frame.f_back:
        return ".f_back", 1
    name = local_name(frame, target)
    return (f".{frame.f_code.co_name}.<locals>.{name}" if name is not None else _UNKNOWN), 1


def _traceback_edge(chain: Sequence[Any], index: int) -> Edge:
    """Down the entries of a traceback, and into the frame: the reader sees one local variable of one function."""
    after = index
    while after + 1 < len(chain) and type(chain[after]) is types.TracebackType:
        after += 1
    if type(chain[after]) is types.FrameType and after + 1 < len(chain):
        text, covered = _frame_edge(chain, after)
        return text, after + covered - index
    return ".tb_frame", after - index


def _exception_edge(owner: Any, target: object) -> str:
    for name in ("__traceback__", "__cause__", "__context__", "args"):
        if BaseException.__dict__[name].__get__(owner) is target:
            return f".{name}"
    return _UNKNOWN


_HANDLERS: dict[int, Callable[[Sequence[Any], int], Edge]] = {
    id(dict): _dict_edge,
    id(types.FunctionType): _function_edge,
    id(types.MethodType): _one_of("__self__", "__func__"),
    id(functools.partial): _one_of("func", "args", "keywords"),
    id(anatomy.LRU_WRAPPER): _lru_edge,
    id(types.CellType): _cell_edge,
    id(types.FrameType): _frame_edge,
    id(types.TracebackType): _traceback_edge,
    id(types.MappingProxyType): _proxy_edge,
    id(property): _one_of("fget", "fset", "fdel"),
    id(staticmethod): _one_of("__func__"),
    id(classmethod): _one_of("__func__"),
    **{id(cls): _element_edge for cls in _SEQUENCES},
    **{id(cls): _code_edge for cls in (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)},
}
