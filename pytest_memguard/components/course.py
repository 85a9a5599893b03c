"""What a component held over the tests of a run, as points enough to draw it, however many tests there are."""

from __future__ import annotations

from array import array

from pytest_memguard.events import ComponentPoint

__all__ = ["Course"]

_MOST = 120
_WORDS = 3  # tests so far, entries, bytes
_UNKNOWN = -1


class Course:
    """Keeps what the tests changed; where that is more than can be seen, of each two changes the first."""

    __slots__ = ("_last", "_tests", "_values")

    def __init__(self) -> None:
        self._tests = 0
        self._last = (_UNKNOWN, _UNKNOWN)
        self._values = array("q")

    def add(self, entries: int | None, size: int | None, *, tests: int = 1) -> None:
        """What it holds now, so many tests later."""
        held = (_UNKNOWN if entries is None else entries, _UNKNOWN if size is None else size)
        self._tests += tests
        if held == self._last:
            return
        self._last = held
        if len(self._values) >= 2 * _MOST * _WORDS:
            kept = array("q")
            for start in range(0, len(self._values), 2 * _WORDS):
                kept.extend(self._values[start : start + _WORDS])
            self._values = kept
        self._values.extend((self._tests, *held))

    def points(self) -> tuple[ComponentPoint, ...]:
        """In order, the last one for what it held after the last test; none where nothing was ever read."""
        if not self._values:
            return ()
        values = [tuple(self._values[start : start + _WORDS]) for start in range(0, len(self._values), _WORDS)]
        if values[-1] != (self._tests, *self._last):
            values.append((self._tests, *self._last))
        return tuple(
            ComponentPoint(
                tests=tests,
                entries=None if entries == _UNKNOWN else entries,
                bytes=None if size == _UNKNOWN else size,
            )
            for tests, entries, size in values
        )
