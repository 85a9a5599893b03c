"""The file object that has a descriptor: the outermost of the layers that the io module puts around it."""

from __future__ import annotations

import gc
import io
import os
import select
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pytest_memguard.peek import namespace

_CHUNK = 10_000
_fileno, _fstat = io.FileIO.fileno, os.fstat
_LAYERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (io.BufferedReader, io.BufferedReader.__dict__["raw"].__get__),
    (io.BufferedWriter, io.BufferedWriter.__dict__["raw"].__get__),
    (io.BufferedRandom, io.BufferedRandom.__dict__["raw"].__get__),
    (io.TextIOWrapper, io.TextIOWrapper.__dict__["buffer"].__get__),
)


def file_of(number: int, born: Iterable[Any]) -> Any:
    """The file object among ``born`` that has this descriptor, or None. Runs no method of a subclass."""
    objects = list(born)
    raw = next((obj for obj in objects if issubclass(type(obj), io.FileIO) and _number(obj) == number), None)
    if raw is None:
        return _without_layers(number, objects)
    around = {id(inner): outer for outer, inner in _layers(objects)}
    outermost = raw
    while id(outermost) in around:
        outermost = around.pop(id(outermost))
    return outermost


def untracked_files(objects: list[Any]) -> list[Any]:
    """The epoll objects and memory maps that these hold: the collector knows neither.

    Modules are not asked: their globals are objects like any other, and what C state they show may be freed already
    (python/cpython#122695: a collection, or the next such question, then never ends).
    """
    found: dict[int, Any] = {}
    polls, maps = _untracked_types()
    holders = [obj for obj in objects if not issubclass(type(obj), types.ModuleType)]
    for start in range(0, len(holders), _CHUNK):
        for obj in gc.get_referents(*holders[start : start + _CHUNK]):
            kind = type(obj)  # nothing new for each of millions: while allocations are traced that takes 10 us
            if kind is polls or kind is maps:
                found[id(obj)] = obj
    return list(found.values())


def _untracked_types() -> tuple[Any, Any]:
    """Of epoll objects and of memory maps; None, which is no type, where there are none of them."""
    return getattr(select, "epoll", None), getattr(sys.modules.get("mmap"), "mmap", None)


def _without_layers(number: int, objects: Iterable[Any]) -> Any:
    """An epoll object, or the latest memory map of a file of that size: it does not tell its descriptor."""
    wanted = _untracked_types()
    try:
        size = _fstat(number).st_size
    except OSError:
        return None
    for obj in reversed([obj for obj in objects if type(obj) in wanted]):
        try:
            if (obj.size() == size) if hasattr(obj, "size") else (obj.fileno() == number):
                return obj
        except (ValueError, OSError):  # closed
            continue
    return None


def _number(raw: Any) -> int | None:
    try:
        return _fileno(raw)
    except ValueError:  # closed
        return None


def _layers(objects: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Each object that wraps a file, and the one that it wraps."""
    for obj in objects:
        kind = type(obj)
        inner: Any = None
        layer = next((read for base, read in _LAYERS if issubclass(kind, base)), None)
        if layer is not None:
            try:
                inner = layer(obj)
            except (ValueError, AttributeError):  # detached, or made by __new__ alone
                inner = None
        elif kind.__module__ == "tempfile" and kind.__name__ == "_TemporaryFileWrapper":
            inner = namespace(obj).get("file")
        if inner is not None:
            yield obj, inner
