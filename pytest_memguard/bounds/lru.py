"""Which ``functools.lru_cache`` wrappers filled while something was repeated.

A bounded cache that is keyed by something fresh (a port, a temporary name) grows by one entry a run, exactly like a
leak, for as many runs as it has room: real ones have 4,096 entries, so waiting does not settle it. Looking does.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from pytest_memguard import peek
from pytest_memguard.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LruGrowth:
    """One wrapper that has more entries than before: ``grown`` entries in ``reps`` repetitions."""

    name: str
    currsize: int
    maxsize: int | None
    grown: int
    reps: int

    @property
    def bounded(self) -> bool:
        """It fills and then stops; an unbounded one (``maxsize=None``) that grows is an honest leak candidate."""
        return self.maxsize is not None

    @property
    def steady(self) -> bool:
        """It took at least one entry in each repetition, as far as a sum can tell."""
        return self.grown >= self.reps

    @property
    def reps_left(self) -> int | None:
        """Repetitions until it is full at this rate, rounded up; None where nothing bounds it."""
        if self.maxsize is None:
            return None
        return -(-(self.maxsize - self.currsize) * self.reps // self.grown)


class LruCensus:
    """Sizes of all living lru_cache wrappers, before and after a group of repetitions.

    Wrappers are held weakly: one that a test drops dies when it always did, and its id cannot be taken for another's.
    One scan costs one ``gc.get_objects()`` and a pass over it (3-4 ms at 100,000 objects); ``after`` costs 0.3 us a
    wrapper. Objects that are frozen (``gc.freeze``) are invisible to the scan: call ``before`` unfrozen.
    """

    def __init__(self, objects: Callable[[], Iterable[object]] = gc.get_objects) -> None:
        self._objects = objects
        self._known: list[tuple[weakref.ref[Any], int]] = []

    def before(self) -> int:
        """Remember every wrapper and its size; returns how many there are."""
        self._known = [(weakref.ref(w), peek.lru_info(w)[0]) for w in self._objects() if type(w) is peek.LRU]
        return len(self._known)

    def after(self, reps: int) -> list[LruGrowth]:
        """The wrappers that have grown since :meth:`before`, the fastest first. ``reps``: repetitions since then."""
        grown = [
            LruGrowth(name=name_of(wrapper), currsize=now, maxsize=maxsize, grown=more, reps=reps)
            for wrapper, now, maxsize, more in self._grown()
        ]
        return sorted(grown, key=lambda g: (-g.grown, g.name))

    def clear_bounded(self) -> int:
        """Empty the bounded wrappers that grew since :meth:`before` (or since the last call); how many those were.

        The proof of who holds a growth: clear, settle, sample; one more round; clear, settle, sample. If the two
        samples are equal, these wrappers held all of it.

        It is an intrusion on the suite's state, so it is only for pass 2, when no outcome of the suite can change any
        more, and only for wrappers that took fresh keys during repetition: a store of singletons (``@lru_cache`` on
        ``get_settings()``) is hit, not filled, by the second run of a test, hence never emptied here. What is emptied
        may have to be computed again at any time by the contract of a cache with a bound: eviction does the same.
        Finalizers of the entries run.
        """
        cleared = {id(wrapper) for wrapper, _now, maxsize, _more in self._grown() if maxsize is not None}
        for index, (ref, _before) in enumerate(self._known):
            wrapper = ref()
            if wrapper is not None and id(wrapper) in cleared:
                peek.LRU.__dict__["cache_clear"](wrapper)
                # Or it would seem not to grow until it is as large as it was, and keep all that it takes until then.
                self._known[index] = (ref, 0)
        return len(cleared)

    def _grown(self) -> list[tuple[Any, int, int | None, int]]:
        found = []
        for ref, before in self._known:
            wrapper = ref()
            if wrapper is not None:
                now, maxsize = peek.lru_info(wrapper)
                if now > before:
                    found.append((wrapper, now, maxsize, now - before))
        return found


def name_of(wrapper: Any) -> str:
    """``module.qualname`` of what is cached, as ``functools.update_wrapper`` left it on the wrapper."""
    names = peek.namespace(wrapper)
    parts = [part for part in (names.get("__module__"), names.get("__qualname__")) if type(part) is str]
    return ".".join(parts) or "functools.lru_cache"
