"""Where questions to a live run are taken, and when each is answered: at once, or when the running test has ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from pytest_memguard.live.door import Letter
from pytest_memguard.live.wire import AT_ONCE, Request, WireError, decode_request, encode_answer

__all__ = ["Desk", "RefusedError"]

Answer = Mapping[str, Any]

#: Commands that may wait for the running test to end.
MOST_WAITING = 16
# Who asks without end gets so many answers a second, after a first run of that many: at 0.2 ms each, 0.4 % of the time.
_A_SECOND = 20.0
_AT_FIRST = 60.0
# Without the kernel's ring, and in case a test has turned it off: how often somebody looks between tests.
_LOOK_EVERY_S = 0.25
_MOST_WORDS = 300


class RefusedError(Exception):
    """What is asked for is not done; the message says why."""


class Post(Protocol):
    """Where letters come from and answers go."""

    def receive(self) -> Letter | None:
        """The next letter; never waits."""

    def answer(self, sender: str, line: bytes) -> bool:
        """Send *line*; never waits."""

    def hush(self, quiet: bool) -> None:
        """Do not ring, or ring again."""


class _Waiting(NamedTuple):
    sender: str
    request: Request


class Desk:
    """One per process. Everything in the main thread. ``next_s``: when to look between tests, if nobody rings.

    ``do(request)`` gives the answer, or raises ``RefusedError``. ``said`` goes into every answer. ``now()`` is what to
    say to whoever has to wait.
    """

    def __init__(
        self,
        post: Post,
        *,
        do: Callable[[Request], Answer],
        said: Answer,
        now: Callable[[], Answer],
        clock: Callable[[], float],
    ) -> None:
        self._post = post
        self._do = do
        self._said = said
        self._now = now
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._left = _AT_FIRST
        self._filled_s = clock()
        self._hushed = False
        self._at_work = False
        self.next_s = 0.0
        self.rung = False

    def visit(self) -> None:
        """Something may have come: answer what can be answered at once, also in the middle of a test."""
        self.rung = True
        if self._at_work:
            return  # whoever is at work here takes it
        self._at_work = True
        try:
            while self.rung:
                self.rung = False
                self._take_letters()
        finally:
            self._at_work = False

    @property
    def waiting(self) -> int:
        """Commands that wait for the running test to end."""
        return len(self._waiting)

    def is_due(self) -> bool:
        """Whether it is time to come here between two tests."""
        return self.rung or self._clock() >= self.next_s or bool(self._waiting)

    def between(self) -> bool:
        """Two tests are apart: answer everything; gives whether a command was carried out."""
        self.next_s = self._clock() + _LOOK_EVERY_S
        self.visit()
        done = bool(self._waiting)
        while self._waiting:
            sender, request = self._waiting.popleft()
            self._finish(sender, request)
        if self._hushed and self._may_answer():
            self._hushed = False
            self._post.hush(False)
        return done

    def end(self, reason: str) -> None:
        """Nothing is carried out any more: those who wait are told why."""
        while self._waiting:
            sender, request = self._waiting.popleft()
            self._send(sender, request.id, {"error": reason})

    def _take_letters(self) -> None:
        while True:
            if not self._may_answer():
                if not self._hushed:
                    self._hushed = True
                    self._post.hush(True)
                return
            letter = self._post.receive()
            if letter is None:
                return
            self._left -= 1.0
            if letter.sender and letter.line:
                self._read(letter)

    def _may_answer(self) -> bool:
        now = self._clock()
        self._left = min(_AT_FIRST, self._left + max(0.0, now - self._filled_s) * _A_SECOND)
        self._filled_s = now
        return self._left >= 1.0

    def _read(self, letter: Letter) -> None:
        try:
            request = decode_request(letter.line)
        except WireError as error:
            self._send(letter.sender, error.id, {"error": str(error)})
            return
        if request.ask in AT_ONCE:
            self._finish(letter.sender, request)
        elif len(self._waiting) >= MOST_WAITING:
            self._send(letter.sender, request.id, {"error": f"{MOST_WAITING} commands are waiting already"})
        else:
            self._waiting.append(_Waiting(letter.sender, request))
            self._send(letter.sender, request.id, {"waits": True, **self._now()})

    def _finish(self, sender: str, request: Request) -> None:
        try:
            answer: Answer = {"result": self._do(request)}
        except RefusedError as refusal:
            answer = {"error": str(refusal)}
        except Exception as error:  # noqa: BLE001 - the observer never breaks the suite; who asks is told
            answer = {"error": f"it failed: {type(error).__name__}: {error}"[:_MOST_WORDS]}
        self._send(sender, request.id, answer)

    def _send(self, sender: str, request_id: str, answer: Answer) -> None:
        self._post.answer(sender, encode_answer({"id": request_id, **self._said, **answer}))
