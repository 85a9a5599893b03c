"""Sessions: a singleton store without a bound, and a cache with one."""

from __future__ import annotations

import uuid
from collections import OrderedDict, deque
from typing import Any


class SessionStore:
    _instance: SessionStore | None = None

    def __new__(cls) -> SessionStore:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance.sessions = {}
        return cls._instance

    sessions: dict[str, dict[str, Any]]

    def open(self, user: str) -> str:
        key = uuid.uuid4().hex
        self.sessions[key] = {"user": user, "seen": []}  # leak: singleton-sessions
        return key

    def user(self, key: str) -> str:
        return str(self.sessions[key]["user"])

    def close(self, key: str) -> None:
        del self.sessions[key]


class TokenCache(OrderedDict[str, str]):
    """Evicts the least recently used token."""

    maxsize = 24

    def remember(self, token: str, user: str) -> None:
        self[token] = user
        self.move_to_end(token)
        while len(self) > self.maxsize:
            self.popitem(last=False)


tokens = TokenCache()
_LOGINS: deque[tuple[str, float]] = deque()
_RECENT: deque[str] = deque(maxlen=20)
_SHAPES: dict[int, tuple[object, tuple[int, ...]]] = {}


def log_in(user: str, at: float) -> int:
    _LOGINS.append((user, at))  # leak: deque-unbounded
    return len(_LOGINS)


def visit(page: str) -> list[str]:
    _RECENT.append(page + uuid.uuid4().hex)
    return list(_RECENT)


def shape(value: object) -> tuple[int, ...]:
    """Memo by identity, which has to keep the object so that its id stays its own."""
    known = _SHAPES.get(id(value))
    if known is None:
        known = (value, tuple(range(300, 300 + len(str(value)))))
        _SHAPES[id(value)] = known  # leak: id-memo
    return known[1]
