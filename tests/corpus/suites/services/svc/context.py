"""Context variables: set, reset, forgotten."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

user: contextvars.ContextVar[str | None] = contextvars.ContextVar("user", default=None)
trail: contextvars.ContextVar[tuple[dict[str, str], ...]] = contextvars.ContextVar("trail", default=())

_TOKENS: list[contextvars.Token[str | None]] = []
_SNAPSHOTS: list[contextvars.Context] = []


def become(name: str) -> None:
    _TOKENS.append(user.set(name))  # leak: context-tokens


@contextlib.contextmanager
def acting_as(name: str) -> Iterator[None]:
    token = user.set(name)
    try:
        yield
    finally:
        user.reset(token)


def step(name: str) -> int:
    trail.set((*trail.get(), {"step": name}))  # leak: context-trail
    return len(trail.get())


def snapshot() -> contextvars.Context:
    taken = contextvars.copy_context()
    _SNAPSHOTS.append(taken)  # leak: context-snapshots
    return taken
