"""What ``assert_no_leak`` was called with, checked and named."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from pytest_memguard.diagnosis.anatomy import qualname_of, type_name
from pytest_memguard.units import UnitError, parse_size

_MOST_RUNS = 10_000_000
_BOUND = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)


def batch_size(runs: Any) -> int | None:
    """*runs* as it was given, None for as many as make sense; raises ``ValueError``."""
    if runs is None:
        return None
    if isinstance(runs, bool) or not isinstance(runs, int) or not 1 <= runs <= _MOST_RUNS:
        raise ValueError(f"memguard.assert_no_leak(runs={runs!r}): a whole number from 1 to {_MOST_RUNS} is wanted")
    return runs


def accepted(tolerance: Any) -> int:
    """Bytes a call that may stay; raises ``UnitError``, which is a ``ValueError``."""
    try:
        return parse_size(tolerance)
    except UnitError as error:
        text = f"memguard.assert_no_leak(tolerance={tolerance!r}): {error} is wanted"
        raise UnitError(text, remedy=error.remedy) from None


def function_name(function: Callable[..., object]) -> str:
    """``module.qualname`` as far as a callable tells; never raises."""
    target: Any = function
    while type(target) is functools.partial:
        target = target.func
    named = _text(target, "__qualname__") or _text(target, "__name__")
    if not named:
        return type_name(type(target))
    module = _text(target, "__module__")
    return f"{module}.{named}" if module not in ("", "builtins") else named


def named_arguments(function: Callable[..., object], call: functools.partial[object]) -> list[tuple[str, Any]]:
    """What each call is handed, by what to call it: ``argument 1 (list)``, ``data (bytes)``, ``self (Parser)``."""
    owner: Any = getattr(function, "__self__", None) if isinstance(function, _BOUND) else None
    found = [] if owner is None or isinstance(owner, types.ModuleType) else [("self", owner)]
    found += [(f"argument {number}", value) for number, value in enumerate(call.args, 1)]
    found += list(call.keywords.items())
    return [(f"{name} ({qualname_of(type(value))})", value) for name, value in found]


def _text(target: object, attribute: str) -> str:
    try:
        found = getattr(target, attribute, "")
    except Exception:  # noqa: BLE001 - a callable may be anything
        return ""
    return found if type(found) is str else ""
