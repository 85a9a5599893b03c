"""Which descriptors and threads one more call leaves behind: by path, by family and peer, by name and target."""

from __future__ import annotations

import gc
from collections.abc import Callable

from pytest_memguard.resources.descriptors import Descriptors
from pytest_memguard.resources.resource import Key, Source
from pytest_memguard.resources.threads import Threads

__all__ = ["opened"]

_MOST = 5


def opened(call: Callable[[], object]) -> tuple[str, ...]:
    """The names of what *call* leaves open or running, a few at most; what it raises is passed on."""
    sources: tuple[Source, ...] = (Descriptors(), Threads())
    before = [frozenset(source.keys()) for source in sources]
    gc.freeze()  # what is born from here on are few objects to look for the new ones' among
    call()
    born = gc.get_objects()
    names: list[str] = []
    for source, known in zip(sources, before, strict=True):
        new: list[Key] = sorted(frozenset(source.keys()) - known, key=str)
        found = (source.describe(key, born) for key in new)
        names += [f"{resource.kind} {resource.name}" for resource in found if resource is not None]
    return tuple(dict.fromkeys(names))[:_MOST]
