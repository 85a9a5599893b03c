"""Run code of others and survive it: what it gives, or in words why it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["told", "tried"]

_T = TypeVar("_T")
_MOST = 200


def tried(function: Callable[..., _T], *args: object) -> tuple[_T | None, str | None]:
    """``(result, None)``, or ``(None, reason)``; whatever it raises, an interrupt by the user apart.

    Not only ``Exception``: outcomes of tests (skip, fail), ``SystemExit`` and the end of a time limit are none.
    """
    try:
        return function(*args), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - somebody else's code
        return None, told(error)


def told(error: BaseException) -> str:
    """``KeyError: 'cart'`` in one line of bounded length; the type alone where the error cannot say itself."""
    name = type(error).__name__
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - somebody else's __str__
        return name
    if type(error).__module__.startswith("pytest_memguard."):
        return text[:_MOST]
    return f"{name}: {text[:_MOST]}" if text else name
