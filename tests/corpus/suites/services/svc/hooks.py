"""Hooks of the interpreter that take a callback and never give it back."""

from __future__ import annotations

import atexit
import codecs
import copyreg
import functools
import gc
import os
import sys
import weakref
from importlib.abc import MetaPathFinder
from typing import Any


class Resource:
    def __init__(self, name: str) -> None:
        self.name = name
        self.open = True

    def close(self) -> None:
        self.open = False


def at_exit(resource: Resource) -> None:
    atexit.register(resource.close)  # leak: atexit


def at_exit_once(resource: Resource) -> None:
    atexit.register(resource.close)
    atexit.unregister(resource.close)


def after_fork(resource: Resource) -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=resource.close)  # leak: at-fork


def finalized(resource: Resource) -> weakref.finalize[Any, Any]:
    return weakref.finalize(resource, Resource.close, resource)  # leak: finalize-holds-its-object


def finalized_by_name(resource: Resource) -> weakref.finalize[Any, Any]:
    return weakref.finalize(resource, str, resource.name)


def codec(name: str) -> None:
    def search(wanted: str) -> None:
        return None if wanted != name else None

    codecs.register(search)  # leak: codec-search


class Finder(MetaPathFinder):
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        return None


def import_hook(prefix: str) -> None:
    sys.meta_path.append(Finder(prefix))  # leak: meta-path


def on_collection(resource: Resource) -> None:
    def callback(phase: str, info: dict[str, int]) -> None:
        resource.open = phase == "start"

    gc.callbacks.append(callback)  # leak: gc-callback


def pickled_by(cls: type, factory: Any) -> None:
    copyreg.pickle(cls, factory)  # leak: copyreg-table


@functools.singledispatch
def render(value: Any) -> str:
    return str(value)


def renderer_for(cls: type) -> None:
    render.register(cls, lambda value: f"<{type(value).__name__}>")  # leak: singledispatch
