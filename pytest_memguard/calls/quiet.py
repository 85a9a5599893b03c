"""While calls are measured nothing that they write may pile up: output, log records and warnings go nowhere."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

_open = open  # a test may replace it
_NOWHERE = os.devnull


@contextlib.contextmanager
def quiet() -> Iterator[Callable[[], None]]:
    """While entered; yields what is to be called after each batch."""
    with contextlib.ExitStack() as stack:
        nowhere = stack.enter_context(_open(_NOWHERE, "w", encoding="utf-8", errors="replace"))
        for name in ("stdout", "stderr"):
            stack.callback(setattr, sys, name, getattr(sys, name))
            setattr(sys, name, nowhere)
        stack.enter_context(_without_records())
        recorded = stack.enter_context(warnings.catch_warnings(record=True))
        yield recorded.clear


@contextlib.contextmanager
def _without_records() -> Iterator[None]:
    """Take pytest's own handlers off the root logger: they keep every record until the end of the test."""
    logging: Any = sys.modules.get("logging")
    handlers: list[Any] = getattr(getattr(logging, "root", None), "handlers", [])
    before = list(handlers)
    handlers[:] = [handler for handler in before if not type(handler).__module__.startswith("_pytest.")]
    try:
        yield
    finally:
        added = [handler for handler in handlers if handler not in before]
        handlers[:] = [*before, *added]
