"""The ``memguard`` fixture: memory as the body of a test can ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pytest_memguard.components import Component, Scope
from pytest_memguard.units import UnitError, format_bytes, parse_size


class PeakExceededError(AssertionError):
    """The peak inside ``memguard.limit(..)`` was higher than allowed."""


class Level(NamedTuple):
    """Resident bytes now, and the highest since the reading before; ``None`` where they cannot be read."""

    rss: int | None
    peak: int | None


class MemguardFixture:
    """What a test gets as ``memguard``. ``lap`` takes a reading, or is None while memguard is off."""

    def __init__(self, *, lap: Callable[[], Level] | None, components: Scope | None = None) -> None:
        self._lap = lap
        self._components = components or Scope(None, origin="memguard.component")

    @contextmanager
    def limit(self, size: str | int) -> Iterator[None]:
        """Fail the test if the peak inside exceeds the memory at its start by more than *size*.

        Raises ``PeakExceededError`` (an ``AssertionError``) at the end of the block, and ``UnitError`` (a
        ``ValueError``) at once where *size* cannot be read. Off, or where no exact peak can be read, it passes.
        """
        try:
            allowed = parse_size(size)
        except UnitError as exc:
            raise UnitError(f"memguard.limit({size!r}): {exc} is wanted", remedy=exc.remedy) from None
        if self._lap is None:
            yield
            return
        before = self._lap()
        yield
        after = self._lap()
        if before.rss is None or after.peak is None:
            return
        grown = after.peak - before.rss
        if grown > allowed:
            raise PeakExceededError(
                f"peak {format_bytes(grown, signed=True)} inside memguard.limit, {format_bytes(allowed)} allowed"
            )

    def component(self, name: str, **described: Any) -> Component:
        """The component of that name; with more than a name, a new one that lasts until the test has ended.

        What describes it is as for the hook ``pytest_memguard_components``: ``track``, ``limits``, ``measure``,
        ``cleanup``, ``shutdown``, ``restart``, ``essential``. Its ``usage()`` has entries and bytes now, ``trim()``
        brings it down to its limits. Off, it can be used in the same way, and nothing is reported.

        Raises ``MemguardError`` on an unknown name, on one that is taken, and on a value that makes no sense.
        """
        return self._components.component(name, **described)
