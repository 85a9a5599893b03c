"""The figures of one test, put together run by run while a history is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_memguard.history.values import Track

__all__ = ["Gathered"]


class Gathered:
    """One test while the runs are read, the oldest first; of *runs* runs, many of which may not have it."""

    __slots__ = ("_last", "_outcome", "_peaks", "_retained", "_verdict")

    def __init__(self, runs: int) -> None:
        self._peaks: list[int | None] = [None] * runs
        self._retained: list[int | None] = [None] * runs
        self._outcome = self._verdict = self._last = 0

    def add(self, place: int, outcome: int, verdict: int, sizes: Sequence[object]) -> None:
        """The next run that has the test: the numbers of two words, peak and retained bytes."""
        self._last, self._outcome, self._verdict = place, outcome, verdict
        peak, retained = sizes
        # What is in a file need not be what was written into it.
        self._peaks[place] = peak if isinstance(peak, int) else None
        self._retained[place] = retained if isinstance(retained, int) else None

    def made(self, nodeid: str, words: Mapping[int, object]) -> Track:
        """All that was gathered; *words* by their number."""
        return Track(
            nodeid=nodeid,
            peak_bytes=self._peaks,
            retained_bytes=self._retained,
            outcome=str(words.get(self._outcome, "")),
            verdict=str(words.get(self._verdict, "")),
            last=self._last,
        )
