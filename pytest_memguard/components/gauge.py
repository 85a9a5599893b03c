"""What a component holds at one moment: entries of every container, bytes of all of them, and what has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pytest_memguard.components.action import Action
from pytest_memguard.components.deadline import TookTooLongError
from pytest_memguard.components.entries import count, is_bounded
from pytest_memguard.components.failure import told
from pytest_memguard.components.reference import NotLoadedError
from pytest_memguard.components.scale import Asked, Scale, Weight
from pytest_memguard.components.source import Source

__all__ = ["Gauge", "Reading"]

_T = TypeVar("_T")


class Reading(NamedTuple):
    """One look at a component. ``waiting``: its error is no more than that modules are not loaded."""

    entries: int | None = None
    bytes: int | None = None
    grown_entries: int | None = None
    grown_bytes: int | None = None
    over: tuple[str, ...] = ()
    error: str | None = None
    waiting: bool = False


class Gauge:
    """Reads one component, again and again. What hangs is not asked a second time."""

    __slots__ = ("_counts", "_errors", "_given_up", "_limits", "_missing", "_scale", "_sources", "_weighs")

    def __init__(
        self, sources: Sequence[Source], limits: Mapping[str, int], measure: Action | None, clock: Callable[[], float]
    ) -> None:
        self._sources = sources
        self._limits = limits
        self._scale: Asked | Scale = Scale(clock) if measure is None else Asked(measure, clock)
        self._weighs = bool(sources) or measure is not None
        self._counts: dict[str, int] = {}
        self._given_up: dict[str, str] = {}
        self._errors: list[str] = []  # of the present reading
        self._missing = 0

    def forget(self) -> None:
        """The next reading is the first."""
        self._counts = {}
        self._scale.forget()

    def read(self, *, anyway: bool = False) -> Reading:
        """Look now; *anyway*: at the bytes, too, whatever that costs."""
        self._errors, self._missing = [], 0
        looks = [(source, self._attempt(source.name, self._look, source)) for source in self._sources]
        found = [(source, *look) for source, look in looks if look is not None]
        counts = {source.name: entries for source, _, entries in found if entries is not None}
        over = tuple(name for name, entries in counts.items() if entries > self._limits.get(name, entries))
        weight = self._weigh([(container, entries) for _, container, entries in found], anyway)
        grown = [now - self._counts[name] for name, now in counts.items() if name in self._counts]
        self._counts = counts
        return Reading(
            entries=sum(counts.values()) if counts else weight.entries,
            bytes=weight.bytes,
            grown_entries=sum(grown) if grown else None,
            grown_bytes=weight.grown,
            over=over,
            error="; ".join(self._errors) or None,
            waiting=len(self._errors) == self._missing,
        )

    def is_bounded(self) -> bool:
        """Whether none of the containers can grow without end; those with a limit are taken to be kept to it."""
        looks = [(source.name, self._attempt(source.name, source.container)) for source in self._sources]
        return bool(looks) and all(name in self._limits or is_bounded(container) for name, container in looks)

    @staticmethod
    def _look(source: Source) -> tuple[Any, int | None]:
        container = source.container()
        return container, count(container)

    def _weigh(self, contents: list[tuple[Any, int | None]], anyway: bool) -> Weight:
        if not self._weighs or (self._sources and not contents):
            return _UNKNOWN
        found = self._attempt("measure", self._scale.weigh, contents, anyway)
        return _UNKNOWN if found is None else found

    def _attempt(self, name: str, look: Callable[..., _T], *args: Any) -> _T | None:
        if name in self._given_up:
            self._errors.append(self._given_up[name])
            return None
        try:
            return look(*args)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - containers and measures are somebody else's code
            self._errors.append(f"{name}: {told(error)}")
            self._missing += isinstance(error, NotLoadedError)
            if isinstance(error, TookTooLongError):
                self._given_up[name] = f"{self._errors[-1]}, and is not asked again"
            return None


_UNKNOWN = Weight(None, None)
