"""Who holds objects that are known by name already, and which line made them: for what is no memory."""

from __future__ import annotations

import _thread
import gc
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pytest_memguard.diagnosis import anatomy, gcstate
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.diagnosis.retainers import Finder, Found
from pytest_memguard.diagnosis.sites import site_of_stack
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.survivors import Born
from pytest_memguard.diagnosis.traces import Stack, stack_of
from pytest_memguard.model import AllocationSite

_LOCKS = (_thread.LockType, _thread.RLock)
_DEPTH = 3


class Holding:
    """Explains objects one by one. ``budget_s``: seconds of ``clock`` that the search for one holder may take."""

    def __init__(self, paths: Paths, *, budget_s: float, clock: Callable[[], float]) -> None:
        self._paths = paths
        self._owners = Owners(paths)
        self._sources = Sources()
        self._budget_s = budget_s
        self._clock = clock

    def path_to(self, heads: Sequence[Held], born: Iterable[int]) -> Found:
        """The shortest path from a root to any of these; ``born``: addresses of what the repetitions have made.

        The heap must not be frozen.
        """
        until = self._clock() + self._budget_s
        finder = Finder(self._owners, self._sources, lambda: self._clock() > until)
        with gcstate.restored():
            return finder.find((heads,), Born(array("Q", born)))

    def site_of(self, stacks: Iterable[Stack]) -> AllocationSite | None:
        """The user's line of the first stack (innermost frame first) that has one; else a library's."""
        best: AllocationSite | None = None
        for stack in stacks:
            site = site_of_stack(stack, self._paths, self._sources)
            if site is not None and any(self._paths.is_user_file(filename) for filename, _ in stack):
                return site
            best = best or site
        return best

    def outside_constructors(self, stack: Stack) -> Stack:
        """A stack without the frames of constructors."""
        return tuple(place for place in stack if not self._sources.function(*place).endswith("__init__"))


def addresses() -> array[int]:
    """Of all objects that were born since the last ``gc.freeze()``."""
    return array("Q", map(id, gc.get_objects()))


def stacks_of_locks(obj: object) -> list[Stack]:
    """Where the locks were made that an object has: mostly in its constructor."""
    return [stack for lock in _locks_of(obj, _DEPTH) if (stack := stack_of(lock)) is not None]


def _locks_of(obj: object, depth: int) -> Iterator[Any]:
    values = list((anatomy.instance_dict(obj) or {}).values())
    yield from (value for value in values if issubclass(type(value), _LOCKS))
    if depth:
        for value in values:
            if anatomy.module_of(type(value)) in ("threading", "queue", "_queue"):
                yield from _locks_of(value, depth - 1)
