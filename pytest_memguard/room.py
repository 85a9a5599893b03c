"""Whether there is memory for another repetition: what those before have retained, and the pressure on the process."""

from __future__ import annotations

from collections.abc import Callable

from pytest_memguard.model import Verdict
from pytest_memguard.subjects import ENDANGERING, TOO_LITTLE_MEMORY, UNDER_PRESSURE, Pressure

__all__ = ["Room"]


class Room:
    """``most_growth``: bytes that repetitions may retain in all. Once they have, nothing is repeated again."""

    def __init__(
        self, read_rss: Callable[[], int | None] | None, *, most_growth: int, pressure: Pressure | None
    ) -> None:
        self._read_rss = read_rss or _unknown
        self._most_rss = (self._read_rss() or 0) + most_growth
        self._pressure = pressure
        self._ate_memory = False
        self._is_lost = False  # it has been looked for, and is not given back

    def refusal(self) -> str | None:
        """Why there is none now, if so."""
        if self._pressure is not None and self._pressure.refusal is not None:
            return self._pressure.refusal
        self._ate_memory = self._ate_memory or self._is_above()
        return ENDANGERING if self._ate_memory else None

    @property
    def is_spent(self) -> bool:
        """Whether there is none now, as far as is known."""
        return self._ate_memory or (self._pressure is not None and self._pressure.refusal is not None)

    @property
    def ended_by(self) -> Verdict | None:
        """The verdict of the tests that can not be repeated any more; ``None`` as long as others can."""
        if self._pressure is not None and self._pressure.refusal is not None:
            return UNDER_PRESSURE
        return TOO_LITTLE_MEMORY if self._ate_memory else None

    def make(self, thaw: Callable[[], object]) -> bool:
        """Nothing is measured now: give memory back where it is short; whether anything may have changed."""
        changed = self._pressure is not None and self._pressure.relieve(thaw)
        if not self._ate_memory or self._is_lost:
            return changed
        from pytest_memguard.cleanup.strategies.heap import malloc_trim  # noqa: PLC0415 - rarely needed

        thaw()
        trim = malloc_trim()  # what was used for a moment only is still the process's
        if trim is not None:
            trim(0)
        self._ate_memory = self._is_lost = self._is_above()
        return True

    def _is_above(self) -> bool:
        return (self._read_rss() or 0) > self._most_rss


def _unknown() -> None:
    return None
