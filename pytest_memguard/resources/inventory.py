"""Everything besides memory that the process holds now, by kind and identity."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from pytest_memguard.model import Kind
from pytest_memguard.resources.descriptors import Descriptors
from pytest_memguard.resources.garbage import Garbage
from pytest_memguard.resources.loops import Loops
from pytest_memguard.resources.processes import Processes
from pytest_memguard.resources.resource import KINDS, Key, Resource, Source
from pytest_memguard.resources.tasks import Tasks
from pytest_memguard.resources.tempfiles import TempFiles
from pytest_memguard.resources.threads import Threads
from pytest_memguard.resources.timers import Handles

#: The keys of what there is. Numbers and texts only: it keeps nothing alive.
Census = frozenset[Key]


class Inventory:
    """Takes a census, and says what a key of one stands for."""

    def __init__(self, sources: Mapping[Kind, Source], loops: Loops, processes: Processes) -> None:
        self._loops = loops
        self._sources = sources
        self._processes = processes

    def take(self, kinds: Collection[Kind] = KINDS) -> Census:
        """What there is now of these kinds; 50 to 200 us, and more where there are very many of them."""
        sources = list(dict.fromkeys(self._sources[kind] for kind in kinds))
        if "timer" in kinds and self._sources["thread"] not in sources:
            sources.append(self._sources["thread"])
        keys = (key for source in sources for key in source.keys())  # noqa: SIM118 - no mapping
        return frozenset(key for key in keys if key.kind in kinds)

    def look_for_loops(self) -> None:
        """Find the event loops among all objects that the collector sees."""
        self._loops.look(gc.get_objects())

    def reap(self) -> None:
        """Have children waited for that the standard library would wait for sooner or later."""
        self._processes.reap()

    def end_processes(self, keys: Iterable[Key]) -> None:
        """Ask these children to end."""
        self._processes.end(key.identity for key in keys)

    def keys_of(self, kind: Kind) -> Iterable[Key]:
        """Those of one kind, and of those that are listed with it."""
        return self._sources[kind].keys()

    def describe(self, keys: Iterable[Key], born: Sequence[Any]) -> dict[Key, Resource]:
        """What these stand for, without what is gone, or is nobody's leak; ``born``: objects to find theirs among."""
        found = {key: self._source(key).describe(key, born) for key in sorted(keys, key=_order)}
        return {key: resource for key, resource in found.items() if resource is not None}

    def _source(self, key: Key) -> Source:
        """A timer is a thread of its own, or the handle of an event loop."""
        is_thread = key.kind == "timer" and not isinstance(key.identity, tuple)
        return self._sources["thread" if is_thread else key.kind]


def open_inventory(children: Callable[[], Iterable[int]], loops: Loops) -> Inventory:
    """All that can be listed here; ``children`` gives the numbers of the child processes."""
    descriptors, processes = Descriptors(), Processes(children)
    sources: dict[Kind, Source] = {
        "fd": descriptors,
        "socket": descriptors,
        "thread": Threads(),
        "task": Tasks(loops),
        "process": processes,
        "timer": Handles(loops),
        "tempfile": TempFiles(),
        "garbage": Garbage(),
    }
    return Inventory(sources, loops, processes)


def _order(key: Key) -> tuple[str, str]:
    return key.kind, str(key.identity)
