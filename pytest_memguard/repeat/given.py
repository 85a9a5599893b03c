"""Hypothesis: a property may be run again, by another instance of its class, with the same few examples each time.

The health check ``differing_executors`` refuses a second instance, which is what each repetition makes; Hypothesis'
own pytest plugin lifts it in this way for parametrized tests. Fresh examples would fill Hypothesis' own caches, which
have no bound, and a deadline would be missed under ``tracemalloc``. The example database is left alone.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Iterator
from typing import Any

import pytest

_SETTINGS = "_hypothesis_internal_use_settings"
_MOST_WRAPPERS = 10
_MOST_EXAMPLES = 20


@contextlib.contextmanager
def repeatable(item: pytest.Item) -> Iterator[None]:
    """While entered the item's property, if it is one, can be repeated."""
    found = [(function, vars(function)[_SETTINGS]) for function in _properties(item)]
    try:
        for function, settings in found:
            setattr(function, _SETTINGS, _repeatable_settings(settings))
        yield
    finally:
        for function, settings in found:
            setattr(function, _SETTINGS, settings)


def _properties(item: pytest.Item) -> Iterator[Any]:
    """The function of the item and what it wraps, as far as Hypothesis has settings there."""
    name = getattr(item, "originalname", None)
    if "hypothesis" not in sys.modules or name is None:
        return
    # The item's own ``obj`` would make an instance of its class before the repetition does.
    function = inspect.getattr_static(getattr(item.parent, "obj", None), name, None)
    for _ in range(_MOST_WRAPPERS):
        function = getattr(function, "__func__", function)
        if not inspect.isfunction(function):
            return
        if _SETTINGS in vars(function):
            yield function
        function = vars(function).get("__wrapped__")


def _repeatable_settings(settings: Any) -> Any:
    check = sys.modules["hypothesis"].HealthCheck.differing_executors
    return type(settings)(
        parent=settings,
        suppress_health_check={check, *settings.suppress_health_check},
        max_examples=min(settings.max_examples, _MOST_EXAMPLES),
        derandomize=True,
        deadline=None,
        database=None,
    )
