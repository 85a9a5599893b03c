"""Which line makes a number grow: it is read whenever the user's code goes on to another line.

For what no allocation explains: memory of the C heap, buffers that have room for more than they hold, containers of
objects that were there before. Tracing lines takes a hundred times as long as running them, so this is done last, for a
repetition or two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field
from types import CodeType, FrameType
from typing import Any

from pytest_memguard.diagnosis.paths import Paths
from pytest_memguard.values import dataclass

_SLACK = 64
_SHARE = 10
_MOST_FRAMES = 100

#: File and line.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A line, by how much it makes the number grow, and the frames from which it did so, the innermost first."""

    place: Place
    by: int
    frames: tuple[Place, ...] = field(repr=False)


class Lines:
    """One tracer; ``run`` to be called with each repetition. ``codes``: globals of all Python code that was run."""

    def __init__(self, paths: Paths, read: Callable[[], int]) -> None:
        self.codes: dict[CodeType, dict[str, Any]] = {}
        self._is_user_file = paths.is_user_file
        self._read = read
        self._by_line: dict[Place, int] = {}
        self._frames: dict[Place, tuple[Place, ...]] = {}
        self._line: Place | None = None
        self._last = 0

    def run(self, repeat: Callable[[], None]) -> None:
        """Trace one repetition, in this thread; earlier ones count no more, but have made room for what is noted."""
        for place in self._by_line:
            self._by_line[place] = 0
        self._line = None
        self._last = self._read()
        with _tracing(self._enter):
            repeat()

    def most(self, wanted: int) -> Grown | None:
        """The line that accounts for the growth wanted; None where it is not certain which one does."""
        close = max(_SLACK, wanted // _SHARE) if wanted > _SLACK else 0
        fitting = [place for place, by in self._by_line.items() if by > 0 and abs(by - wanted) <= close]
        growing = [place for place, by in self._by_line.items() if by > close]
        found = fitting if len(fitting) == 1 else growing
        if len(found) != 1:
            return None
        return Grown(place=found[0], by=self._by_line[found[0]], frames=self._frames.get(found[0], ()))

    def _enter(self, frame: FrameType, _event: str, _arg: object) -> Callable[[FrameType, str, object], Any] | None:
        code = frame.f_code
        users = self._is_user_file(code.co_filename)
        if (users or self._line is not None) and code not in self.codes:
            self.codes[code] = frame.f_globals
        if not users:
            return None
        self._go_on(frame, (code.co_filename, frame.f_lineno))
        return self._trace

    def _trace(self, frame: FrameType, event: str, _arg: object) -> Callable[[FrameType, str, object], Any]:
        if event == "line":
            self._go_on(frame, (frame.f_code.co_filename, frame.f_lineno))
        elif event == "return":
            self._go_on(frame, self._caller(frame))
        return self._trace

    def _go_on(self, frame: FrameType, line: Place | None) -> None:
        """What has grown since the last line began was made to by that."""
        now, before = self._read(), self._line
        if now != self._last and before is not None:
            self._by_line[before] = self._by_line.get(before, 0) + now - self._last
            if now > self._last and before not in self._frames:
                self._frames[before] = _places(frame)
        self._line = line
        self._last = self._read()

    def _caller(self, frame: FrameType) -> Place | None:
        above = frame.f_back
        while above is not None:
            if self._is_user_file(above.f_code.co_filename):
                return above.f_code.co_filename, above.f_lineno
            above = above.f_back
        return None


@contextmanager
def _tracing(trace: Callable[[FrameType, str, object], Any]) -> Iterator[None]:
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


def can_trace() -> bool:
    """Whether nobody else does: a debugger, or what measures coverage."""
    return sys.gettrace() is None


def _places(frame: FrameType) -> tuple[Place, ...]:
    found: list[Place] = []
    above: FrameType | None = frame
    while above is not None and len(found) < _MOST_FRAMES:
        found.append((above.f_code.co_filename, above.f_lineno))
        above = above.f_back
    return tuple(found)
