"""The callables of a component: checked when they are given where that is possible, and run for a limited time."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pytest_memguard.components.deadline import within
from pytest_memguard.components.reference import Reference

__all__ = ["Action", "UnusableError", "objection"]


class UnusableError(Exception):
    """A callable that cannot be called as it has to be, with the reason."""


class Action:
    """Something to call, given as such or as ``module:attribute``."""

    __slots__ = ("_target",)

    def __init__(self, target: Callable[..., Any] | str) -> None:
        self._target: Any = Reference(target) if isinstance(target, str) else target

    @property
    def reference(self) -> Reference | None:
        """What leads to it, where it was not given as such."""
        return self._target if type(self._target) is Reference else None

    def run(self, seconds: float, *args: object) -> Any:
        """What it gives for *args*. Raises ``UnresolvedError``, ``UnusableError``, and what it raises itself."""
        function = self._target.function() if type(self._target) is Reference else self._target
        reason = objection(function, len(args))
        if reason is not None:
            raise UnusableError(reason)
        result = within(seconds, function, *args)
        if inspect.iscoroutine(result):
            result.close()
            raise UnusableError("it gave a coroutine, which nobody would await: wrap it with asyncio.run")
        return result


def objection(function: object, given: int) -> str | None:
    """Why *function* cannot be called with that many arguments by position; None where nothing is known against it."""
    if not callable(function):
        return f"a {type(function).__name__} cannot be called"
    if inspect.iscoroutinefunction(function):
        return "it is a coroutine function, which nobody would await: wrap it with asyncio.run"
    try:
        signature = inspect.signature(function)
    except Exception:  # noqa: BLE001 - functions of C code have none, and others may have one that raises
        return None
    try:
        signature.bind(*[None] * given)
    except TypeError:
        wanted = "no arguments" if not given else f"{given} argument{'s' * (given > 1)} by position"
        return f"it takes {signature}, and gets {wanted}"
    return None
