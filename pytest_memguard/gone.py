"""Objects that were to be gone by now: which of them are still there, and who keeps them."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytest_memguard.diagnosis.anatomy import type_name
from pytest_memguard.diagnosis.held import Held
from pytest_memguard.diagnosis.owners import Owners
from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.diagnosis.retainers import Finder
from pytest_memguard.diagnosis.source import Sources
from pytest_memguard.diagnosis.survivors import Born
from pytest_memguard.grace import GRACE_STEPS_S
from pytest_memguard.model import Retainer
from pytest_memguard.values import dataclass

__all__ = ["Remaining", "Watched", "remaining", "still_there"]

_SEARCH_S = 2.0
_collect = gc.collect  # a test may replace it
_MOST_SEARCHED = 5


class Watched:
    """One object, known by a weak reference only. ``type``: the full name of its class."""

    __slots__ = ("_ref", "type")

    def __init__(self, obj: Any) -> None:
        self.type = type_name(type(obj))
        try:
            self._ref = weakref.ref(obj)
        except TypeError:
            raise TypeError(
                f"memguard.watch cannot watch an object of type {self.type}: nothing can refer to it weakly. "
                "Watch the object that owns it, or an instance of a subclass"
            ) from None

    @property
    def is_there(self) -> bool:
        """Whether it is still alive."""
        return self._ref() is not None

    def held(self) -> Held | None:
        """The object, in the only form that a search for its referrers does not find."""
        obj = self._ref()
        return None if obj is None else Held(obj)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """One object that is still there, the path that keeps it as far as that was found, and why it was not."""

    type: str
    retainer: Retainer | None = None
    notes: tuple[str, ...] = ()


def still_there(
    watched: Sequence[Watched],
    *,
    sleep: Callable[[float], None] = time.sleep,
    threads: Callable[[], int] = threading.active_count,
) -> list[Watched]:
    """Those that are not gone after a full collection, and after half a second where other threads may let go."""
    alive = [each for each in watched if each.is_there]
    if not alive:
        return []
    # Asked before the collection: what a thread gives back when it ends may be garbage that is collected only then.
    waits = (0.0, *GRACE_STEPS_S) if threads() > 1 else (0.0,)
    for pause in waits:
        if pause:
            sleep(pause)
        _collect()
        alive = [each for each in alive if each.is_there]
        if not alive:
            break
    return alive


def remaining(
    alive: Sequence[Watched], *, rootdir: str, clock: Callable[[], float] = time.perf_counter
) -> list[Remaining]:
    """What keeps them, searched for at most two seconds; left out is what only the test machinery keeps."""
    owners, sources = Owners(Paths(rootdir)), Sources()
    until = clock() + _SEARCH_S
    return [found for each in alive[:_MOST_SEARCHED] for found in _remaining(each, owners, sources, clock, until)]


def _remaining(
    watched: Watched, owners: Owners, sources: Sources, clock: Callable[[], float], until: float
) -> Iterator[Remaining]:
    held = watched.held()
    if held is None:
        return
    try:
        found = Finder(owners, sources, lambda: clock() > until).find([[held]], Born.none())
    except Exception as error:  # noqa: BLE001 - the objects looked at are anybody's
        yield Remaining(type=watched.type, notes=(f"not searched: {type(error).__name__}: {error}",))
        return
    if found.path is not None:
        yield Remaining(type=watched.type, retainer=found.path.retainer, notes=found.notes)
    elif found.machinery is None:
        yield Remaining(type=watched.type, notes=found.notes)
